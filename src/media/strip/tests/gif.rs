//! GIF: blocks, extensions, frames.

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbaImage};

use super::*;

fn plain() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    let frame = |grey| {
        let pixels = RgbaImage::from_fn(6, 5, |x, _| image::Rgba([grey, 40 * x as u8, 0, 255]));
        Frame::from_parts(pixels, 0, 0, Delay::from_numer_denom_ms(50, 1))
    };
    encoder.encode_frames([frame(10), frame(200)]).unwrap();
    drop(encoder);
    file
}

const SECRETS: &[u8] =
    b"\x21\xFE\x06SECRET\x05 more\0\x21\xFF\x0BXMP DataXMP\x0D<x>SECRET</x>\0\x21\xFF\x0BSECRET 1.0\0\x06SECRET\0\
    \x21\x01\x0C\0\0\0\0\0\0\0\0\0\0\0\0\x06SECRET\0";

/// With secrets before each frame's control block and between it and its frame.
fn full_of_secrets() -> Vec<u8> {
    let plain = plain();
    let mut file = Vec::new();
    for (at, byte) in plain.iter().enumerate() {
        if plain[at..].starts_with(b"\x21\xF9\x04")
            || plain[..at].ends_with(&[0]) && plain[at..].starts_with(b"\x2C\0\0\0\0\x06")
        {
            file.extend(SECRETS);
        }
        file.push(*byte);
    }
    [file.as_slice(), b"*/;alert('SECRET')//PK\x03\x04SECRET"].concat()
}

#[test]
fn only_frames_and_their_times_are_kept() {
    let plain = plain();
    assert_eq!(frames(&plain).unwrap().len(), 2);
    let copy = clean_of(&full_of_secrets(), &plain);
    assert!(holds(&copy, b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\0\0\0"));
    assert_eq!(copy.len(), plain.len());
}

#[test]
fn a_missing_end_is_added() {
    let plain = plain();
    assert_eq!(cleaned(&plain[..plain.len() - 1]).unwrap().1, plain);
    // What is cut off within its pixels ends there.
    let (_, copy) = cleaned(&plain[..plain.len() - 4]).unwrap();
    assert!(copy.ends_with(&[0, 0x3B]));
}

#[test]
fn broken_files_are_refused_or_copied() {
    torment(&full_of_secrets());
}
