//! The clean copy of a PNG, animated or not.
//!
//! Kept are the chunks that make pixels and colours, each of the length that the specification gives it; the colour
//! profile is written anew. Texts, times, EXIF data, and whatever no specification names are left out, as is all that
//! follows the end. Chunks: PNG third edition, section 11.

use std::io::{Read, Write};
use std::ops::RangeInclusive;

use flate2::Compression;
use flate2::bufread::{ZlibDecoder, ZlibEncoder};

use super::input::{Input, put};
use super::{Cleaned, icc};
use crate::media::{MediaError, facts};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1A\n";

/// Longest chunk, by section 5.3.
const LONGEST: u32 = (1 << 31) - 1;

type Kind = [u8; 4];

/// Chunks before the pixels that are kept as they are, with their lengths in bytes: palette, transparency, gamma, white
/// point, colour spaces, significant bits, light of the screen and the picture, background, density, animation.
const BEFORE_PIXELS: [(&Kind, RangeInclusive<u32>); 12] = [
    (b"PLTE", 3..=768),
    (b"tRNS", 1..=256),
    (b"gAMA", 4..=4),
    (b"cHRM", 32..=32),
    (b"sRGB", 1..=1),
    (b"cICP", 4..=4),
    (b"sBIT", 1..=4),
    (b"mDCV", 24..=24),
    (b"cLLI", 8..=8),
    (b"bKGD", 1..=6),
    (b"pHYs", 9..=9),
    (b"acTL", 8..=8),
];

pub(super) fn clean(file: &mut impl Input, out: &mut impl Write) -> Result<Cleaned, MediaError> {
    if is_turned(file)? {
        return Ok(Cleaned::NeedsReencode);
    }
    file.rewind()?;
    if file.array()? != SIGNATURE {
        return Err(MediaError::Damaged);
    }
    put(out, &SIGNATURE)?;

    // Which kinds have been kept; how far the pixels are: 0 before, 1 in, 2 after those of the still image.
    let mut seen = Vec::new();
    let mut pixels = 0;
    loop {
        let Some((length, kind)) = chunk_header(file)? else {
            // One that ends without saying so is complete if its pixels are, which decoders see.
            if pixels == 0 {
                return Err(MediaError::Damaged);
            }
            break;
        };
        match &kind {
            b"IEND" if pixels > 0 => break,
            b"IHDR" if length == 13 && seen.is_empty() => {
                seen.push(kind);
                copy_chunk(file, out, length, kind)?;
            }
            _ if seen.is_empty() => return Err(MediaError::Damaged),
            b"IDAT" if pixels < 2 => {
                pixels = 1;
                copy_chunk(file, out, length, kind)?;
            }
            b"fcTL" if length == 26 => {
                pixels *= 2;
                copy_chunk(file, out, length, kind)?;
            }
            b"fdAT" if pixels > 0 && length >= 4 => {
                pixels = 2;
                copy_chunk(file, out, length, kind)?;
            }
            b"iCCP" if pixels == 0 && !seen.contains(&kind) => {
                if let Some(contents) = held_chunk(file, length, kind)? {
                    seen.push(kind);
                    write_profile(out, &contents)?;
                }
            }
            _ if pixels == 0 && is_kept(kind, length) && !seen.contains(&kind) => {
                if let Some(contents) = held_chunk(file, length, kind)? {
                    seen.push(kind);
                    write_chunk(out, kind, &contents)?;
                }
            }
            // Capitals begin the names of chunks that a picture cannot be shown without (section 5.4).
            [b'A'..=b'Z', ..] => return Err(MediaError::Damaged),
            _ => {
                pixels *= 2;
                file.skip(u64::from(length) + 4)?;
            }
        }
        pixels = pixels.min(2);
    }
    write_chunk(out, *b"IEND", &[])?;
    Ok(Cleaned::Copied)
}

fn is_kept(kind: Kind, length: u32) -> bool {
    BEFORE_PIXELS.iter().any(|(kept, lengths)| **kept == kind && lengths.contains(&length))
}

/// Whether EXIF data anywhere in the file turns the pixels.
fn is_turned(file: &mut impl Input) -> Result<bool, MediaError> {
    file.skip(SIGNATURE.len() as u64)?;
    while let Some((length, kind)) = chunk_header(file)? {
        let mut left = u64::from(length);
        match &kind {
            b"IEND" => break,
            b"eXIf" => {
                let exif = file.at_most(left.min(facts::LONGEST))?;
                left -= exif.len() as u64;
                if facts::changes_pixels(&exif) {
                    return Ok(true);
                }
            }
            _ => (),
        }
        file.skip(left + 4)?;
    }
    Ok(false)
}

/// Length and kind of the next chunk, or `None` when the file has ended.
fn chunk_header(file: &mut impl Input) -> Result<Option<(u32, Kind)>, MediaError> {
    match file.at_most(8)?.as_slice() {
        [l0, l1, l2, l3, kind @ ..] if kind.len() == 4 => {
            let length = u32::from_be_bytes([*l0, *l1, *l2, *l3]);
            let kind = *kind.first_chunk().ok_or(MediaError::Damaged)?;
            if length > LONGEST { Err(MediaError::Damaged) } else { Ok(Some((length, kind))) }
        }
        _ => Ok(None),
    }
}

/// Copies a chunk that the picture cannot do without, and checks it on the way.
fn copy_chunk(file: &mut impl Input, out: &mut impl Write, length: u32, kind: Kind) -> Result<(), MediaError> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&kind);
    put(out, &length.to_be_bytes())?;
    put(out, &kind)?;
    file.pieces(length.into(), |piece| {
        crc.update(piece);
        put(out, piece)
    })?;
    let crc = crc.finalize().to_be_bytes();
    if file.array()? != crc {
        return Err(MediaError::Damaged);
    }
    put(out, &crc)
}

/// The contents of a small chunk; `None` if its checksum is wrong, which decoders do not care for, unless its name begins
/// with a capital.
fn held_chunk(file: &mut impl Input, length: u32, kind: Kind) -> Result<Option<Vec<u8>>, MediaError> {
    if length as usize > icc::LONGEST {
        file.skip(u64::from(length) + 4)?;
        return Ok(None);
    }
    let contents = file.exactly(length.into())?;
    let is_right = u32::from_be_bytes(file.array()?) == checksum(kind, &contents);
    let [first, ..] = kind;
    if !is_right && (first.is_ascii_uppercase() || &kind == b"acTL") {
        return Err(MediaError::Damaged);
    }
    Ok(is_right.then_some(contents))
}

/// The profile of this chunk: name, 0, method 0, compressed bytes. One that cannot be read is left out, as if it were not there.
fn write_profile(out: &mut impl Write, contents: &[u8]) -> Result<(), MediaError> {
    let compressed = contents.iter().take(80).position(|byte| *byte == 0).and_then(|name| contents.get(name + 1..));
    let Some([0, compressed @ ..]) = compressed else {
        return Ok(());
    };
    let mut profile = Vec::new();
    let mut decoder = ZlibDecoder::new(compressed).take(icc::LONGEST as u64 + 1);
    // What has been read before an error may be a whole profile.
    let _ = decoder.read_to_end(&mut profile);
    let Some(profile) = icc::neutral(&profile) else {
        return Ok(());
    };
    let mut chunk = b"icc\0\0".to_vec();
    ZlibEncoder::new(profile.as_slice(), Compression::default())
        .read_to_end(&mut chunk)
        .map_err(MediaError::Internal)?;
    write_chunk(out, *b"iCCP", &chunk)
}

fn write_chunk(out: &mut impl Write, kind: Kind, contents: &[u8]) -> Result<(), MediaError> {
    let length = u32::try_from(contents.len()).map_err(|_| MediaError::Damaged)?;
    put(out, &length.to_be_bytes())?;
    put(out, &kind)?;
    put(out, contents)?;
    put(out, &checksum(kind, contents).to_be_bytes())
}

/// Over kind and contents (section 5.5).
fn checksum(kind: Kind, contents: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&kind);
    crc.update(contents);
    crc.finalize()
}
