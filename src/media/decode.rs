//! From a file to pixels, once, and never more pixels than allowed.
//!
//! `image` forgets its limits when a decoder is opened by itself, which reading the orientation needs: a GIF of 37 bytes
//! that claims 65 535 × 65 535 pixels then aborts the process. So each decoder is opened with limits here, and its size
//! is compared with ours before any pixel is allocated.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use image::codecs::{gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder, ImageError};

use super::metadata::Facts;
use super::{Format, Limits, MediaError, headers};

/// Most memory that a decoder may use beside the pixels, in bytes: colour profiles, EXIF data, a GIF's frame.
const BESIDE_PIXELS: u64 = 64 << 20;

/// Bytes of memory allowed for each pixel allowed: 8-bit RGBA. What takes more to decode may have fewer pixels: 16 bits
/// a channel, animations, progressive JPEG (100 megapixels of it took 863 MB, from a file of 1 MB).
const BYTES_PER_PIXEL: u64 = 4;

/// Longest edge in pixels, the most that JPEG and GIF can say. Resizing needs memory that grows with an edge, whatever the area.
const LONGEST_EDGE: u32 = 65_535;

/// Which part of a JPEG's rows may be missing at its end, as 1/n of them, before it is called damaged.
const MISSING_ROWS: usize = 20;

/// The pixels of the file at `path`, as they are stored and not yet upright, and its facts.
pub(super) fn decode(path: &Path, format: Format, limits: Limits) -> Result<(DynamicImage, Facts), MediaError> {
    let mut file = BufReader::new(File::open(path).map_err(MediaError::Internal)?);
    match format {
        Format::Jpeg => {
            let working = headers::jpeg_working_bytes(&mut file)?;
            let decoded = pixels(JpegDecoder::new(file)?, working, limits)?;
            // A progressive one that ends too early has all its rows, but only coarsely.
            let suspicious = working > 0 || is_cut_off(&decoded.0);
            if suspicious && !headers::jpeg_has_end(path).map_err(MediaError::Internal)? {
                return Err(MediaError::Damaged);
            }
            Ok(decoded)
        }
        Format::Png => {
            headers::check_png(&mut file, limits)?;
            pixels(PngDecoder::with_limits(file, memory(BESIDE_PIXELS))?, 0, limits)
        }
        Format::Gif => {
            let mut decoder = GifDecoder::new(file)?;
            // The first frame is decoded by itself, and may claim to be larger than the whole picture.
            let frame = decoder.total_bytes().max(BESIDE_PIXELS);
            decoder.set_limits(memory(frame))?;
            pixels(decoder, 4, limits)
        }
        Format::WebP => {
            let working = headers::webp_working_bytes(&mut file, limits)?;
            pixels(WebPDecoder::new(file)?, working, limits)
        }
    }
}

fn memory(bytes: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

/// Decodes, if the pixels and `working` more bytes for each of them are within the limits.
#[expect(clippy::disallowed_methods, reason = "the size is checked on the lines before")]
fn pixels(mut decoder: impl ImageDecoder, working: u64, limits: Limits) -> Result<(DynamicImage, Facts), MediaError> {
    let (width, height) = decoder.dimensions();
    let bytes_per_pixel = u64::from(decoder.color_type().bytes_per_pixel());
    check_size(width, height, bytes_per_pixel + working, limits)?;
    let facts = Facts::read(decoder.exif_metadata().unwrap_or_default());
    Ok((DynamicImage::from_decoder(decoder)?, facts))
}

/// Refuses what is larger than the limits when each pixel takes this many bytes of memory.
pub(super) fn check_size(width: u32, height: u32, bytes_per_pixel: u64, limits: Limits) -> Result<(), MediaError> {
    if width == 0 || height == 0 {
        return Err(MediaError::Damaged);
    }
    let allowed = u64::from(limits.megapixels) * 1_000_000;
    let allowed = allowed.min(allowed * BYTES_PER_PIXEL / bytes_per_pixel.max(1));
    if u64::from(width) * u64::from(height) > allowed {
        let limit_megapixels = u32::try_from(allowed / 1_000_000).unwrap_or(u32::MAX).max(1);
        return Err(MediaError::TooManyPixels { width, height, limit_megapixels });
    }
    if width.max(height) > LONGEST_EDGE {
        return Err(MediaError::TooLong { width, height, limit: LONGEST_EDGE });
    }
    Ok(())
}

/// Whether rows seem to be missing at the end: the JPEG decoder fills what it does not find with mid grey.
fn is_cut_off(pixels: &DynamicImage) -> bool {
    let bytes = pixels.as_bytes();
    bytes.iter().rev().take(bytes.len() / MISSING_ROWS + 1).all(|&byte| byte == 128)
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
