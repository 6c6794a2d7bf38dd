//! The clean copy of a photo: the same pixels, without anything else that its file holds.
//!
//! What a visitor may download of an original is a copy made here: no EXIF, XMP or IPTC data, so no place, serial number
//! or thumbnail; no comments, no second image, nothing before, between or behind the parts that make the picture. It is
//! made by keeping what is known to be needed, never by removing what is known to be private, and it decodes to exactly
//! the same pixels, frames and colours. Colour profiles are [written anew](icc) from their numbers alone.
//!
//! Memory is bounded whatever the file: parts that make the picture are streamed, and only small ones are held. What
//! could be hidden in the compressed pixels themselves stays: taking that out would need decoding them.

mod gif;
mod icc;
mod input;
mod jpeg;
mod jpeg_scan;
mod png;
#[cfg(test)]
mod tests;
mod webp;

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::Path;

use super::{Format, MediaError};

/// What came of it.
#[must_use = "nothing is written when the copy needs to be encoded anew"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleaned {
    /// The whole copy has been written.
    Copied,
    /// Nothing has been written: without its metadata this photo would look different, because that is what turns it
    /// upright, or its format cannot be copied in parts (HEIC, AVIF). Encode its pixels anew instead.
    NeedsReencode,
}

/// Writes a copy of the photo at `path` that holds its pixels and colours, and nothing else. `format` as [`identify`]
/// tells it.
///
/// # Errors
/// [`MediaError::Damaged`] when the file is not built as its format demands. Part of the copy may have been written then:
/// throw it away. Decoders forgive more than this does: a photo that could be decoded can still be encoded anew.
/// [`MediaError::Internal`] when reading or writing fails.
///
/// [`identify`]: super::identify
pub fn clean_copy(path: &Path, format: Format, out: &mut impl Write) -> Result<Cleaned, MediaError> {
    let file = File::open(path).map_err(MediaError::Internal)?;
    clean(BufReader::with_capacity(64 << 10, file), format, out)
}

/// As [`clean_copy`], from the start of anything that can be read twice.
///
/// # Errors
/// As [`clean_copy`].
pub fn clean(mut file: impl BufRead + Seek, format: Format, out: &mut impl Write) -> Result<Cleaned, MediaError> {
    match format {
        Format::Jpeg => jpeg::clean(&mut file, out),
        Format::Png => png::clean(&mut file, out),
        Format::Gif => gif::clean(&mut file, out),
        Format::WebP => webp::clean(&mut file, out),
        Format::Heic | Format::Avif => Ok(Cleaned::NeedsReencode),
    }
}
