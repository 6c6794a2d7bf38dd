//! PNG: chunks, their checksums, animations.

use super::*;
use crate::media::testing::{Exif, corners, encoded, exif, profile};

fn plain() -> Vec<u8> {
    encoded(corners(12, 8), ImageFormat::Png)
}

fn chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let named = [kind.as_slice(), contents].concat();
    let length = u32::try_from(contents.len()).unwrap().to_be_bytes();
    [&length, named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat()
}

/// The file's chunks: kind, contents.
fn chunks(png: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let mut rest = &png[8..];
    let mut all = Vec::new();
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(*rest.first_chunk().unwrap()) as usize;
        all.push((rest[4..8].try_into().unwrap(), rest[8..8 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    all
}

fn with_profile() -> Vec<u8> {
    let mut compressed = flate2::write::ZlibEncoder::new(b"SECRET\0\0".to_vec(), flate2::Compression::default());
    std::io::Write::write_all(&mut compressed, &profile(4)).unwrap();
    chunk(b"iCCP", &compressed.finish().unwrap())
}

fn secrets(orientation: u16) -> Vec<u8> {
    let exif = exif(&Exif { make: Some("SECRET"), orientation: Some(orientation), ..Exif::default() });
    [
        chunk(b"tEXt", b"Comment\0SECRET"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0SECRET"),
        chunk(b"eXIf", &exif),
        chunk(b"tIME", b"SECRET."),
        chunk(b"quIc", b"<script>SECRET</script>"),
        chunk(b"gAMA", b"too long: SECRET"),
    ]
    .concat()
}

fn full_of_secrets(orientation: u16) -> Vec<u8> {
    let plain = plain();
    let idat = plain.windows(4).position(|kind| kind == b"IDAT").unwrap() - 4;
    let end = plain.len() - 12;
    let mut wrong = chunk(b"gAMA", &[0, 1, 2, 3]);
    *wrong.last_mut().unwrap() ^= 1;
    let before = [with_profile(), wrong, chunk(b"pHYs", &[0, 0, 0, 9, 0, 0, 0, 9, 1]), secrets(1)].concat();
    let after = [&secrets(orientation), b"\0\0\0\0IEND\xAE\x42\x60\x82PK\x03\x04SECRET".as_slice()].concat();
    [&plain[..33], &before, &plain[idat..end], &after].concat()
}

/// Two frames of 70 ms, the first of them the still image.
fn animated(between: &[u8]) -> Vec<u8> {
    let data = |image: image::RgbImage| {
        let of = chunks(&encoded(image, ImageFormat::Png)).into_iter().filter(|(kind, _)| kind == b"IDAT");
        of.flat_map(|(_, contents)| contents).collect::<Vec<_>>()
    };
    let control = |number: u8| {
        chunk(b"fcTL", &[0, 0, 0, number, 0, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 100, 0, 0])
    };
    let second = data(image::RgbImage::from_pixel(12, 8, image::Rgb([9, 8, 7])));
    let header = plain()[..33].to_vec();
    let animation = chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    let first = chunk(b"IDAT", &data(corners(12, 8)));
    let second = chunk(b"fdAT", &[[0, 0, 0, 2].as_slice(), &second].concat());
    let parts = [header, animation, control(0), first, control(1), second, chunk(b"IEND", &[])];
    let (header, rest) = parts.split_first().unwrap();
    let rest = rest.iter().flat_map(|part| [between, part].concat()).collect::<Vec<_>>();
    [header, rest.as_slice()].concat()
}

#[test]
fn only_pixels_and_colours_are_kept() {
    let copy = clean_of(&full_of_secrets(1), &plain());
    let kinds: Vec<_> = chunks(&copy).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [*b"IHDR", *b"iCCP", *b"pHYs", *b"IDAT", *b"IEND"]);
    assert_eq!(profile_of(&copy), crate::media::strip::icc::neutral(&profile(4)));
    assert!(profile_of(&copy).is_some());
}

#[test]
fn animations_keep_their_frames() {
    let file = animated(&secrets(1));
    assert_eq!(frames(&file).unwrap().len(), 2);
    let copy = clean_of(&file, &animated(&[]));
    assert_eq!(copy, animated(&[]));
}

#[test]
fn a_turned_photo_needs_to_be_encoded() {
    assert_eq!(cleaned(&full_of_secrets(6)).unwrap().0, Cleaned::NeedsReencode);
    assert_eq!(cleaned(&animated(&secrets(8))).unwrap().0, Cleaned::NeedsReencode);
}

#[test]
fn wrong_checksums_and_unknown_needs_are_refused() {
    let plain = plain();
    for (at, kind) in [(16, "IHDR"), (plain.len() - 20, "IDAT")] {
        let mut file = plain.clone();
        file[at] ^= 0x10;
        assert!(matches!(cleaned(&file), Err(MediaError::Damaged)), "{kind}");
    }
    let needed = [&plain[..33], &chunk(b"CgBI", &[1, 2, 3, 4]), &plain[33..]].concat();
    assert!(matches!(cleaned(&needed), Err(MediaError::Damaged)));
    // Pixels go on after something else.
    let idat = plain.len() - 12;
    let again = [&plain[..idat], &chunk(b"tEXt", SECRET), &chunk(b"IDAT", SECRET), &plain[idat..]].concat();
    assert!(matches!(cleaned(&again), Err(MediaError::Damaged)));
}

#[test]
fn a_profile_that_expands_without_end_is_left_out() {
    let bomb = flate2::bufread::ZlibEncoder::new(
        std::io::Read::take(std::io::BufReader::new(std::io::repeat(0)), 64 << 20),
        flate2::Compression::fast(),
    );
    let mut compressed = b"SECRET\0\0".to_vec();
    std::io::Read::read_to_end(&mut { bomb }, &mut compressed).unwrap();
    let plain = plain();
    let file = [&plain[..33], &chunk(b"iCCP", &compressed), &plain[33..]].concat();
    assert_eq!(cleaned(&file).unwrap().1, plain);
}

#[test]
fn a_missing_end_is_added() {
    let plain = plain();
    for missing in [1, 4, 5, 8, 12] {
        assert_eq!(cleaned(&plain[..plain.len() - missing]).unwrap().1, plain, "{missing}");
    }
}

#[test]
fn broken_files_are_refused_or_copied() {
    torment(&full_of_secrets(1));
    torment(&animated(&chunk(b"tEXt", b"a\0SECRET")));
}
