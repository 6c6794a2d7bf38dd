//! The clean copy of a WebP, animated or not.
//!
//! Kept are the chunks that make pixels and frames; the colour profile is written anew, and the header says what is
//! there. EXIF and XMP data and unknown chunks are left out, in frames too, as is all that follows the end. A chunk's
//! length stands before it, so that the file is gone through twice: to count, and to copy. Chunks: RFC 9649, section 2.

use std::io::{SeekFrom, Write};

use super::input::{Input, Placed, put};
use super::{Cleaned, icc};
use crate::media::{MediaError, facts};

/// In the extended header: a profile, EXIF and XMP data, and what this format has only reserved.
const PROFILE: u8 = 0x20;
const PIXELS: u8 = 0x10 | 0x02; // transparency, animation

/// Bytes of a frame's own header, before its chunks.
const FRAME: u64 = 16;

type Kind = [u8; 4];

/// Transparency, lossy and lossless pixels, the animation and its frames.
const PIXEL_CHUNKS: [&Kind; 5] = [b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"];

/// What a chunk says of itself, and where its contents are.
#[derive(Clone, Copy)]
struct Chunk {
    kind: Kind,
    start: u64,
    length: u64,
}

impl Chunk {
    /// Where the next one begins: at an even place.
    fn next(self) -> u64 {
        self.start + self.length + self.length % 2
    }
}

pub(super) fn clean(file: &mut impl Input, out: &mut impl Write) -> Result<Cleaned, MediaError> {
    let real_end = file.seek(SeekFrom::End(0))?;
    let file = &mut Placed::new(file)?;
    let Some(header) = Header::read(file, real_end)? else {
        return Ok(Cleaned::NeedsReencode);
    };
    let mut length = 4 + header.written.len() as u64;
    walk(file, &header, |file, chunk| {
        length += 8 + cleaned_length(file, chunk)?.next_multiple_of(2);
        Ok(())
    })?;
    put(out, b"RIFF")?;
    put(out, &u32::try_from(length).map_err(|_| MediaError::Damaged)?.to_le_bytes())?;
    put(out, b"WEBP")?;
    put(out, &header.written)?;
    walk(file, &header, |file, chunk| copy(file, chunk, out))?;
    Ok(Cleaned::Copied)
}

/// What stands before the pixels, and how far they reach.
struct Header {
    /// The extended header and the profile, as they will be written; nothing in a simple file.
    written: Vec<u8>,
    /// Where the file ends, as it says or as it is.
    end: u64,
}

impl Header {
    /// `None` when EXIF data anywhere turns the pixels.
    fn read(file: &mut Placed<impl Input>, real_end: u64) -> Result<Option<Self>, MediaError> {
        let [b'R', b'I', b'F', b'F', l0, l1, l2, l3, b'W', b'E', b'B', b'P'] = file.array()? else {
            return Err(MediaError::Damaged);
        };
        let end = real_end.min(8 + u64::from(u32::from_le_bytes([l0, l1, l2, l3])).next_multiple_of(2));
        let mut extended = None;
        let mut profile = None;
        let mut at = 12;
        while let Some(chunk) = chunk_at(file, at, end)? {
            at = chunk.next();
            match &chunk.kind {
                b"VP8X" if extended.is_none() && chunk.start == 20 => extended = Some(file.array::<10>()?),
                b"ICCP" if profile.is_none() => {
                    let bytes = file.at_most(chunk.length.min(icc::LONGEST as u64))?;
                    profile = Some(icc::neutral(&bytes));
                }
                b"EXIF" => {
                    let exif = file.at_most(chunk.length.min(facts::LONGEST))?;
                    if facts::changes_pixels(&exif) {
                        return Ok(None);
                    }
                }
                _ => (),
            }
        }
        let mut written = Vec::new();
        // Flags, three reserved bytes, then width and height.
        if let Some([flags, _, _, _, size @ ..]) = extended {
            let profile = profile.flatten();
            let flags = flags & PIXELS | if profile.is_some() { PROFILE } else { 0 };
            append(&mut written, *b"VP8X", &[[flags, 0, 0, 0].as_slice(), &size].concat())?;
            if let Some(profile) = profile {
                append(&mut written, *b"ICCP", &profile)?;
            }
        }
        Ok(Some(Self { written, end }))
    }
}

/// Passes every chunk of pixels to `each`: the first of each kind, but all frames.
fn walk<I: Input>(
    file: &mut Placed<I>,
    header: &Header,
    mut each: impl FnMut(&mut Placed<I>, Chunk) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let mut seen: Vec<Kind> = Vec::new();
    let mut at = 12;
    while let Some(chunk) = chunk_at(file, at, header.end)? {
        at = chunk.next();
        let is_kept = PIXEL_CHUNKS.contains(&&chunk.kind) && (&chunk.kind == b"ANMF" || !seen.contains(&chunk.kind));
        if is_kept {
            if !seen.contains(&chunk.kind) {
                seen.push(chunk.kind);
            }
            each(file, chunk)?;
        }
    }
    if seen.is_empty() { Err(MediaError::Damaged) } else { Ok(()) }
}

/// The chunk at this place, with the file behind its header; `None` at the end. Pixels that do not fit into the file are
/// damaged, but the last byte, which makes their length even, may be missing; anything else then is the end.
fn chunk_at(file: &mut Placed<impl Input>, at: u64, end: u64) -> Result<Option<Chunk>, MediaError> {
    if at + 8 > end {
        return Ok(None);
    }
    file.go_to(at)?;
    let [k0, k1, k2, k3, l0, l1, l2, l3] = file.array()?;
    let length = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
    let chunk = Chunk { kind: [k0, k1, k2, k3], start: at + 8, length };
    if chunk.start + length <= end {
        return Ok(Some(chunk));
    }
    if PIXEL_CHUNKS.contains(&&chunk.kind) { Err(MediaError::Damaged) } else { Ok(None) }
}

/// How many bytes the contents of this chunk will have.
fn cleaned_length(file: &mut Placed<impl Input>, chunk: Chunk) -> Result<u64, MediaError> {
    match &chunk.kind {
        b"ANIM" => Ok(6),
        b"ANMF" => {
            let mut length = FRAME;
            walk_frame(file, chunk, |_, inner| {
                length += 8 + inner.length.next_multiple_of(2);
                Ok(())
            })?;
            Ok(length)
        }
        _ => Ok(chunk.length),
    }
}

/// Passes the chunks of a frame to `each`: transparency and pixels.
fn walk_frame<I: Input>(
    file: &mut Placed<I>,
    frame: Chunk,
    mut each: impl FnMut(&mut Placed<I>, Chunk) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let mut at = frame.start + FRAME;
    let mut alpha = false;
    while let Some(chunk) = chunk_at(file, at, frame.start + frame.length)? {
        at = chunk.next();
        match &chunk.kind {
            b"ALPH" if !alpha => {
                alpha = true;
                each(file, chunk)?;
            }
            // Decoders look no further.
            b"VP8 " | b"VP8L" => return each(file, chunk),
            _ => (),
        }
    }
    Err(MediaError::Damaged)
}

fn copy(file: &mut Placed<impl Input>, chunk: Chunk, out: &mut impl Write) -> Result<(), MediaError> {
    let length = cleaned_length(file, chunk)?;
    put(out, &chunk.kind)?;
    put(out, &u32::try_from(length).map_err(|_| MediaError::Damaged)?.to_le_bytes())?;
    file.go_to(chunk.start)?;
    if &chunk.kind == b"ANMF" {
        file.pieces(FRAME, |piece| put(out, piece))?;
        return walk_frame(file, chunk, |file, inner| copy_contents(file, inner, out));
    }
    file.pieces(length, |piece| put(out, piece))?;
    pad(length, out)
}

fn copy_contents(file: &mut Placed<impl Input>, chunk: Chunk, out: &mut impl Write) -> Result<(), MediaError> {
    put(out, &chunk.kind)?;
    put(out, &u32::try_from(chunk.length).map_err(|_| MediaError::Damaged)?.to_le_bytes())?;
    file.go_to(chunk.start)?;
    file.pieces(chunk.length, |piece| put(out, piece))?;
    pad(chunk.length, out)
}

fn append(out: &mut Vec<u8>, kind: Kind, contents: &[u8]) -> Result<(), MediaError> {
    let length = u32::try_from(contents.len()).map_err(|_| MediaError::Damaged)?;
    out.extend([kind, length.to_le_bytes()].concat());
    out.extend(contents);
    pad(length.into(), out)
}

fn pad(length: u64, out: &mut impl Write) -> Result<(), MediaError> {
    put(out, if length % 2 == 1 { &[0] } else { &[] })
}
