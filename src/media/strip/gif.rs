//! The clean copy of a GIF, animated or not.
//!
//! Kept are the screen, the palettes, the frames with their times, and how often they repeat. Comments, texts, XMP and
//! other extensions are left out, as is all that follows the end. Blocks: GIF89a specification, sections 17 to 27.

use std::io::Write;

use super::Cleaned;
use super::input::{Input, put};
use crate::media::MediaError;

const IMAGE: u8 = 0x2C;
const EXTENSION: u8 = 0x21;
const END: u8 = 0x3B;

/// Extensions: how the next frame is shown, and those of programs.
const CONTROL: u8 = 0xF9;
const PROGRAM: u8 = 0xFF;

pub(super) fn clean(file: &mut impl Input, out: &mut impl Write) -> Result<Cleaned, MediaError> {
    let header: [u8; 13] = file.array()?;
    let [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', .., flags, _, _] = header else {
        return Err(MediaError::Damaged);
    };
    put(out, &header)?;
    file.pieces(palette_length(flags), |piece| put(out, piece))?;

    let mut frames = false;
    let mut repeats = false;
    // Written with its frame: another block may come between them.
    let mut control = None;
    loop {
        // What ends without saying so, or goes on with something else, is shown as far as it goes.
        match file.byte()? {
            Some(IMAGE) => match copy_image(file, control.take(), out)? {
                Some(whole) => {
                    frames = true;
                    if !whole {
                        break;
                    }
                }
                None if frames => break,
                None => return Err(MediaError::Damaged),
            },
            Some(EXTENSION) => match (file.byte()?, sub_block(file)?) {
                (Some(CONTROL), Some(block)) => {
                    if let [flags, low, high, transparent, ..] = *block {
                        control = Some([EXTENSION, CONTROL, 4, flags, low, high, transparent, 0]);
                    }
                    skip_sub_blocks(file, &block)?;
                }
                (Some(PROGRAM), Some(program)) if program == b"NETSCAPE2.0" || program == b"ANIMEXTS1.0" => {
                    while let Some(block) = sub_block(file)?.filter(|block| !block.is_empty()) {
                        // 1 means: repeat this often, 0 for ever.
                        if let [1, low, high, ..] = *block
                            && !repeats
                        {
                            repeats = true;
                            put(out, &[EXTENSION, PROGRAM, 11])?;
                            put(out, b"NETSCAPE2.0")?;
                            put(out, &[3, 1, low, high, 0])?;
                        }
                    }
                }
                (_, block) => skip_sub_blocks(file, &block.unwrap_or_default())?,
            },
            _ if frames => break,
            _ => return Err(MediaError::Damaged),
        }
    }
    put(out, &[END])?;
    Ok(Cleaned::Copied)
}

/// Bytes of the palette that these flags announce.
fn palette_length(flags: u8) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 6 << (flags & 7) }
}

/// Copies a frame, and tells whether the file had all of it; `None` if not even its pixels begin, and nothing is written.
fn copy_image(
    file: &mut impl Input,
    control: Option<[u8; 8]>,
    out: &mut impl Write,
) -> Result<Option<bool>, MediaError> {
    let descriptor = file.at_most(9)?;
    let flags = descriptor.get(8).copied().unwrap_or_default();
    // With the byte behind it: the size of the first codes.
    let length = palette_length(flags) + 1;
    let palette = file.at_most(length)?;
    if palette.len() as u64 != length {
        return Ok(None);
    }
    put(out, control.as_ref().map_or(&[], |control| control.as_slice()))?;
    put(out, &[IMAGE])?;
    put(out, &descriptor)?;
    put(out, &palette)?;
    loop {
        let block = sub_block(file)?;
        let contents = block.as_deref().unwrap_or_default();
        put(out, &[u8::try_from(contents.len()).unwrap_or(u8::MAX)])?;
        put(out, contents)?;
        if contents.is_empty() {
            return Ok(Some(block.is_some()));
        }
    }
}

/// The next piece of data, of 255 bytes at most; one of none ends them. `None` where the file ends, fewer bytes than
/// announced shortly before.
fn sub_block(file: &mut impl Input) -> Result<Option<Vec<u8>>, MediaError> {
    Ok(match file.byte()? {
        Some(length) => Some(file.at_most(length.into())?),
        None => None,
    })
}

/// Passes over the pieces behind this one.
fn skip_sub_blocks(file: &mut impl Input, first: &[u8]) -> Result<(), MediaError> {
    if first.is_empty() {
        return Ok(());
    }
    while let Some(length @ 1..) = file.byte()? {
        file.skip(length.into())?;
    }
    Ok(())
}
