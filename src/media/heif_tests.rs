//! Headers of HEIC and AVIF files, whole and hostile, through [`read_from`].

use std::io;

use super::heif::{Cicp, Header, read_from};
use super::{Limits, MediaError};

const LIMITS: Limits = Limits { megapixels: 100 };

fn header(bytes: &[u8]) -> Result<Header, MediaError> {
    read_from(&mut io::Cursor::new(bytes), bytes.len() as u64)
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes(), kind.as_slice(), content].concat()
}

fn size(width: u32, height: u32) -> Vec<u8> {
    boxed(b"ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
}

/// An item: number, kind, its properties by number.
struct Item(u8, &'static [u8; 4], &'static [u8]);

/// A file whose primary image is number 1.
fn file(items: &[Item], properties: &[Vec<u8>], references: &[Vec<u8>]) -> Vec<u8> {
    let infe =
        |Item(id, kind, _): &Item| boxed(b"infe", &[&[2, 0, 0, 0, 0, *id, 0, 0], kind.as_slice(), &[0]].concat());
    let iinf =
        [&[0, 0, 0, 0, 0, items.len() as u8], items.iter().flat_map(infe).collect::<Vec<_>>().as_slice()].concat();
    let owners = items.iter().flat_map(|Item(id, _, owned)| [&[0, *id, owned.len() as u8], *owned].concat());
    let ipma = [&[0, 0, 0, 0, 0, 0, 0, items.len() as u8], owners.collect::<Vec<_>>().as_slice()].concat();
    let iprp = [boxed(b"ipco", &properties.concat()), boxed(b"ipma", &ipma)].concat();
    let meta = [
        vec![0; 4],
        boxed(b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        boxed(b"pitm", &[0, 0, 0, 0, 0, 1]),
        boxed(b"iinf", &iinf),
        boxed(b"iprp", &iprp),
        boxed(b"iref", &[vec![0; 4], references.concat()].concat()),
    ];
    [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), boxed(b"meta", &meta.concat())].concat()
}

fn reference(kind: &[u8; 4], from: u8, to: &[u8]) -> Vec<u8> {
    let to_all: Vec<u8> = to.iter().flat_map(|to| [0, *to]).collect();
    boxed(kind, &[&[0, from, 0, to.len() as u8], to_all.as_slice()].concat())
}

#[test]
fn a_photo_of_tiles_is_understood() {
    let properties = [
        size(4032, 3024),
        size(512, 512),
        boxed(b"irot", &[1]),
        boxed(b"pixi", &[0, 0, 0, 0, 3, 10, 10, 10]),
        boxed(b"colr", b"nclx\0\x0C\0\x0D\0\x06\x80"),
        size(2016, 1512),
    ];
    let items =
        [Item(1, b"grid", &[1, 0x83, 5]), Item(2, b"hvc1", &[2, 4]), Item(3, b"hvc1", &[6]), Item(4, b"Exif", &[])];
    let references = [reference(b"dimg", 1, &[2; 48]), reference(b"auxl", 3, &[1]), reference(b"cdsc", 4, &[1])];
    let bytes = file(&items, &properties, &references);
    let header = header(&bytes).unwrap();
    assert_eq!((header.width, header.height, header.turned, header.deep), (4032, 3024, true, true));
    assert_eq!(header.cicp, Some(Cicp { primaries: 12, transfer: 13 }));
    // The gain map is not decoded.
    assert_eq!(header.work, 4032 * 3024 + 48 * 512 * 512);
    // The tile and the gain map, in whatever order; not the EXIF data.
    let hidden: Vec<_> = header.edits.iter().filter(|edit| edit.bytes == [1]).collect();
    assert_eq!(hidden.len(), 2);
    for edit in hidden {
        assert_eq!(bytes[usize::try_from(edit.at).unwrap() - 7..][..4], *b"infe");
    }
    // The references of gain map and EXIF data are free space; that of the tiles is not.
    let mut copy = bytes.clone();
    for edit in &header.edits {
        let at = usize::try_from(edit.at).unwrap();
        copy.splice(at..at + edit.bytes.len(), edit.bytes.iter().copied());
    }
    let count = |kind: &[u8]| copy.windows(kind.len()).filter(|part| *part == kind).count();
    assert_eq!((count(b"auxl"), count(b"cdsc"), count(b"dimg"), count(b"free")), (0, 0, 1, 2));
    assert!(header.check(LIMITS).is_ok());
    assert!(matches!(header.check(Limits { megapixels: 12 }), Err(MediaError::TooManyPixels { width: 4032, .. })));
}

#[test]
fn a_profile_goes_before_numbers() {
    let properties = [size(8, 8), boxed(b"colr", b"nclx\0\x0C\0\x0D\0\x06\x80"), boxed(b"colr", b"prof....")];
    let header = header(&file(&[Item(1, b"av01", &[1, 2, 3])], &properties, &[])).unwrap();
    assert_eq!(header.profile.unwrap(), b"....");
    // Should nobody be able to read it.
    assert_eq!(header.cicp, Some(Cicp { primaries: 12, transfer: 13 }));
}

#[test]
fn profiles_of_printing_presses_are_read_and_anything_else_as_large_is_not() {
    let with = |kind: &[u8; 4], begin: &[u8], length: usize| {
        let large = boxed(kind, &[begin, &vec![0; length]].concat());
        header(&file(&[Item(1, b"hvc1", &[1, 2])], &[size(8, 8), large], &[]))
    };
    for length in [1_800_000, 4 << 20] {
        assert_eq!(with(b"colr", b"prof", length).unwrap().profile.unwrap().len(), length);
    }
    assert!(matches!(with(b"colr", b"prof", 5 << 20), Err(MediaError::Damaged)));
    assert!(with(b"uuid", b"", 500_000).is_ok());
    for (kind, begin) in [(b"uuid", b"".as_slice()), (b"colr", b"nclx\0\x0C\0\x0D\0\x06\x80".as_slice())] {
        assert!(matches!(with(kind, begin, 2 << 20), Err(MediaError::Damaged)), "{kind:?}");
    }
}

#[test]
fn a_film_without_a_photo_is_called_one() {
    for brands in [b"msf1\0\0\0\0msf1hevc".as_slice(), b"hevc\0\0\0\0msf1hevc", b"avis\0\0\0\0msf1avis"] {
        let (ftyp, moov, mdat) = (boxed(b"ftyp", brands), boxed(b"moov", &[0; 100]), boxed(b"mdat", &[0; 100]));
        for film in [[ftyp.as_slice(), &moov, &mdat].concat(), [ftyp.as_slice(), &mdat, &moov].concat()] {
            let error = header(&film).unwrap_err();
            assert!(matches!(error, MediaError::RareKind { .. }), "{error:?}");
            assert!(error.to_string().starts_with("This is a HEIC or AVIF film without a photo"), "{error}");
        }
        // Where the film is cut off, there may have been a photo behind it.
        let cut = [ftyp.as_slice(), &moov[..50]].concat();
        assert!(matches!(header(&cut), Err(MediaError::Damaged)));
    }
    // With a photo, it is one.
    let photo = file(&[Item(1, b"av01", &[1])], &[size(8, 8)], &[]);
    assert!(header(&[photo, boxed(b"moov", &[0; 100])].concat()).is_ok());
}

#[test]
fn parts_out_of_proportion_are_refused() {
    let items = [Item(1, b"grid", &[1]), Item(2, b"hvc1", &[2])];
    let many = file(&items, &[size(100, 100), size(10_000, 10_000)], &[reference(b"dimg", 1, &[2, 2, 2])]);
    assert!(matches!(header(&many).unwrap().check(LIMITS), Err(MediaError::Damaged)));
    // Twice as many at every step, and never an end.
    let loops =
        file(&items, &[size(1, 1), size(1, 1)], &[reference(b"dimg", 1, &[1, 2]), reference(b"dimg", 2, &[1, 2])]);
    assert!(matches!(header(&loops), Err(MediaError::Damaged)));
    let empty = header(&file(&[Item(1, b"av01", &[1])], &[size(0, 7)], &[])).unwrap();
    assert!(matches!(empty.check(LIMITS), Err(MediaError::Damaged)));
    let long = header(&file(&[Item(1, b"av01", &[1])], &[size(100_000, 1)], &[])).unwrap();
    assert!(matches!(long.check(LIMITS), Err(MediaError::TooLong { .. })));
}

#[test]
fn rubbish_is_damaged_and_never_more() {
    let whole = file(
        &[Item(1, b"grid", &[1]), Item(2, b"hvc1", &[2])],
        &[size(64, 64), size(64, 64)],
        &[reference(b"dimg", 1, &[2])],
    );
    assert!(header(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(matches!(header(&whole[..length]), Err(MediaError::Damaged)), "{length}");
    }
    let real: [&[u8]; 4] = [
        include_bytes!("outside/trial.heic"),
        include_bytes!("outside/trial.avif"),
        include_bytes!("outside/trial-rich.heic"),
        include_bytes!("outside/trial-rich.avif"),
    ];
    for whole in real.into_iter().chain([whole.as_slice()]) {
        assert!(header(whole).is_ok());
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7F, 0xFF] {
                let mut bytes = whole.to_vec();
                bytes[at] = byte;
                assert!(matches!(header(&bytes), Ok(_) | Err(MediaError::Damaged)), "{at} {byte}");
            }
        }
    }
    let ftyp = boxed(b"ftyp", b"heic\0\0\0\0");
    for meta in [b"\0\0\0\x01metaXXXXXXXX".as_slice(), b"\0\0\0\0meta", b"\0\0\0\x07meta", b"\xFF\xFF\xFF\xFFmeta"] {
        assert!(matches!(header(&[&ftyp, meta].concat()), Err(MediaError::Damaged)));
    }
    let long = boxed(b"meta", &vec![0; 2 << 20]);
    assert!(matches!(header(&[ftyp.clone(), long].concat()), Err(MediaError::Damaged)));
    assert!(matches!(header(&ftyp.repeat(1000)), Err(MediaError::Damaged)));
}
