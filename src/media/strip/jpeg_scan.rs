//! Between a JPEG's segments: markers, and the compressed pixels of a scan.

use std::io::Write;

use super::input::{Input, put};
use super::jpeg::{END, START};
use crate::media::MediaError;

/// The next marker, or `None` at the end of the file. As in libjpeg, bytes that belong to no segment are passed over; a
/// marker may be padded with more of its first byte.
pub(super) fn next_marker(file: &mut impl Input) -> Result<Option<u8>, MediaError> {
    loop {
        match file.byte()? {
            None => return Ok(None),
            Some(0xFF) => (),
            Some(_) => continue,
        }
        loop {
            match file.byte()? {
                None => return Ok(None),
                Some(0xFF) => (),
                Some(0) => break,
                Some(marker) => return Ok(Some(marker)),
            }
        }
    }
}

/// Copies the compressed pixels of a scan up to the marker that ends them, and returns that.
///
/// In them, the first byte of a marker is followed by 0, which means the byte itself, or by a restart marker.
/// Section B.1.1.5. Reserved markers are nothing that a copy could keep.
pub(super) fn copy_scan(file: &mut impl Input, out: &mut impl Write) -> Result<Option<u8>, MediaError> {
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let pixels = buffer.iter().position(|byte| *byte == 0xFF).unwrap_or(buffer.len());
        put(out, buffer.get(..pixels).unwrap_or(buffer))?;
        let at_marker = pixels < buffer.len();
        file.consume(pixels + usize::from(at_marker));
        if !at_marker {
            continue;
        }
        let mut padding = 1;
        let next = loop {
            match file.byte()? {
                Some(0xFF) => padding += 1,
                next => break next,
            }
        };
        match next {
            Some(byte @ (0 | 0xD0..=0xD7)) => {
                // Padding is copied here: decoders differ in what they make of it.
                for _ in 0..padding {
                    put(out, &[0xFF])?;
                }
                put(out, &[byte])?;
            }
            // A second image begins where this one is cut off.
            Some(START) => return Ok(Some(END)),
            Some(0x01..=0xBF | 0xC8 | 0xF0..=0xFD) => return Err(MediaError::Damaged),
            marker => return Ok(marker),
        }
    }
}
