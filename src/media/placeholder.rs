//! Placeholders: a blurred miniature of a photo in at most 25 bytes, shown while the photo is on its way.
//!
//! The format is ThumbHash (<https://evanw.github.io/thumbhash/>): a few cosine coefficients of the lightness and two
//! colour differences, and of the transparency where there is any.

use image::DynamicImage;

/// Longest edge of the image that a placeholder is made from, in pixels: the most that the format allows.
pub(super) const EDGE: u32 = 100;

/// What shows through transparent pixels in the average colour.
const BACKDROP: f32 = 0.5;

/// The ThumbHash of `image`, whose edges are at most [`EDGE`].
pub(super) fn hash(image: &DynamicImage) -> Vec<u8> {
    let image = image.to_rgba8();
    thumbhash::rgba_to_thumb_hash(image.width() as usize, image.height() as usize, image.as_raw())
}

/// The average colour that a ThumbHash tells, as 0xRRGGBB; transparent pixels count as mid grey, and so does what is no hash.
#[must_use]
pub fn average_colour(hash: &[u8]) -> u32 {
    let (r, g, b, alpha) = thumbhash::thumb_hash_to_average_rgba(hash).unwrap_or_default();
    [r, g, b].into_iter().fold(0, |colour, channel| {
        let shown = channel.clamp(0.0, 1.0) * alpha + BACKDROP * (1.0 - alpha);
        // Between 0 and 255: the cast cuts nothing.
        colour << 8 | (255.0 * shown).round() as u32
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn the_average_colour_counts_transparent_pixels_as_grey() {
        let near = |colour: u32, expected: u32| {
            colour.to_be_bytes().iter().zip(expected.to_be_bytes()).all(|(a, b)| a.abs_diff(b) < 12)
        };
        let plain = RgbaImage::from_pixel(10, 7, Rgba([200, 100, 50, 255]));
        let half = RgbaImage::from_fn(10, 10, |x, _| Rgba([255, 0, 0, if x < 5 { 255 } else { 0 }]));
        for (image, expected) in [(plain, 0xC86432), (half, 0xC04040)] {
            let hash = hash(&image.into());
            assert!(hash.len() <= 25);
            let colour = average_colour(&hash);
            assert!(near(colour, expected), "{colour:06x} instead of {expected:06x}");
        }
        assert_eq!(average_colour(&[]), 0x80_80_80);
    }
}
