//! Images for tests, made in memory.

use std::io::{Cursor, Write};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use tempfile::NamedTempFile;

use super::{Format, Limits, MediaError, Processed, identify, process};

/// Limits small enough for tests.
pub const LIMITS: Limits = Limits { megapixels: 2 };

/// What to write into EXIF data.
#[derive(Clone, Copy, Default)]
pub struct Exif<'a> {
    pub orientation: Option<u16>,
    pub make: Option<&'a str>,
    pub model: Option<&'a str>,
    pub date: Option<&'a str>,
    pub offset: Option<&'a str>,
}

/// EXIF data as a big-endian TIFF structure: one folder with all entries, which the EXIF folder's pointer names again.
pub fn exif(facts: &Exif) -> Vec<u8> {
    let texts = [(0x010F_u16, facts.make), (0x0110, facts.model), (0x9003, facts.date), (0x9011, facts.offset)];
    let main: Vec<_> =
        texts.into_iter().filter(|(tag, _)| *tag < 0x8769).filter_map(|(tag, text)| Some((tag, text?))).collect();
    let sub: Vec<_> =
        texts.into_iter().filter(|(tag, _)| *tag > 0x8769).filter_map(|(tag, text)| Some((tag, text?))).collect();
    let entries = main.len() + usize::from(facts.orientation.is_some()) + 1;
    let sub_at = 8 + 2 + 12 * entries + 4;
    let mut texts_at = sub_at + 2 + 12 * sub.len() + 4;
    let mut data = Vec::new();
    let mut text_entry = |out: &mut Vec<u8>, tag: u16, text: &str| {
        out.extend(tag.to_be_bytes());
        out.extend(2_u16.to_be_bytes());
        out.extend(u32::try_from(text.len() + 5).unwrap().to_be_bytes());
        out.extend(u32::try_from(texts_at).unwrap().to_be_bytes());
        // Padded, so that no text is short enough to stand in the entry itself.
        data.extend(text.as_bytes());
        data.extend([0; 5]);
        texts_at += text.len() + 5;
    };
    let mut out = b"MM\0*\0\0\0\x08".to_vec();
    out.extend(u16::try_from(entries).unwrap().to_be_bytes());
    for (tag, text) in main {
        text_entry(&mut out, tag, text);
    }
    if let Some(orientation) = facts.orientation {
        out.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1]);
        out.extend(orientation.to_be_bytes());
        out.extend([0, 0]);
    }
    out.extend([0x87, 0x69, 0, 4, 0, 0, 0, 1]);
    out.extend(u32::try_from(sub_at).unwrap().to_be_bytes());
    out.extend([0; 4]);
    out.extend(u16::try_from(sub.len()).unwrap().to_be_bytes());
    for (tag, text) in sub {
        text_entry(&mut out, tag, text);
    }
    out.extend([0; 4]);
    out.extend(data);
    out
}

/// A photo with a different colour in each corner: red, green, blue, white, clockwise from the top left.
pub fn corners(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (false, false) => Rgb([0, 0, 255]),
        (true, false) => Rgb([255, 255, 255]),
    })
}

/// `image` as a file of this format.
pub fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.into().write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// `jpeg` with a segment of EXIF data put in front.
pub fn with_exif(jpeg: &[u8], facts: &Exif) -> Vec<u8> {
    let data = [b"Exif\0\0".as_slice(), &exif(facts)].concat();
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    let (start, rest) = jpeg.split_at(2);
    [start, &[0xFF, 0xE1], &length, &data, rest].concat()
}

/// Identifies and processes these bytes as a file would be.
pub fn processed(bytes: &[u8]) -> Result<Processed, MediaError> {
    processed_as(identify(bytes)?, bytes)
}

/// Processes these bytes as a file of this format.
pub fn processed_as(format: Format, bytes: &[u8]) -> Result<Processed, MediaError> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    process(file.path(), format, LIMITS)
}
