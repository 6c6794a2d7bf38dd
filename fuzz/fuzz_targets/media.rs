//! Any bytes as a photo, through every door of `src/media`: nothing panics (decoders neither: `catch_unwind` does not hide
//! it here), hangs, or takes more memory than was announced; facts are within their bounds, renditions have their sizes and
//! no metadata, and a clean copy is clean.
#![no_main]

use std::cell::RefCell;
use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use media::{Cleaned, Facts, Format, HEAD, Inspected, Limits, OutsideDecoder, RenditionName, Said};
use peak_alloc::PeakAlloc;
use tempfile::NamedTempFile;

/// The module alone: building the whole server for this would take minutes.
#[path = "../../src/media/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the rest of the module is the server's")]
mod media;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Small, so that there are many runs.
const LIMITS: Limits = Limits { megapixels: 1 };

/// Pictures with more pixels are inspected and copied, and only one of eight is processed too: encoding them takes long.
const QUICK: u32 = 40_000;

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().unwrap());
}

fuzz_target!(|bytes: &[u8]| {
    facts(bytes);
    let Ok(format) = media::identify(&bytes[..bytes.len().min(HEAD)]) else { return };
    if let Some(copy) = cleaned(bytes, format) {
        assert!(copy.len() <= bytes.len() + 1024, "a copy grew");
        assert!(cleaned(&copy, format) == Some(copy), "a copy of the copy is another");
    }
    FILE.with_borrow_mut(|file| {
        file.as_file_mut().set_len(0).unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        photo(file.path(), bytes, format);
    });
});

fn facts(bytes: &[u8]) {
    let whole = || Some(bytes.to_vec());
    let said = Said { exif: whole(), xmp: whole(), iptc: whole() };
    for facts in [Facts::read(&said), Facts::of_container_in(Cursor::new(bytes))] {
        assert!(facts.taken_at.is_some() || facts.utc_offset_minutes.is_none());
        assert!(facts.place.is_none_or(|place| place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0));
        assert!(facts.exposure.words().iter().all(|words| words.len() < 30));
    }
}

/// The copy that needs no encoding, if there is one.
fn cleaned(bytes: &[u8], format: Format) -> Option<Vec<u8>> {
    let mut copy = Vec::new();
    let made = media::clean(Cursor::new(bytes), format, &mut copy);
    matches!(made, Ok(Cleaned::Copied)).then_some(copy)
}

fn photo(path: &Path, bytes: &[u8], format: Format) {
    let Ok(inspected) = within(16 << 20, || media::inspect(path, format, LIMITS)) else { return };
    assert!(u64::from(inspected.width) * u64::from(inspected.height) <= 1_000_000);
    if inspected.width * inspected.height > QUICK && !bytes.len().is_multiple_of(8) {
        return;
    }
    let outside = OutsideDecoder::missing_altogether();
    process(path, &inspected, &outside);

    let mut copy = Cursor::new(Vec::new());
    // The copy itself would be on disk.
    let room = inspected.working_bytes + 4 * bytes.len() as u64 + (8 << 20);
    if let Ok(as_format) = within(room, || media::clean_copy(path, &inspected, &outside, &mut copy)) {
        let end = copy.position() as usize;
        let copy = &copy.into_inner()[..end];
        match cleaned(bytes, format) {
            Some(expected) => assert!(copy == expected && as_format == format, "not the copy that needs no encoding"),
            None => assert!(as_format == Format::Jpeg && copy.ends_with(b"\xFF\xD9"), "more than a JPEG"),
        }
        assert!(cleaned(copy, as_format).is_some(), "a visitor's copy is not clean");
    }
}

fn process(path: &Path, inspected: &Inspected, outside: &OutsideDecoder) {
    let Ok(done) = within(inspected.working_bytes, || media::process(path, inspected, outside)) else { return };
    assert!((1..=30).contains(&done.placeholder.len()));
    assert!(!done.animated || inspected.animated);
    let names: Vec<_> = done.renditions.iter().map(|rendition| rendition.name).collect();
    assert_eq!(names, &RenditionName::ALL[..3 + usize::from(done.animated)]);
    for rendition in &done.renditions {
        let format = media::sniff(&rendition.bytes);
        assert_eq!(format.map(Format::content_type), Some(rendition.content_type));
        if rendition.name != RenditionName::Moving {
            assert_eq!((rendition.width, rendition.height), rendition.name.fitted(done.width, done.height));
            let clean = cleaned(&rendition.bytes, Format::WebP);
            assert!(clean.as_ref() == Some(&rendition.bytes), "a rendition is not clean");
        }
    }
}

/// Runs `work`, which may take so many bytes of memory more than there are in use (what C code takes is not seen).
fn within<T>(most: u64, work: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let done = work();
    let taken = MEMORY.peak_usage().saturating_sub(before) as u64;
    assert!(taken <= most, "{taken} bytes taken of {most}");
    done
}
