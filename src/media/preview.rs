//! The JPEG by which other sites and messengers show a photo beside its link. Some know no WebP, and drop what is large.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder};

use super::error::internal;
use super::renditions::{fitted, resize};
use super::upright::{Flattened, Opaque, Upright};
use super::{MediaError, guarded};

/// Longest edge, in pixels: what these sites show at most.
pub const EDGE: u32 = 1200;

/// Most bytes. WhatsApp takes no more.
pub const MOST_BYTES: usize = 300_000;

/// Qualities of the JPEG encoder, of 100, from the first on until the picture is small enough. Photos are at the first one;
/// noise of this size is at the last but one.
const QUALITIES: [u8; 7] = [85, 70, 55, 40, 25, 10, 2];

/// Width and height of the preview of a photo whose upright size is `width` × `height`.
#[must_use]
pub fn size(width: u32, height: u32) -> (u32, u32) {
    fitted(width, height, EDGE)
}

/// Memory that making it from a rendition of this size takes, in bytes: its pixels, as decoded and made smaller, and the JPEG.
#[must_use]
pub fn working_bytes((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height) * 10 + (2 << 20)
}

/// The preview of this size, from a still rendition of the photo whose size is at most that: upright, in sRGB, over white where the photo
/// is transparent, and without metadata, as the rendition is.
///
/// # Errors
/// [`MediaError`], when that is no rendition.
pub fn make(rendition: &[u8], largest: (u32, u32), size: (u32, u32)) -> Result<Vec<u8>, MediaError> {
    guarded(|| {
        let decoder = WebPDecoder::new(Cursor::new(rendition))?;
        let found = decoder.dimensions();
        if found.0 > largest.0 || found.1 > largest.1 {
            return Err(MediaError::Damaged);
        }
        let image = resize(decoded(decoder)?, size, true)?;
        let mut jpeg = Vec::new();
        for quality in QUALITIES {
            jpeg.clear();
            let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
            let orientation = Orientation::NoTransforms;
            let written = match &image {
                DynamicImage::ImageRgb8(image) => encoder.encode_image(&Upright { image: Opaque(image), orientation }),
                image => encoder.encode_image(&Upright { image: Flattened(image), orientation }),
            };
            written.map_err(internal)?;
            if jpeg.len() <= MOST_BYTES {
                break;
            }
        }
        Ok(jpeg)
    })
}

#[expect(clippy::disallowed_methods, reason = "its size is checked by whoever calls this")]
fn decoded(decoder: WebPDecoder<Cursor<&[u8]>>) -> Result<DynamicImage, MediaError> {
    Ok(DynamicImage::from_decoder(decoder)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::renditions::encode;

    #[test]
    fn a_preview_is_small_whatever_the_photo_is() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let noise = image::RgbImage::from_fn(1280, 1280, |_, _| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let [r, g, b, ..] = state.to_be_bytes();
            image::Rgb([r, g, b])
        });
        let rendition = encode(&noise.into()).unwrap();
        let jpeg = make(&rendition, (1280, 1280), (EDGE, EDGE)).unwrap();
        assert!(jpeg.len() <= MOST_BYTES, "{}", jpeg.len());
        let image = image::load_from_memory_with_format(&jpeg, image::ImageFormat::Jpeg).unwrap();
        assert_eq!((image.width(), image.height()), (EDGE, EDGE));
        assert!(matches!(make(&rendition, (1000, 1280), (1000, 1000)), Err(MediaError::Damaged)));
        assert!(make(b"no rendition", (10, 10), (10, 10)).is_err());
    }

    #[test]
    fn what_is_transparent_is_white() {
        let clear = image::RgbaImage::from_pixel(40, 30, image::Rgba([200, 0, 0, 0]));
        let jpeg = make(&encode(&clear.into()).unwrap(), (40, 30), (40, 30)).unwrap();
        let image = image::load_from_memory_with_format(&jpeg, image::ImageFormat::Jpeg).unwrap().into_rgb8();
        assert!(image.pixels().all(|pixel| pixel.0.iter().all(|channel| *channel > 250)));
    }
}
