//! GIF: its screen, and how many frames follow. GIF89a specification, sections 17 to 27.

use std::fs::File;
use std::io::BufReader;

use super::{FRAMES, Header, MediaError, PerPixel, array, plays};

/// Reads the screen's size and counts frames.
pub(super) fn read(file: &mut BufReader<File>, header: &mut Header) -> Result<PerPixel, MediaError> {
    let Some([b'G', b'I', b'F', _, _, _, w0, w1, h0, h1, flags, _, _]) = array(file)? else {
        return Err(MediaError::Damaged);
    };
    header.width = u16::from_le_bytes([w0, w1]).into();
    header.height = u16::from_le_bytes([h0, h1]).into();
    skip_colours(file, flags)?;
    // What breaks off is left to the decoder: the first frame may be whole.
    let frames = frames(file)?;
    header.animated = plays(frames, header.width, header.height);
    // The picture, and its first frame beside it.
    Ok(PerPixel { pixels: 4, decoding: 4, converting: 4 })
}

fn frames(file: &mut BufReader<File>) -> Result<u32, MediaError> {
    let mut frames = 0;
    while let Some([kind]) = array(file)? {
        match kind {
            b'!' => file.seek_relative(1)?,
            b',' => {
                let Some([.., flags]) = array::<9>(file)? else { break };
                skip_colours(file, flags)?;
                file.seek_relative(1)?;
                frames += 1;
            }
            _ => break,
        }
        while let Some([length]) = array(file)?
            && length > 0
        {
            file.seek_relative(length.into())?;
        }
        if frames > FRAMES {
            break;
        }
    }
    Ok(frames)
}

/// Skips the table of colours that these flags announce.
fn skip_colours(file: &mut BufReader<File>, flags: u8) -> Result<(), MediaError> {
    let colours = if flags & 0x80 == 0 { 0 } else { 2_i64 << (flags & 7) };
    Ok(file.seek_relative(3 * colours)?)
}
