//! Pictures: what a file is, what it says about itself, and the small copies made from it.
//!
//! [`identify`] tells a photo from anything else by its first bytes; [`process`] then decodes it once and returns all
//! that Lumina keeps: the upright size, the facts of its EXIF data and its [renditions](Rendition). Everything here is
//! synchronous and knows neither HTTP nor the database: call it where blocking is allowed, and bound how many run at once.
//!
//! What it promises, for any file whatever: sizes are checked before pixels are allocated, a panicking decoder becomes
//! [`MediaError::Damaged`], and a rendition carries pixels alone, never metadata.

mod decode;
mod headers;
#[cfg(test)]
mod hostile_tests;
mod metadata;
mod renditions;
mod sniff;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use chrono::{DateTime, Utc};

pub use renditions::{Rendition, RenditionName, UnknownRendition, fitted};
pub use sniff::{Format, HEAD, identify, sniff};

/// How large a photo may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most pixels of a photo, in millions (the setting `limits.megapixels`).
    pub megapixels: u32,
}

/// All that is kept of a photo beside its original bytes.
#[derive(Debug)]
pub struct Processed {
    /// Width in pixels as seen upright.
    pub width: u32,
    /// Height in pixels as seen upright.
    pub height: u32,
    /// When it was taken, by its EXIF data.
    pub taken_at: Option<DateTime<Utc>>,
    /// Maker and model of the camera. Comes from the file: escape it wherever it is shown.
    pub camera: Option<String>,
    /// Average colour as 0xRRGGBB.
    pub colour: u32,
    /// One of each [`RenditionName`], smallest first.
    pub renditions: [Rendition; 2],
}

/// Why a file was not taken. The text tells the person who sent it what to do; it is shown beside the file's name.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The first bytes are not those of a format that Lumina takes.
    #[error("{}", sniff::refusal(*.looks_like))]
    NotAnImage {
        /// What they are instead, when recognised: "HEIC", "PDF"…
        looks_like: Option<&'static str>,
    },
    /// Begins as an image, but cannot be decoded.
    #[error("This photo is damaged or incomplete. Check that it opens on your device, then send it again.")]
    Damaged,
    /// Decoding it would take too much memory.
    #[error(
        "This photo is too large: {width} × {height} pixels. Make it smaller than {limit_megapixels} megapixels, then send it again."
    )]
    TooManyPixels {
        /// Width in pixels as stored in the file.
        width: u32,
        /// Height in pixels as stored in the file.
        height: u32,
        /// The most this photo might have, in millions of pixels.
        limit_megapixels: u32,
    },
    /// Its shape is so extreme that it could not be made smaller.
    #[error(
        "This photo is too long: {width} × {height} pixels. Neither side may have more than {limit}; crop it, then send it again."
    )]
    TooLong {
        /// Width in pixels as stored in the file.
        width: u32,
        /// Height in pixels as stored in the file.
        height: u32,
        /// Most pixels of a side.
        limit: u32,
    },
    /// Not the file's fault: it could not be read from disk, or a rendition not be encoded.
    #[error(
        "Lumina could not work on this photo just now. Send it again; if that does not help, tell whoever runs this server."
    )]
    Internal(#[source] std::io::Error),
}

/// Reads the photo at `path`, whose bytes begin as `format` (see [`identify`]), and makes its renditions.
///
/// # Errors
/// [`MediaError`]; nothing is left behind then.
pub fn process(path: &Path, format: Format, limits: Limits) -> Result<Processed, MediaError> {
    // Nothing outlives a panic here but the file, which is only read.
    panic::catch_unwind(AssertUnwindSafe(|| process_or_panic(path, format, limits))).unwrap_or(Err(MediaError::Damaged))
}

fn process_or_panic(path: &Path, format: Format, limits: Limits) -> Result<Processed, MediaError> {
    let (pixels, facts) = decode::decode(path, format, limits)?;
    let (width, height) = facts.upright(pixels.width(), pixels.height());
    let (renditions, colour) = renditions::make(pixels, facts.orientation)?;
    Ok(Processed { width, height, taken_at: facts.taken_at, camera: facts.camera, colour, renditions })
}
