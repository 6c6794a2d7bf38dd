//! Pictures: what a file is, what it says about itself, and the smaller copies made from it.
//!
//! [`identify`] tells a photo from anything else by its first bytes; [`inspect`] reads its headers and says how much memory
//! the work will take; [`process`] then decodes it once and returns all that Lumina keeps: the upright size, the
//! [facts](Facts) of its EXIF data, a placeholder and its [renditions](Rendition). Everything here is synchronous and
//! knows neither HTTP nor the database: call it where blocking is allowed, and bound how many run at once by
//! [`Inspected::working_bytes`].
//!
//! What it promises, for any file whatever: sizes are checked before pixels are allocated, a panicking decoder becomes
//! [`MediaError::Crashed`], and a rendition carries pixels in sRGB alone, never metadata.

mod av1;
mod colour;
mod decode;
mod error;
mod facts;
mod headers;
mod heif;
mod heif_boxes;
mod heif_meta;
mod heif_place;
#[cfg(test)]
mod heif_tests;
#[cfg(test)]
mod hostile_tests;
pub mod outside;
pub mod placeholder;
pub mod preview;
mod renditions;
mod sniff;
#[cfg(test)]
mod sniff_tests;
mod strip;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod upright;

use std::io::{Seek, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

pub use error::MediaError;
pub use facts::{Exposure, Facts, Place, Said, date_in_name};
pub use outside::OutsideDecoder;
pub use renditions::{Rendition, RenditionName, UnknownRendition, fitted};
pub use sniff::{Format, HEAD, identify, sniff};
pub use strip::{Cleaned, clean};
use upright::upright_jpeg;

/// Version of the renditions: raised when they would come out differently, so that older ones are made again.
/// Version 1 had two sizes, of 480 and 1600 pixels.
pub const VERSION: i16 = 2;

/// How large a photo may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most pixels of a photo, in millions (the setting `limits.megapixels`).
    pub megapixels: u32,
}

/// What a photo's headers say, once they are found to be within the limits.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// What the file is.
    pub format: Format,
    /// Width in pixels as stored.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// Whether it has more than one frame and plays; one with absurdly many is taken as a still (see [`inspect`]).
    pub animated: bool,
    /// The most memory that [`process`] or [`clean_copy`] takes, in bytes: what to ask of a semaphore that bounds the memory
    /// of all decoding together. That of the process which decodes HEIC and AVIF is counted.
    pub working_bytes: u64,
    smaller_bytes: Option<u64>,
    /// Whether [`process`] decodes it smaller.
    is_smaller: bool,
    limits: Limits,
}

impl Inspected {
    /// A large JPEG, to be decoded at a half, a quarter or an eighth of its size, which takes less time and much less memory.
    /// When [`process`] refuses it then, it may still take it whole: this way forgives less. `None` for what is decoded
    /// whole anyway.
    #[must_use]
    pub fn smaller(&self) -> Option<Self> {
        let working_bytes = self.smaller_bytes?;
        Some(Self { working_bytes, is_smaller: true, ..self.clone() })
    }
}

/// All that is kept of a photo beside its original bytes.
#[derive(Debug)]
pub struct Processed {
    /// Width in pixels as seen upright.
    pub width: u32,
    /// Height in pixels as seen upright.
    pub height: u32,
    /// What its EXIF data says. Comes from the file: escape it wherever it is shown.
    pub facts: Facts,
    /// A blurred miniature of at most 30 bytes: ThumbHash. Its mean is [`placeholder::average_colour`].
    pub placeholder: Vec<u8>,
    /// Whether there is [`RenditionName::Moving`]: it plays, and its file is not too large for that.
    pub animated: bool,
    /// One of each [`RenditionName::STILLS`], smallest first, and `Moving` where there is one.
    pub renditions: Vec<Rendition>,
}

/// Reads the headers of the photo at `path`, whose bytes begin as `format` (see [`identify`]). Nothing is decoded.
///
/// An animation of more than 10 000 frames, or of more than 2 000 megapixels in all its frames, is taken as a still: its
/// owner keeps the file as it came and sees the first frame, and no page makes a phone play what it could not.
///
/// # Errors
/// [`MediaError`], when the photo is beyond the limits or its headers are damaged.
pub fn inspect(path: &Path, format: Format, limits: Limits) -> Result<Inspected, MediaError> {
    let header = guarded(|| headers::read(path, format, limits))?;
    let headers::Header { width, height, animated, working_bytes, smaller_bytes, .. } = header;
    Ok(Inspected { format, width, height, animated, working_bytes, smaller_bytes, is_smaller: false, limits })
}

/// Decodes the photo at `path`, which was found to be `inspected`, and makes its renditions.
///
/// # Errors
/// [`MediaError`]; nothing is left behind then.
pub fn process(path: &Path, inspected: &Inspected, outside: &OutsideDecoder) -> Result<Processed, MediaError> {
    guarded(|| {
        let decoded = decode::decode(path, inspected, outside)?;
        let (width, height) = decoded.facts.upright(decoded.width, decoded.height);
        let facts = decoded.facts;
        let stored = (decoded.width, decoded.height);
        let stills = renditions::make(decoded.pixels, stored, &decoded.colours, facts.orientation)?;
        let mut renditions = stills.renditions;
        if inspected.animated {
            renditions.extend(renditions::moving(path, inspected)?);
        }
        Ok(Processed {
            width,
            height,
            facts,
            placeholder: stills.placeholder,
            animated: renditions.iter().any(|rendition| rendition.name == RenditionName::Moving),
            renditions,
        })
    })
}

/// Writes the copy of the photo at `path` that a visitor may have: its pixels and colours without anything else that the
/// file says. It has them as they are where its format allows, else they are encoded anew as JPEG. Answers the copy's
/// format; it ends where `out` stands then, and what may be behind that is to be cut off.
///
/// # Errors
/// [`MediaError`]; what was written by then is no photo.
pub fn clean_copy(
    path: &Path,
    inspected: &Inspected,
    outside: &OutsideDecoder,
    out: &mut (impl Write + Seek),
) -> Result<Format, MediaError> {
    match guarded(|| strip::clean_copy(path, inspected.format, out)) {
        Ok(Cleaned::Copied) => return Ok(inspected.format),
        Ok(Cleaned::NeedsReencode) => {}
        Err(MediaError::Internal(error)) => return Err(MediaError::Internal(error)),
        // Decoders forgive more than copying does. Part of a copy may have been written.
        Err(_) => out.rewind().map_err(MediaError::Internal)?,
    }
    upright_jpeg(path, inspected, outside, out)?;
    Ok(Format::Jpeg)
}

/// Runs what may panic on a hostile file.
fn guarded<T>(work: impl FnOnce() -> Result<T, MediaError>) -> Result<T, MediaError> {
    // Nothing outlives a panic here but the file, which is only read.
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(MediaError::Crashed))
}
