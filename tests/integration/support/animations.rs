//! Pictures that play, each with a [`COMMENT`] inside, and how many frames one has.

use std::io::Cursor;

use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Delay, DynamicImage, Frame, ImageFormat, Rgba, RgbaImage};

use super::images::{encoded, number};

/// What somebody wrote into the file.
pub const COMMENT: &[u8] = b"SECRET of the sender";

const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;

/// Frames each of another colour, other ones at every call.
fn pictures(frames: u8) -> Vec<RgbaImage> {
    let [.., a, b] = number().to_be_bytes();
    let picture = |frame: u8| {
        RgbaImage::from_fn(WIDTH, HEIGHT, |x, y| match (x, y) {
            (0..8, 0..8) => Rgba([a, b, 0, 255]),
            _ => Rgba([frame * 60, 255 - frame * 60, 128, 255]),
        })
    };
    (0..frames).map(picture).collect()
}

/// An animated GIF with a comment.
pub fn gif(frames: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut file, 30);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for picture in pictures(frames) {
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, Delay::from_numer_denom_ms(100, 1))).unwrap();
    }
    drop(encoder);
    assert_eq!(file.pop(), Some(0x3B), "the end");
    file.extend([0x21, 0xFE, u8::try_from(COMMENT.len()).unwrap()]);
    file.extend([COMMENT, &[0, 0x3B]].concat());
    file
}

/// An animated WebP with XMP data.
pub fn webp(frames: u8) -> Vec<u8> {
    let pictures = pictures(frames);
    let config = webp::WebPConfig::new().unwrap();
    let mut encoder = webp::AnimEncoder::new(WIDTH, HEIGHT, &config);
    for (time, picture) in (0..).step_by(100).zip(&pictures) {
        encoder.add_frame(webp::AnimFrame::from_rgba(picture.as_raw(), WIDTH, HEIGHT, time));
    }
    let mut file = encoder.encode().to_vec();
    assert_eq!(&file[12..16], b"VP8X");
    file[20] |= 4; // it has XMP data (RFC 9649, section 2.7)
    file.extend(b"XMP ");
    file.extend(u32::try_from(COMMENT.len()).unwrap().to_le_bytes());
    file.extend(COMMENT);
    file.resize(file.len().next_multiple_of(2), 0);
    let size = u32::try_from(file.len() - 8).unwrap();
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

/// An animated PNG with a comment: PNG specification, third edition, sections 5.3 and 11.3.6.
pub fn apng(frames: u8) -> Vec<u8> {
    let stills: Vec<_> = pictures(frames)
        .into_iter()
        .map(|picture| chunks(&encoded(&DynamicImage::from(picture), ImageFormat::Png)))
        .collect();
    let mut sequence = 0_u32;
    let mut next = || {
        sequence += 1;
        (sequence - 1).to_be_bytes()
    };
    let control = |number: [u8; 4]| {
        let numbers = [number, WIDTH.to_be_bytes(), HEIGHT.to_be_bytes(), [0; 4], [0; 4], [0, 1, 0, 10]];
        chunk(*b"fcTL", &[&numbers.concat(), [0, 0].as_slice()].concat())
    };
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    for (name, data) in stills[0].iter().filter(|(name, _)| name == b"IHDR") {
        file.extend(chunk(*name, data));
    }
    file.extend(chunk(*b"acTL", &[u32::from(frames).to_be_bytes(), [0; 4]].concat()));
    file.extend(chunk(*b"tEXt", &[b"Comment\0", COMMENT].concat()));
    for (at, still) in stills.iter().enumerate() {
        file.extend(control(next()));
        for (_, data) in still.iter().filter(|(name, _)| name == b"IDAT") {
            match at {
                0 => file.extend(chunk(*b"IDAT", data)),
                _ => file.extend(chunk(*b"fdAT", &[&next(), data.as_slice()].concat())),
            }
        }
    }
    file.extend(chunk(*b"IEND", &[]));
    file
}

/// The names and data of a PNG's chunks.
fn chunks(png: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
    let (mut rest, mut chunks) = (&png[8..], Vec::new());
    while let [a, b, c, d, n0, n1, n2, n3, more @ ..] = rest {
        let (data, after) = more.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        chunks.push(([*n0, *n1, *n2, *n3], data.to_vec()));
        rest = &after[4..];
    }
    chunks
}

fn chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [&name, data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length, named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat()
}

/// How many frames the file has, all of them decoded.
pub fn frames(content_type: &str, file: &[u8]) -> usize {
    let file = Cursor::new(file);
    let frames = match content_type {
        "image/gif" => GifDecoder::new(file).unwrap().into_frames(),
        "image/webp" => WebPDecoder::new(file).unwrap().into_frames(),
        "image/png" => PngDecoder::new(file).unwrap().apng().unwrap().into_frames(),
        other => panic!("{other} does not play"),
    };
    frames.collect_frames().unwrap().len()
}
