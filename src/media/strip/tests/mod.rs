//! Clean copies of good, broken and hostile files, made in memory.

mod gif;
mod jpeg;
mod png;
mod webp;

use std::io::Cursor;

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat};

use super::{Cleaned, clean};
use crate::media::testing::{holds, noise};
use crate::media::{Format, MediaError, sniff};

/// What must not be in any copy: all that the tests hide has this in it.
const SECRET: &[u8] = b"SECRET";

fn cleaned(bytes: &[u8]) -> Result<(Cleaned, Vec<u8>), MediaError> {
    let mut out = Vec::new();
    let outcome = clean(Cursor::new(bytes), sniff(bytes).unwrap(), &mut out)?;
    assert_eq!(outcome == Cleaned::NeedsReencode, out.is_empty());
    Ok((outcome, out))
}

/// The clean copy of `file`, which is full of secrets. It has the same pixels as `plain` and none of the secrets.
fn clean_of(file: &[u8], plain: &[u8]) -> Vec<u8> {
    assert!(holds(file, SECRET));
    let (outcome, copy) = cleaned(file).unwrap();
    assert_eq!(outcome, Cleaned::Copied);
    assert!(!holds(&copy, SECRET) && !holds(&copy, b"Exif") && !holds(&copy, b"EXIF"));
    assert!(frames(&copy).is_some());
    assert_eq!(frames(&copy), frames(plain));
    assert_eq!(frames(&copy), frames(file));
    assert_eq!(cleaned(&copy).unwrap().1, copy, "a copy of the copy is the same");
    copy
}

/// The pixels of each frame, with its time in milliseconds.
fn frames(bytes: &[u8]) -> Option<Vec<(DynamicImage, u32)>> {
    let all = |frames: image::Frames| {
        let frames = frames.collect_frames().ok()?.into_iter();
        Some(
            frames
                .map(|frame| (frame.delay().numer_denom_ms().0, frame.into_buffer()))
                .map(|(time, pixels)| (pixels.into(), time))
                .collect(),
        )
    };
    let still = |kind| Some(vec![(image::load_from_memory_with_format(bytes, kind).ok()?, 0)]);
    match sniff(bytes)? {
        Format::Jpeg => still(ImageFormat::Jpeg),
        Format::Gif => all(GifDecoder::new(Cursor::new(bytes)).ok()?.into_frames()),
        Format::Png => {
            let decoder = PngDecoder::new(Cursor::new(bytes)).ok()?;
            if decoder.is_apng().ok()? { all(decoder.apng().ok()?.into_frames()) } else { still(ImageFormat::Png) }
        }
        Format::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(bytes)).ok()?;
            if decoder.has_animation() { all(decoder.into_frames()) } else { still(ImageFormat::WebP) }
        }
        Format::Heic | Format::Avif => None,
    }
}

fn profile_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = Cursor::new(bytes);
    match sniff(bytes.get_ref())? {
        Format::Jpeg => image::codecs::jpeg::JpegDecoder::new(bytes).unwrap().icc_profile(),
        Format::Png => PngDecoder::new(bytes).unwrap().icc_profile(),
        Format::WebP => WebPDecoder::new(bytes).unwrap().icc_profile(),
        _ => Ok(None),
    }
    .unwrap()
}

/// Cuts `file` off at every place and changes every byte: nothing panics, and what could be decoded before still can be,
/// with the same pixels, or is refused.
fn torment(file: &[u8]) {
    for length in 12..file.len() {
        check(&file[..length], true);
    }
    let mut random = noise(file.len() as u64);
    for round in 0..4000 {
        let mut file = file.to_vec();
        for _ in 0..=round % 4 {
            let at = random() as usize % file.len();
            file[at] = [0, 1, 0xFF, file[at] ^ 1 << (random() % 8), random().to_le_bytes()[0]][round % 5];
        }
        check(&file, round % 8 == 0);
    }
}

fn check(file: &[u8], pixels: bool) {
    if sniff(file).is_none() {
        return;
    }
    if let Ok((Cleaned::Copied, copy)) = cleaned(file) {
        assert_eq!(cleaned(&copy).unwrap().1, copy, "a copy of the copy is the same");
        // Pixels may be different only where decoders had to guess.
        if pixels && frames(file).is_some() {
            assert!(frames(&copy).is_some(), "no longer decodes: {file:02X?}");
        }
    }
}

#[test]
fn what_is_not_copied_in_parts_needs_to_be_encoded() {
    for format in [Format::Heic, Format::Avif] {
        assert_eq!(clean(Cursor::new(b""), format, &mut Vec::new()).unwrap(), Cleaned::NeedsReencode);
    }
    for format in [Format::Jpeg, Format::Png, Format::Gif, Format::WebP] {
        for bytes in [b"".as_slice(), b"\xFF\xD8", b"\x89PNG\r\n\x1A\n", b"GIF89a", b"RIFF\x04\0\0\0WEBP", &[b'A'; 99]]
        {
            assert!(matches!(clean(Cursor::new(bytes), format, &mut Vec::new()), Err(MediaError::Damaged)));
        }
    }
}

#[test]
fn a_full_disk_is_not_the_photos_fault() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::Other.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let file = jpeg::plain();
    assert!(matches!(clean(Cursor::new(file), Format::Jpeg, &mut Full), Err(MediaError::Internal(_))));
}
