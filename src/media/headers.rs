//! What a file's own headers ask of a decoder, read before the decoder is opened.
//!
//! The decoders reserve memory as soon as a header asks for it, and not all of them can be told a limit. So these few
//! bytes are read here first. All that is not a question of memory is left to the decoders.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use super::decode::check_size;
use super::{Limits, MediaError};

/// Bytes a pixel for the coefficients of a progressive JPEG whose header cannot be followed: four whole components.
const ALL_COEFFICIENTS: u64 = 8;

/// Bytes of memory a pixel that decoding this JPEG takes beside its pixels: none, unless it is progressive. Then all
/// coefficients, of two bytes each, are held until the last scan. Segments: ITU-T T.81, annex B.
pub(super) fn jpeg_working_bytes(file: &mut BufReader<File>) -> Result<u64, MediaError> {
    file.seek_relative(2)?;
    let bytes = loop {
        let mut segment = [0; 4];
        file.read_exact(&mut segment)?;
        let [0xFF, marker, high, low] = segment else {
            break ALL_COEFFICIENTS;
        };
        let length = u16::from_be_bytes([high, low]).saturating_sub(2);
        match marker {
            // A marker may be padded with more of its first byte.
            0xFF => file.seek_relative(-3)?,
            0xC2 | 0xC6 | 0xCA | 0xCE => {
                let mut frame = Vec::new();
                file.by_ref().take(length.into()).read_to_end(&mut frame)?;
                break coefficients(frame.get(6..).unwrap_or_default());
            }
            0xC0 | 0xC1 | 0xC3 | 0xC5 | 0xC7 | 0xC9 | 0xCB | 0xCD | 0xCF | 0xDA => break 0,
            _ => file.seek_relative(length.into())?,
        }
    };
    file.rewind()?;
    Ok(bytes)
}

/// Bytes a pixel for the coefficients of these components: identifier, sampling factors, table.
fn coefficients(components: &[u8]) -> u64 {
    let samples = |&[_, factors, _]: &[u8; 3]| u64::from(factors >> 4) * u64::from(factors & 15);
    let components = components.as_chunks().0.iter().map(samples);
    match components.clone().max() {
        Some(most @ 1..) => (2 * components.sum::<u64>()).div_ceil(most),
        _ => ALL_COEFFICIENTS,
    }
}

/// Whether an end-of-image marker follows the pixels of this JPEG. A thumbnail's marker in its EXIF data does not count.
pub(super) fn jpeg_has_end(path: &Path) -> io::Result<bool> {
    let bytes = std::fs::read(path)?;
    let mut rest = bytes.get(2..).unwrap_or_default();
    // Segments up to the first start of scan: marker, length that counts itself, data.
    while let [0xFF, marker, high, low, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(2 + length..).unwrap_or_default();
        if marker == 0xDA {
            break;
        }
    }
    Ok(rest.windows(2).any(|pair| pair == [0xFF, 0xD9]))
}

/// Refuses a PNG that is too large: its decoder reserves a row when opened. Header: PNG specification, 11.2.1.
pub(super) fn check_png(file: &mut BufReader<File>, limits: Limits) -> Result<(), MediaError> {
    let mut header = [0; 24];
    file.read_exact(&mut header)?;
    let [.., w0, w1, w2, w3, h0, h1, h2, h3] = header;
    let side = u32::from_be_bytes;
    check_size(side([w0, w1, w2, w3]), side([h0, h1, h2, h3]), 1, limits)?;
    Ok(file.rewind()?)
}

/// Bytes of memory a pixel that decoding this WebP takes beside its pixels. Refuses one whose EXIF data ends past the
/// file or whose frames are too large: the decoder reserves memory for both before it looks, so that 50 bytes could
/// ask for 4 GiB. Chunks: RFC 9649, section 2; the size of a lossy frame: RFC 6386, section 9.1.
pub(super) fn webp_working_bytes(file: &mut BufReader<File>, limits: Limits) -> Result<u64, MediaError> {
    let length = file.get_ref().metadata().map_err(MediaError::Internal)?.len();
    let mut bytes = 0;
    let mut position = 12;
    file.seek_relative(12)?;
    while position + 8 < length {
        let mut chunk = [0; 18];
        let read = io::copy(&mut file.by_ref().take(18), &mut chunk.as_mut_slice())?;
        let [kind @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _] = chunk;
        let [.., s0, s1, s2, s3, _, _, _, _, _, _, w0, w1, h0, h1] = chunk;
        let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        let mut next = position + 8 + size + size % 2;
        match &kind {
            b"EXIF" if position + 8 + size > length => return Err(MediaError::Damaged),
            // A frame of an animation is a header of 16 bytes with chunks of its own behind it; it is drawn on a canvas.
            b"ANMF" => {
                bytes = bytes.max(8);
                next = position + 24;
            }
            b"VP8L" => bytes = bytes.max(4),
            b"VP8 " => {
                bytes = bytes.max(2);
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
                check_size(side(w0, w1), side(h0, h1), 3 + bytes, limits)?;
            }
            _ => (),
        }
        file.seek_relative(next.cast_signed() - (position + read).cast_signed())?;
        position = next;
    }
    file.rewind()?;
    Ok(bytes)
}
