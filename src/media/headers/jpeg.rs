//! JPEG: the segments before the first scan. ITU-T T.81, annex B; ICC.1:2022, annex B.4; Adobe technical note 5116.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::jpeg_scans::Scans;
use super::{BESIDE, EXIF, Header, MediaError, PROFILE, PerPixel, array, take};
use crate::media::colour::Colours;
use crate::media::facts::IPTC_NAME;
use crate::media::renditions::LARGEST_STILL;

/// Most bytes of segments beside the picture: the decoder keeps them. Leaves room for a preview or a depth map.
const BESIDE_PICTURE: u64 = 16 << 20;

/// The markers of such segments: APP0 to APP15, and comments.
const FIRST_APP: u8 = 0xE0;
const LAST_APP: u8 = 0xEF;
const COMMENT: u8 = 0xFE;

/// Bytes a pixel for the coefficients of a frame whose components make no sense: four whole ones.
const ALL_COEFFICIENTS: u64 = 8;

/// Most scans of a photo: encoders write about ten. Each costs a walk over all pixels.
const SCANS: usize = 64;

/// A frame's header.
#[derive(Default)]
struct Frame {
    progressive: bool,
    components: Vec<[u8; 3]>,
}

/// Reads up to the first scan.
pub(super) fn read(file: &mut BufReader<File>, header: &mut Header) -> Result<PerPixel, MediaError> {
    let mut frame = Frame::default();
    let mut profile = Profile::default();
    let mut beside = 0;
    if array(file)? != Some([0xFF, 0xD8]) {
        return Err(MediaError::Damaged);
    }
    let mut has_tables = false;
    let first_scan = loop {
        let marker = next_marker(file)?;
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            continue; // stands alone
        }
        let length = u64::from(u16::from_be_bytes(array(file)?.ok_or(MediaError::Damaged)?)).saturating_sub(2);
        match marker {
            0xC4 | 0xC8 | 0xCC => {
                has_tables |= marker != 0xC8;
                file.seek_relative(length.cast_signed())?;
            }
            0xC0..=0xCF => {
                let segment = take(file, length, u64::MAX)?.unwrap_or_default();
                if let Some(what) = rare(marker, &segment) {
                    return Err(MediaError::RareKind { what });
                }
                if let [_, h0, h1, w0, w1, _, ref components @ ..] = *segment {
                    header.width = u16::from_be_bytes([w0, w1]).into();
                    header.height = u16::from_be_bytes([h0, h1]).into();
                    frame = Frame { progressive: marker & 3 == 2, components: components.as_chunks().0.to_vec() };
                }
            }
            0xD9 => return Err(MediaError::Damaged),
            0xDA => break take(file, length, u64::MAX)?.unwrap_or_default(),
            FIRST_APP..=LAST_APP | COMMENT => {
                beside = count(beside, length)?;
                let segment = take(file, length, u64::MAX)?.unwrap_or_default();
                keep(marker, &segment, header, &mut profile);
            }
            _ => file.seek_relative(length.cast_signed())?,
        }
    };
    if let Some(icc) = profile.whole() {
        header.colours = Colours::Icc(icc);
    }
    let components = frame.components.len() as u64;
    header.standard_tables = !has_tables && !frame.progressive;
    header.buffered = frame.progressive || u64::from(first_scan.first().copied().unwrap_or(0)) != components;
    let mut scans = Scans::default();
    scans.add(&first_scan);
    if header.buffered || header.width.max(header.height) >= 2 * LARGEST_STILL {
        beside = count_between_scans(file, beside, &mut scans)?;
    }
    header.has_all_scans = frame.progressive && scans.are_all(frame.components.len());
    // Beside the decoder's copy there is the one here.
    header.working_bytes = 2 * beside;
    let decoding = if header.buffered { coefficients(&frame.components) } else { 0 };
    let pixels = components.clamp(1, 4);
    // A gray one or one of inks would become RGB.
    Ok(PerPixel { pixels, decoding, converting: if pixels == 3 { 0 } else { 3 } })
}

/// What this frame is, if it is of a kind that hardly any program reads: T.81, table B.1.
fn rare(marker: u8, frame: &[u8]) -> Option<&'static str> {
    match (marker, frame.first()?) {
        (0xC3 | 0xC7 | 0xCB | 0xCF, _) => Some("a lossless JPEG"),
        (0xC9..=0xCA, _) => Some("a JPEG with arithmetic coding"),
        (0xC5..=0xC6 | 0xCD..=0xCE, _) => Some("a hierarchical JPEG"),
        (_, 12) => Some("a JPEG of 12 bits a colour"),
        _ => None,
    }
}

/// Adds a segment beside the picture to those so far, unless they become too many.
fn count(beside: u64, length: u64) -> Result<u64, MediaError> {
    let beside = beside + length;
    if beside > BESIDE_PICTURE {
        return Err(MediaError::TooMuchMetadata { limit_mib: BESIDE_PICTURE >> 20 });
    }
    Ok(beside)
}

/// Counts on behind the first scan's header, where decoders go on to keep them, to the end of the picture or file. Refuses
/// a picture of too many scans.
fn count_between_scans(file: &mut BufReader<File>, mut beside: u64, scans: &mut Scans) -> Result<u64, MediaError> {
    loop {
        let bytes = file.fill_buf()?;
        let pixels = bytes.iter().position(|&byte| byte == 0xFF).unwrap_or(bytes.len());
        if bytes.is_empty() {
            return Ok(beside);
        }
        if pixels > 0 {
            file.consume(pixels);
            continue;
        }
        file.consume(1);
        match array(file)? {
            None | Some([0xD9]) => return Ok(beside),
            // May begin a marker itself.
            Some([0xFF]) => file.seek_relative(-1)?,
            Some([0x00..=0x01 | 0xD0..=0xD8]) => {}
            Some([marker]) => {
                let Some(length) = array(file)? else { return Ok(beside) };
                let length = u64::from(u16::from_be_bytes(length)).saturating_sub(2);
                if matches!(marker, FIRST_APP..=LAST_APP | COMMENT) {
                    beside = count(beside, length)?;
                }
                if marker == 0xDA {
                    scans.add(&take(file, length, u64::MAX)?.unwrap_or_default());
                } else {
                    file.seek_relative(length.cast_signed())?;
                }
                if scans.count() > SCANS {
                    return Err(MediaError::Damaged);
                }
            }
        }
    }
}

/// Memory that decoding it smaller takes: all coefficients where they are held, then for each pixel of the smaller picture
/// its components, apart and together. `None` for one of less than twice the size of the largest rendition, or of inks.
pub(super) fn smaller_bytes(header: &Header, per_pixel: PerPixel) -> Option<u64> {
    let (longest, area) = (header.width.max(header.height), u64::from(header.width) * u64::from(header.height));
    if longest < 2 * LARGEST_STILL || !matches!(per_pixel.pixels, 1 | 3) {
        return None;
    }
    // Half, a quarter or an eighth of its size: at most twice what is needed.
    let smaller = u64::from(LARGEST_STILL * 2).pow(2).min(area / 4) + u64::from(longest);
    Some(header.working_bytes + BESIDE + area * per_pixel.decoding + 2 * per_pixel.pixels * smaller)
}

/// The next marker, past whatever else stands before it.
fn next_marker(file: &mut BufReader<File>) -> Result<u8, MediaError> {
    let mut previous = 0;
    loop {
        let [byte] = array(file)?.ok_or(MediaError::Damaged)?;
        if previous == 0xFF && !matches!(byte, 0 | 0xFF) {
            return Ok(byte);
        }
        previous = byte;
    }
}

/// Keeps what tells of colours, and the first EXIF, XMP and IPTC data.
fn keep(marker: u8, segment: &[u8], header: &mut Header, profile: &mut Profile) {
    match marker {
        0xE1 => {
            let after = |name: &[u8]| segment.strip_prefix(name).map(<[u8]>::to_vec);
            let said = &mut header.said;
            said.exif = said.exif.take().or_else(|| after(b"Exif\0\0").filter(|exif| exif.len() as u64 <= EXIF));
            said.xmp = said.xmp.take().or_else(|| after(b"http://ns.adobe.com/xap/1.0/\0"));
        }
        0xED if header.said.iptc.is_none() => header.said.iptc = segment.strip_prefix(IPTC_NAME).map(<[u8]>::to_vec),
        0xE2 => {
            if let Some([number, count, data @ ..]) = segment.strip_prefix(b"ICC_PROFILE\0") {
                profile.add(*number, *count, data);
            }
        }
        0xEE => header.adobe |= segment.starts_with(b"Adobe"),
        _ => (),
    }
}

/// A colour profile in pieces, which come in any order.
#[derive(Default)]
struct Profile {
    pieces: std::collections::BTreeMap<u8, Vec<u8>>,
    count: u8,
    bytes: usize,
}

impl Profile {
    fn add(&mut self, number: u8, count: u8, data: &[u8]) {
        self.bytes += data.len();
        if self.bytes as u64 <= PROFILE {
            self.count = count;
            self.pieces.entry(number).or_insert_with(|| data.to_vec());
        }
    }

    fn whole(self) -> Option<Vec<u8>> {
        let complete = self.count > 0 && self.pieces.keys().copied().eq(1..=self.count);
        (complete && self.bytes as u64 <= PROFILE).then(|| self.pieces.into_values().flatten().collect())
    }
}

/// Bytes a pixel for the coefficients of these components, two bytes each: identifier, sampling factors, table.
fn coefficients(components: &[[u8; 3]]) -> u64 {
    let samples = |&[_, factors, _]: &[u8; 3]| u64::from(factors >> 4) * u64::from(factors & 15);
    let samples = components.iter().map(samples);
    match samples.clone().max() {
        Some(most @ 1..) => (2 * samples.sum::<u64>()).div_ceil(most),
        _ => ALL_COEFFICIENTS,
    }
}

/// Whether an end-of-image marker follows the pixels of this JPEG. A thumbnail's marker in its EXIF data does not count.
pub(in crate::media) fn has_end(path: &Path) -> io::Result<bool> {
    let mut file = BufReader::new(File::open(path)?);
    let mut head = [0; 4];
    file.seek_relative(2)?;
    // Segments up to the first start of scan: marker, length that counts itself, data.
    while let Ok(()) = io::Read::read_exact(&mut file, &mut head) {
        let [0xFF, marker, high, low] = head else { break };
        file.seek_relative(i64::from(u16::from_be_bytes([high, low])) - 2)?;
        if marker == 0xDA {
            break;
        }
    }
    let mut after_ff = false;
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        for &byte in bytes {
            if after_ff && byte == 0xD9 {
                return Ok(true);
            }
            after_ff = byte == 0xFF;
        }
        let length = bytes.len();
        file.consume(length);
    }
}
