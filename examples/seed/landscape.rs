//! Landscapes that look like holidays from afar: a sky, a sun in it, hills one behind the other.

use std::array::from_fn;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageResult, Rgb, RgbImage};

/// Ridges, from the farthest to the nearest.
const RIDGES: usize = 5;

/// The picture of this number as a JPEG file; every third one is upright.
pub fn draw(number: u32) -> ImageResult<Vec<u8>> {
    let (width, height) = if number.is_multiple_of(3) { (1200, 1600) } else { (1600, 1200) };
    let seed = f64::from(number);
    // The golden ratio spreads any number of hues evenly.
    let hue = (seed * 0.618_034).fract();
    let sun = (0.2 + 0.6 * (seed * 0.37).fract(), 0.2 + 0.3 * (seed * 0.53).fract());
    let part = |pixels: u32, of: u32| f64::from(pixels) / f64::from(of);
    let crests: Vec<[f64; RIDGES]> = (0..width).map(|x| from_fn(|ridge| crest(seed, ridge, part(x, width)))).collect();
    let picture = RgbImage::from_fn(width, height, |column, row| {
        let (x, y) = (part(column, width), part(row, height));
        let crests = crests.get(column as usize).copied().unwrap_or_default();
        match crests.iter().rposition(|crest| y > *crest) {
            // The nearer, the darker.
            Some(ridge) => colour(hue + 0.45, 0.35, 0.62 - 0.12 * ridge as f64 - 0.08 * y),
            None => {
                let distance = ((x - sun.0) * part(width, height)).hypot(y - sun.1);
                let glow = if distance < 0.06 { 0.5 } else { 0.12 / (1.0 + 14.0 * (distance - 0.06)) };
                colour(hue + 0.12 * y, 0.55, 0.45 + 0.35 * y + glow)
            }
        }
    });
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 88).encode_image(&picture)?;
    Ok(jpeg)
}

/// How far from the top a ridge begins, as a part of the height.
fn crest(seed: f64, ridge: usize, x: f64) -> f64 {
    let ridge = ridge as f64;
    let wave = |times: f64, shift: f64| (x * times + shift * (seed + 1.0) + ridge * 1.7).sin();
    0.5 + 0.1 * ridge
        + (0.05 * wave(4.0, 2.1) + 0.025 * wave(11.0, 3.3) + 0.008 * wave(37.0, 5.9)) * (1.3 - 0.15 * ridge)
}

/// From hue, saturation and lightness (each 0 to 1) to RGB: the formula of CSS Color 4, section 7.1.
fn colour(hue: f64, saturation: f64, lightness: f64) -> Rgb<u8> {
    let lightness = lightness.clamp(0.0, 1.0);
    let channel = |n: f64| {
        let k = (n + hue.fract() * 12.0) % 12.0;
        let value = lightness - saturation * lightness.min(1.0 - lightness) * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        // Between 0 and 1, so the cast cannot cut.
        (value * 255.0).round() as u8
    };
    Rgb([channel(0.0), channel(8.0), channel(4.0)])
}
