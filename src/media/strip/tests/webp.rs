//! WebP: chunks, the extended header, frames.

use image::RgbaImage;

use super::*;
use crate::media::testing::{Exif, corners, encoded, exif, profile};

fn chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).unwrap().to_le_bytes();
    [kind.as_slice(), &length, contents, &vec![0; contents.len() % 2]].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let contents = [b"WEBP".as_slice(), &chunks.concat()].concat();
    chunk(b"RIFF", &contents)
}

/// The chunk of pixels of a simple file, `VP8L`.
fn lossless() -> Vec<u8> {
    encoded(corners(12, 8), ImageFormat::WebP)[12..].to_vec()
}

fn extended(flags: u8) -> Vec<u8> {
    chunk(b"VP8X", &[flags, 0, 0, 0, 11, 0, 0, 7, 0, 0])
}

fn secrets(orientation: u16) -> Vec<u8> {
    let exif = exif(&Exif { make: Some("SECRET"), orientation: Some(orientation), ..Exif::default() });
    [chunk(b"EXIF", &exif), chunk(b"XMP ", b"<x>SECRET</x>"), chunk(b"junk", b"<script>SECRET</script>")].concat()
}

fn full_of_secrets(orientation: u16) -> Vec<u8> {
    let chunks = [extended(0x2C), chunk(b"ICCP", &profile(2)), secrets(1), lossless(), secrets(orientation)];
    [riff(&chunks), b"PK\x03\x04SECRET".to_vec()].concat()
}

fn animated(secrets: &[u8], flags: u8) -> Vec<u8> {
    let frame = || {
        chunk(b"ANMF", &[&[0, 0, 0, 0, 0, 0, 11, 0, 0, 7, 0, 0, 50, 0, 0, 0], lossless().as_slice(), secrets].concat())
    };
    let secrets = secrets.to_vec();
    riff(&[extended(flags), secrets.clone(), chunk(b"ANIM", &[0; 6]), frame(), secrets.clone(), frame(), secrets])
}

#[test]
fn only_pixels_and_colours_are_kept() {
    let plain = riff(&[lossless()]);
    let copy = clean_of(&full_of_secrets(1), &plain);
    let neutral = crate::media::strip::icc::neutral(&profile(2)).unwrap();
    assert_eq!(profile_of(&copy).unwrap(), neutral);
    assert_eq!(copy, riff(&[extended(0x20), chunk(b"ICCP", &neutral), lossless()]));
    // A simple file has no header, and needs none.
    assert_eq!(clean_of(&riff(&[lossless(), secrets(1)]), &plain), plain);
    // A profile that is none is left out, and the header says so.
    let no_profile = riff(&[extended(0x20), chunk(b"ICCP", b"<b>SECRET</b>"), lossless()]);
    assert_eq!(clean_of(&no_profile, &plain), riff(&[extended(0), lossless()]));
}

#[test]
fn transparency_is_kept() {
    let pixels = RgbaImage::from_fn(12, 8, |x, y| image::Rgba([x as u8 * 20, y as u8 * 30, 0, x as u8 * 20]));
    let plain = ::webp::Encoder::from_rgba(&pixels, 12, 8).encode(80.0).to_vec();
    assert!(holds(&plain, b"ALPH"));
    let file = riff(&[plain[12..].to_vec(), secrets(1)]);
    assert_eq!(clean_of(&file, &plain), plain);
}

#[test]
fn animations_keep_their_frames() {
    let plain = animated(&[], 2);
    assert_eq!(frames(&plain).unwrap().len(), 2);
    // No decoder at hand reads what stands between frames, though the specification allows it.
    assert_eq!(cleaned(&animated(&secrets(1), 2 | 0x0C)).unwrap().1, plain);
}

#[test]
fn a_turned_photo_needs_to_be_encoded() {
    assert_eq!(cleaned(&full_of_secrets(6)).unwrap().0, Cleaned::NeedsReencode);
}

#[test]
fn lengths_that_lie_are_refused_or_mended() {
    let plain = riff(&[lossless()]);
    let mut longer = plain.clone();
    longer.splice(4..8, [0xF0, 0xFF, 0xFF, 0xFF]);
    assert_eq!(cleaned(&longer).unwrap().1, plain);
    let mut pixels = plain.clone();
    pixels.splice(16..20, [0xF0, 0xFF, 0xFF, 0xFF]);
    assert!(matches!(cleaned(&pixels), Err(MediaError::Damaged)));
    let unfinished = [riff(&[lossless(), chunk(b"EXIF", SECRET)]), vec![]].concat();
    assert_eq!(cleaned(&unfinished[..unfinished.len() - 3]).unwrap().1, plain);
}

#[test]
fn broken_files_are_refused_or_copied() {
    torment(&full_of_secrets(1));
    torment(&animated(&secrets(1), 2));
}
