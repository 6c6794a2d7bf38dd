//! WebP: all its chunks, by their heads. RFC 9649, sections 2 and 3; the size of a lossy frame: RFC 6386, section 9.1.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use super::{EXIF, Header, Limits, MediaError, PROFILE, PerPixel, check_size, plays, take};
use crate::media::colour::Colours;
use crate::media::facts::LONGEST_XMP;

/// Reads the heads of all chunks. Refuses a file whose EXIF data ends past it or whose frames are too large: the decoder
/// reserves memory for both before it looks, so that 50 bytes could ask for 4 GiB.
pub(super) fn read(
    file: &mut BufReader<File>,
    length: u64,
    limits: Limits,
    header: &mut Header,
) -> Result<PerPixel, MediaError> {
    let mut alpha = false;
    let mut decoding = 0;
    let mut frames = 0_u32;
    let mut position = 12;
    file.seek_relative(12)?;
    while position + 8 < length {
        let mut head = [0; 18];
        let read = std::io::copy(&mut file.by_ref().take(18), &mut head.as_mut_slice())?;
        let [k0, k1, k2, k3, s0, s1, s2, s3, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9] = head;
        let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        let mut next = position + 8 + size + size % 2;
        match &[k0, k1, k2, k3] {
            b"VP8X" if header.width == 0 => {
                alpha = d0 & 0x10 != 0;
                header.width = u32::from_le_bytes([d4, d5, d6, 0]) + 1;
                header.height = u32::from_le_bytes([d7, d8, d9, 0]) + 1;
            }
            b"EXIF" if position + 8 + size > length => return Err(MediaError::Damaged),
            b"EXIF" if header.said.exif.is_none() => {
                header.said.exif = chunk(file, position + 8, size, EXIF)?;
            }
            b"XMP " if header.said.xmp.is_none() => {
                header.said.xmp = chunk(file, position + 8, size, LONGEST_XMP)?;
            }
            b"ICCP" => {
                header.colours = chunk(file, position + 8, size, PROFILE)?.map_or(Colours::Srgb, Colours::Icc);
            }
            // A frame of an animation is a header of 16 bytes with chunks of its own behind it; it is drawn on a canvas.
            b"ANMF" => {
                frames = frames.saturating_add(1);
                decoding = decoding.max(8);
                next = position + 24;
            }
            b"VP8L" => {
                decoding = decoding.max(4);
                if header.width == 0 {
                    let bits = u32::from_le_bytes([d1, d2, d3, d4]);
                    (header.width, header.height) = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
                    alpha = bits >> 28 & 1 == 1;
                }
            }
            b"VP8 " => {
                decoding = decoding.max(2);
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
                let (width, height) = (side(d6, d7), side(d8, d9));
                check_size(width, height, 3 + decoding, limits)?;
                if header.width == 0 {
                    (header.width, header.height) = (width, height);
                }
            }
            _ => (),
        }
        let stands = match &[k0, k1, k2, k3] {
            b"EXIF" | b"ICCP" | b"XMP " => file.stream_position()?,
            _ => position + read,
        };
        file.seek_relative(next.cast_signed() - stands.cast_signed())?;
        position = next;
    }
    header.animated = plays(frames, header.width, header.height);
    Ok(PerPixel { pixels: if alpha { 4 } else { 3 }, decoding, converting: 0 })
}

/// The data at `start`, when it is not too long.
fn chunk(file: &mut BufReader<File>, start: u64, size: u64, most: u64) -> Result<Option<Vec<u8>>, MediaError> {
    let stands = file.stream_position()?;
    file.seek_relative(start.cast_signed() - stands.cast_signed())?;
    take(file, size, most)
}
