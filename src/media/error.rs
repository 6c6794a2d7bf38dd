//! Why a photo was not taken, in words for the person who sent it.

use std::io;

use image::ImageError;

use super::{Format, sniff};

/// Why a file was not taken. The text tells the person who sent it what to do; it is shown beside the file's name.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The first bytes are not those of a format that Lumina takes.
    #[error("{}", sniff::refusal(*.looks_like))]
    NotAnImage {
        /// What they are instead, when recognised: "TIFF", "PDF"…
        looks_like: Option<&'static str>,
    },
    /// Begins as an image, but cannot be decoded.
    #[error("This photo is damaged or incomplete. Check that it opens on your device, then send it again.")]
    Damaged,
    /// A decoder failed on it in a way that it never should.
    #[error(
        "This photo is damaged in a way that Lumina cannot cope with. Check that it opens on your device, then save it anew and send that."
    )]
    Crashed,
    /// Decoding it took longer, or more memory, than any photo of its size should.
    #[error("This photo takes too much work to read. Save it as a JPEG, then send that.")]
    TooMuchWork,
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
    /// What stands beside its pixels (previews, editing history…) is larger than any photo needs.
    #[error(
        "This photo carries more than {limit_mib} MiB of additional data beside its picture. Export it again without that, then send it."
    )]
    TooMuchMetadata {
        /// Most additional data, in MiB.
        limit_mib: u64,
    },
    /// This server has no decoder for the format.
    #[error(
        "This server cannot read {} photos yet: a program for it is missing. Send a JPEG, or ask whoever runs this server to install {}.",
        .format.name(), super::outside::PACKAGE
    )]
    DecoderMissing {
        /// HEIC or AVIF.
        format: Format,
    },
    /// Of a format that Lumina takes, but of a kind that hardly any program reads.
    #[error(
        "This is {what}, which Lumina does not take. Open it on your device, save it as an ordinary JPEG or PNG, and send that."
    )]
    RareKind {
        /// With its article.
        what: &'static str,
    },
    /// The decoder gave up, and nothing shows that the file is broken.
    #[error(
        "This server could not read this {} photo: {decoder} gave up on it. If it opens on your device, export it there as a JPEG and send that. Whoever runs this server can install a newer version of {}.",
        .format.name(), super::outside::PACKAGE
    )]
    Unreadable {
        /// HEIC or AVIF.
        format: Format,
        /// The decoder's name and version.
        decoder: String,
    },
    /// Not the file's fault: it could not be read from disk, or a rendition not be encoded.
    #[error(
        "Lumina could not work on this photo just now. Send it again; if that does not help, tell whoever runs this server."
    )]
    Internal(#[source] io::Error),
}

impl From<ImageError> for MediaError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::IoError(error) => error.into(),
            _ => Self::Damaged,
        }
    }
}

/// A file that ends too early, or whose contents a decoder reports this way, is damaged; anything else is the disk's fault.
impl From<io::Error> for MediaError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Other => Self::Damaged,
            _ => Self::Internal(error),
        }
    }
}

/// What went wrong here although the file is fine.
pub(super) fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MediaError {
    MediaError::Internal(io::Error::other(error))
}
