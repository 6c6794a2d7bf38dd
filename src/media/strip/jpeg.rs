//! The clean copy of a JPEG.
//!
//! Kept are the segments that say how to decode the scans: tables, frames, scans, restart intervals. They are written
//! with the lengths that their contents need, so that nothing stands behind those. Three others change colours and are
//! written anew: JFIF (without its thumbnail), Adobe's (how colours are coded) and the ICC profile. The copy ends at the
//! first image's end: previews, second images and gain maps behind it are gone. Syntax: ITU-T T.81, annex B.

use std::io::Write;

use super::input::{Input, put};
use super::jpeg_scan::{copy_scan, next_marker};
use super::{Cleaned, icc};
use crate::media::{MediaError, facts};

pub(super) const START: u8 = 0xD8;
pub(super) const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;
const JFIF: u8 = 0xE0;
const EXIF: u8 = 0xE1;
const PROFILE: u8 = 0xE2;
const ADOBE: u8 = 0xEE;

/// What an ICC profile's segments begin with; then follow their number and how many they are (ICC.1:2022, annex B.4).
const PROFILE_NAME: &[u8] = b"ICC_PROFILE\0";
/// Most bytes of a profile in one segment: 65 535, less what stands before them.
const PROFILE_PIECE: usize = 65_519;

pub(super) fn clean(file: &mut impl Input, out: &mut impl Write) -> Result<Cleaned, MediaError> {
    let Some(headers) = Headers::read(file)? else {
        return Ok(Cleaned::NeedsReencode);
    };
    file.rewind()?;
    file.skip(2)?;
    put(out, &[0xFF, START])?;
    headers.write(out)?;

    let mut scans = false;
    let mut marker = next_marker(file)?;
    loop {
        // A file that ends without saying so is shown as far as it goes, like by every decoder.
        match marker {
            None | Some(END) if scans => break,
            None | Some(END | START) => return Err(MediaError::Damaged),
            Some(SCAN) => {
                let contents = segment(file)?;
                write_segment(out, SCAN, needed(SCAN, &contents)?)?;
                scans = true;
                marker = copy_scan(file, out)?;
                continue;
            }
            Some(0x01 | 0xD0..=0xD7) => (),
            Some(kind) if is_kept(kind) => match segment(file) {
                Ok(contents) => write_segment(out, kind, needed(kind, &contents)?)?,
                Err(MediaError::Damaged) if scans => break,
                Err(error) => return Err(error),
            },
            Some(_) => {
                let length = segment_length(file);
                match length {
                    Ok(length) => file.skip(length)?,
                    Err(MediaError::Damaged) if scans => break,
                    Err(error) => return Err(error),
                }
            }
        }
        marker = next_marker(file)?;
    }
    put(out, &[0xFF, END])?;
    Ok(Cleaned::Copied)
}

/// What stands before the first scan and is written anew.
#[derive(Default)]
struct Headers {
    /// Units and density of the pixels, by JFIF.
    jfif: Option<[u8; 5]>,
    /// How colours are coded, by Adobe.
    adobe: Option<u8>,
    /// The pieces of the ICC profile: number, how many, bytes.
    profile: Vec<(u8, u8, Vec<u8>)>,
}

impl Headers {
    /// `None` when the pixels are not all there is to the picture: EXIF turns them, or tables are left out, as in a frame of
    /// an AVI. If several EXIF segments contradict each other, any may be believed by somebody.
    fn read(file: &mut impl Input) -> Result<Option<Self>, MediaError> {
        let mut headers = Self::default();
        let (mut profile_bytes, mut has_tables) = (0, false);
        if file.array()? != [0xFF, START] {
            return Err(MediaError::Damaged);
        }
        loop {
            match next_marker(file)?.ok_or(MediaError::Damaged)? {
                // Tables that are not there are for decoders to know, which not all do.
                SCAN => return Ok(has_tables.then_some(headers)),
                START | END => return Err(MediaError::Damaged),
                0x01 | 0xD0..=0xD7 => (),
                kind @ (JFIF | EXIF | PROFILE | ADOBE) => match (kind, segment(file)?.as_slice()) {
                    (JFIF, [b'J', b'F', b'I', b'F', 0, _, _, units, x0, x1, y0, y1, ..]) => {
                        headers.jfif = Some([*units, *x0, *x1, *y0, *y1]);
                    }
                    (JFIF, [b'A', b'V', b'I', b'1', ..]) => return Ok(None),
                    (EXIF, [b'E', b'x', b'i', b'f', 0, _, chunk @ ..]) if is_turned(chunk) => return Ok(None),
                    // Version and two fields of flags stand before the one that decoders read.
                    (ADOBE, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                        headers.adobe = Some(*transform);
                    }
                    (PROFILE, contents) => {
                        let piece = contents.strip_prefix(PROFILE_NAME).unwrap_or_default();
                        profile_bytes += piece.len();
                        if let [number, of, bytes @ ..] = piece
                            && profile_bytes <= icc::LONGEST
                            && headers.profile.len() <= usize::from(u8::MAX)
                        {
                            headers.profile.push((*number, *of, bytes.to_vec()));
                        }
                    }
                    _ => (),
                },
                kind => {
                    has_tables |= matches!(kind, 0xC4 | 0xCC);
                    let length = segment_length(file)?;
                    file.skip(length)?;
                }
            }
        }
    }

    fn write(mut self, out: &mut impl Write) -> Result<(), MediaError> {
        if let Some([units, x0, x1, y0, y1]) = self.jfif {
            let units = if units > 2 { 0 } else { units };
            write_segment(out, JFIF, &[b'J', b'F', b'I', b'F', 0, 1, 2, units, x0, x1, y0, y1, 0, 0])?;
        }
        if let Some(transform) = self.adobe {
            write_segment(out, ADOBE, &[b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform])?;
        }
        self.profile.sort_by_key(|(number, ..)| *number);
        let count = self.profile.len();
        // Numbered from 1, each there once, all of one profile: else it is no profile to any decoder.
        let whole = (1..)
            .zip(&self.profile)
            .all(|(wanted, (number, of, _)): (usize, _)| usize::from(*number) == wanted && usize::from(*of) == count);
        let profile = self.profile.into_iter().flat_map(|(.., bytes)| bytes).collect::<Vec<_>>();
        let profile = if whole { icc::neutral(&profile).unwrap_or_default() } else { Vec::new() };
        let pieces = profile.chunks(PROFILE_PIECE);
        let of = u8::try_from(pieces.len()).unwrap_or(u8::MAX);
        (1..=of)
            .zip(pieces)
            .try_for_each(|(number, piece)| write_segment(out, PROFILE, &[PROFILE_NAME, &[number, of], piece].concat()))
    }
}

fn is_turned(exif: &[u8]) -> bool {
    facts::changes_pixels(exif)
}

/// Whether this segment says how to decode the scans: frames (but for the ones of hierarchical JPEGs, which nothing
/// reads), Huffman and quantization tables, arithmetic coding, lines, restart intervals.
fn is_kept(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF if marker != 0xC8) || matches!(marker, 0xDB..=0xDD)
}

/// The part of a segment that decoders read.
fn needed(marker: u8, contents: &[u8]) -> Result<&[u8], MediaError> {
    let part = match marker {
        // Tables one after another: 64 values of one or two bytes; 16 counts and as many values as they come to.
        0xDB => whole_tables(contents, |table| Some(if table.first()? >> 4 == 0 { 65 } else { 129 })),
        0xC4 => whole_tables(contents, |table| {
            Some(17 + table.get(1..17)?.iter().map(|count| usize::from(*count)).sum::<usize>())
        }),
        0xCC => contents.get(..contents.len().min(32) & !1),
        0xDC | 0xDD => contents.get(..2),
        SCAN => contents.first().and_then(|components| contents.get(..4 + 2 * usize::from(*components))),
        _ => contents.get(5).and_then(|components| contents.get(..6 + 3 * usize::from(*components))),
    };
    part.ok_or(MediaError::Damaged)
}

fn whole_tables(contents: &[u8], length: impl Fn(&[u8]) -> Option<usize>) -> Option<&[u8]> {
    let mut end = 0;
    while let Some(rest) = contents.get(end..)
        && let Some(length) = length(rest).filter(|length| *length <= rest.len())
    {
        end += length;
    }
    contents.get(..end).filter(|tables| !tables.is_empty())
}

/// How many bytes of contents the segment has whose length is next.
fn segment_length(file: &mut impl Input) -> Result<u64, MediaError> {
    let length = u64::from(u16::from_be_bytes(file.array()?));
    length.checked_sub(2).ok_or(MediaError::Damaged)
}

fn segment(file: &mut impl Input) -> Result<Vec<u8>, MediaError> {
    let length = segment_length(file)?;
    Ok(file.exactly(length)?)
}

fn write_segment(out: &mut impl Write, marker: u8, contents: &[u8]) -> Result<(), MediaError> {
    let [high, low] = u16::try_from(contents.len() + 2).map_err(|_| MediaError::Damaged)?.to_be_bytes();
    put(out, &[0xFF, marker, high, low])?;
    put(out, contents)
}
