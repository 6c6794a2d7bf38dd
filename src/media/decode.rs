//! From a file to pixels, once, and never more pixels than allowed.
//!
//! The sizes that the decoders see are those that [`headers`] found within the limits, or they are not asked for pixels.

mod jpeg;
pub(super) mod planes;
mod standard_tables;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder};

pub(super) use jpeg::READ_WHOLE;

use super::colour::Colours;
use super::headers::{self, Header};
use super::{Facts, Format, Inspected, MediaError, OutsideDecoder};

/// Most memory that a decoder may use beside the pixels, in bytes: texts and a row or two of a PNG, a GIF's tables.
pub(super) const BESIDE_PIXELS: u64 = 16 << 20;

/// How the four inks of a pixel are stored, as a JPEG may have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inks {
    /// As lightness, colour differences and black, rather than cyan, magenta, yellow and black.
    pub differences: bool,
    /// With 0 for most ink, as Adobe's programs write them.
    pub inverted: bool,
}

/// Pixels as they are stored and not yet upright, of 8 or 16 bits a channel.
#[derive(Debug)]
pub(super) struct Pixels {
    pub image: DynamicImage,
    /// Present when the four channels are inks, not red, green, blue and opacity.
    pub inks: Option<Inks>,
}

impl Pixels {
    pub fn width(&self) -> u32 {
        self.image.width()
    }

    pub fn height(&self) -> u32 {
        self.image.height()
    }
}

/// What is in a photo.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Of the photo, in pixels as stored.
    pub width: u32,
    /// Of the photo, in pixels as stored.
    pub height: u32,
    /// Fewer than those, when it was to be decoded smaller.
    pub pixels: Pixels,
    pub colours: Colours,
    pub facts: Facts,
}

impl Decoded {
    fn whole(pixels: Pixels, colours: Colours, facts: Facts) -> Self {
        Self { width: pixels.width(), height: pixels.height(), pixels, colours, facts }
    }
}

/// Decodes the photo at `path`.
pub(super) fn decode(path: &Path, inspected: &Inspected, outside: &OutsideDecoder) -> Result<Decoded, MediaError> {
    let (format, limits) = (inspected.format, inspected.limits);
    let header = headers::read(path, format, limits)?;
    if matches!(format, Format::Heic | Format::Avif) {
        // Colours are what the photo says. What the decoder's PNG says of them differs from version to version.
        let (outcome, colours) = (outside.decode(path, format, limits)?, header.colours);
        let pixels = if let Some(image) = outcome.pixels_of_planes()? {
            Pixels { image: image.into(), inks: None }
        } else {
            let png = outcome.path();
            let inner = headers::read(&png, Format::Png, limits)?;
            pixels(&png, Format::Png, &inner)?
        };
        return Ok(Decoded::whole(pixels, colours, Facts::of_container(path)));
    }
    let pixels =
        if inspected.is_smaller { jpeg::smaller_pixels(path, &header)? } else { pixels(path, format, &header)? };
    let colours = header.colours.or_told_by(header.said.exif.as_deref());
    let (width, height) = (header.width, header.height);
    Ok(Decoded { width, height, pixels, colours, facts: Facts::read(&header.said) })
}

fn pixels(path: &Path, format: Format, header: &Header) -> Result<Pixels, MediaError> {
    if format == Format::Jpeg {
        return jpeg::pixels(path, header);
    }
    let file = BufReader::new(File::open(path).map_err(MediaError::Internal)?);
    let image = match format {
        Format::Gif => {
            let mut decoder = GifDecoder::new(file)?;
            // The first frame is decoded by itself, and may claim to be larger than the whole picture.
            let frame = decoder.total_bytes().max(BESIDE_PIXELS);
            decoder.set_limits(memory(frame))?;
            image(decoder, header)?
        }
        Format::WebP => image(WebPDecoder::new(file)?, header)?,
        _ => image(PngDecoder::with_limits(file, memory(BESIDE_PIXELS))?, header)?,
    };
    Ok(Pixels { image, inks: None })
}

fn memory(bytes: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

/// Decodes, if this is the size that was found to be within the limits.
#[expect(clippy::disallowed_methods, reason = "the size is checked on the line before")]
fn image(decoder: impl ImageDecoder, header: &Header) -> Result<DynamicImage, MediaError> {
    if decoder.dimensions() != (header.width, header.height) {
        return Err(MediaError::Damaged);
    }
    Ok(DynamicImage::from_decoder(decoder)?)
}
