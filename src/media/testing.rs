//! Images for tests, made in memory.

use std::io::{Cursor, Write};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use tempfile::NamedTempFile;

use super::{Format, Limits, MediaError, OutsideDecoder, Processed, identify, inspect, process};

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

/// `jpeg` with a colour profile put in front.
pub fn with_profile(jpeg: &[u8], icc: &[u8]) -> Vec<u8> {
    let data = [b"ICC_PROFILE\0\x01\x01".as_slice(), icc].concat();
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    let (start, rest) = jpeg.split_at(2);
    [start, &[0xFF, 0xE2], &length, &data, rest].concat()
}

/// The JPEG that a visitor gets of these bytes.
pub fn upright(bytes: &[u8]) -> Result<Vec<u8>, MediaError> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let inspected = inspect(file.path(), identify(bytes)?, LIMITS)?;
    let mut out = Vec::new();
    super::upright_jpeg(file.path(), &inspected, &OutsideDecoder::missing_altogether(), &mut out)?;
    Ok(out)
}

/// Identifies and processes these bytes as a file would be.
pub fn processed(bytes: &[u8]) -> Result<Processed, MediaError> {
    processed_as(identify(bytes)?, bytes)
}

/// Processes these bytes as a file of this format.
pub fn processed_as(format: Format, bytes: &[u8]) -> Result<Processed, MediaError> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let inspected = inspect(file.path(), format, LIMITS)?;
    process(file.path(), &inspected, &OutsideDecoder::missing_altogether())
}

/// Numbers that look random, the same in every run (xorshift).
pub fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Whether `bytes` hold this text.
pub fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// A colour profile, sRGB's, of version 2 or 4, with a secret wherever there is room for one.
pub fn profile(version: u8) -> Vec<u8> {
    let xyz = |numbers: [f64; 3]| {
        let fixed = numbers.map(|number| ((number * 65_536.0).round() as i32).to_be_bytes()).concat();
        [b"XYZ \0\0\0\0".as_slice(), &fixed].concat()
    };
    let curve = b"curv\0\0\0\0\0\0\0\x01\x02\x33SECRET".to_vec();
    let text = b"text\0\0\0\0SECRET\0".to_vec();
    let tags = [
        (*b"desc", 0),
        (*b"mmod", 0),
        (*b"rXYZ", 1),
        (*b"gXYZ", 2),
        (*b"bXYZ", 3),
        (*b"wtpt", 4),
        (*b"rTRC", 5),
        (*b"gTRC", 5),
        (*b"bTRC", 5),
        (*b"cprt", 0),
    ];
    let values = [
        text,
        xyz([0.436, 0.2225, 0.0139]),
        xyz([0.3851, 0.7169, 0.0971]),
        xyz([0.1431, 0.0606, 0.7141]),
        xyz([0.9642, 1.0, 0.8249]),
        curve,
    ];
    let (mut table, mut data) = (vec![0, 0, 0, 10], Vec::new());
    let places: Vec<_> = values
        .iter()
        .map(|value| {
            let place = 128 + 4 + 12 * tags.len() + data.len();
            data.extend(value);
            data.resize(data.len().next_multiple_of(4), 0);
            place
        })
        .collect();
    for (name, value) in tags {
        table.extend(name);
        table.extend([places[value] as u32, values[value].len() as u32].map(u32::to_be_bytes).concat());
    }
    let mut out = ((128 + table.len() + data.len()) as u32).to_be_bytes().to_vec();
    out.extend(
        [b"SECR", [version, 0x40, 0, 0].as_slice(), b"mntrRGB XYZ \x07\xE8\0\x07\0\x0E\0\x12\0\x1E\0\x05acsp"].concat(),
    );
    out.extend(b"SECR\0\0\0\0SECRET\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xF6\xD6\0\x01\0\0\0\0\xD3\x2DSECRET");
    out.resize(128, 0);
    [out, table, data].concat()
}
