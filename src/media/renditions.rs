//! Renditions: the two smaller copies of every photo that pages show.
//!
//! The large one is made from the photo's pixels, then turned upright, and the small one made from it: the many pixels are
//! walked over once and never copied. Both are lossy WebP, a third smaller than JPEG of the same quality, with the
//! photo's transparency and without any of its metadata.

use std::fmt;
use std::io;
use std::str::FromStr;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

use super::MediaError;

/// Quality of the WebP encoder, of 100. A photo at 1600 pixels takes 25 to 300 KB, at 480 pixels 6 to 33 KB.
const QUALITY: f32 = 80.0;

/// Effort of the WebP encoder, 0 to 6. Against its default of 4, a photo at 1600 pixels takes half the time (75 instead
/// of 150 ms) and 2 to 4 % more bytes.
const EFFORT: i32 = 2;

/// What shows through transparent pixels in the average colour.
const BACKDROP: u64 = 128;

/// Which rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenditionName {
    /// For the gallery: longest edge at most 480 pixels.
    Small,
    /// For the photo's own page: longest edge at most 1600 pixels.
    Large,
}

impl RenditionName {
    /// All of them, smallest first.
    pub const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// As it stands in URLs and storage keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }

    /// Longest edge in pixels.
    pub fn edge(self) -> u32 {
        match self {
            Self::Small => 480,
            Self::Large => 1600,
        }
    }

    /// Width and height of this rendition of a photo whose upright size is `width` × `height`.
    pub fn fitted(self, width: u32, height: u32) -> (u32, u32) {
        fitted(width, height, self.edge())
    }
}

impl fmt::Display for RenditionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no rendition.
#[derive(Debug, thiserror::Error)]
#[error("there is no such rendition")]
pub struct UnknownRendition;

impl FromStr for RenditionName {
    type Err = UnknownRendition;

    fn from_str(name: &str) -> Result<Self, UnknownRendition> {
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or(UnknownRendition)
    }
}

/// A smaller copy of a photo: upright, WebP, free of metadata.
#[derive(Debug)]
pub struct Rendition {
    /// Which one.
    pub name: RenditionName,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The WebP file.
    pub bytes: Vec<u8>,
}

impl Rendition {
    /// The MIME type of every rendition.
    pub const CONTENT_TYPE: &str = "image/webp";
}

/// The largest size of the shape `width` × `height` whose longest edge is at most `edge`; never larger than the
/// original, and never without a pixel. Whoever knows a photo's upright size knows its renditions' sizes by this.
pub fn fitted(width: u32, height: u32, edge: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    if longest <= edge {
        return (width, height);
    }
    let scale = |side: u32| {
        let rounded = (u64::from(side) * u64::from(edge) + u64::from(longest) / 2) / u64::from(longest);
        u32::try_from(rounded).unwrap_or(edge).max(1)
    };
    (scale(width), scale(height))
}

/// Both renditions of `pixels` turned by `orientation`, and their average colour as 0xRRGGBB.
pub(super) fn make(pixels: DynamicImage, orientation: Orientation) -> Result<([Rendition; 2], u32), MediaError> {
    let mut large = shrink(&pixels, RenditionName::Large)?;
    drop(pixels);
    large.apply_orientation(orientation);
    let small = shrink(&large, RenditionName::Small)?;
    let colour = average(&small);
    Ok(([encode(&small, RenditionName::Small)?, encode(&large, RenditionName::Large)?], colour))
}

/// `pixels` at the size of the rendition `name`, as 8-bit RGB or RGBA.
fn shrink(pixels: &DynamicImage, name: RenditionName) -> Result<DynamicImage, MediaError> {
    let (width, height) = name.fitted(pixels.width(), pixels.height());
    if (width, height) == (pixels.width(), pixels.height()) {
        return eight_bit(pixels.color(), width, height, pixels.as_bytes().to_vec());
    }
    let kind = match pixels.color() {
        ColorType::L8 => PixelType::U8,
        ColorType::La8 => PixelType::U8x2,
        ColorType::Rgb8 => PixelType::U8x3,
        ColorType::Rgba8 => PixelType::U8x4,
        ColorType::L16 => PixelType::U16,
        ColorType::La16 => PixelType::U16x2,
        ColorType::Rgb16 => PixelType::U16x3,
        ColorType::Rgba16 => PixelType::U16x4,
        _ => return Err(MediaError::Damaged),
    };
    let from = ImageRef::new(pixels.width(), pixels.height(), pixels.as_bytes(), kind).map_err(internal)?;
    let mut to = Image::new(width, height, kind);
    Resizer::new().resize(&from, &mut to, None).map_err(internal)?;
    eight_bit(pixels.color(), width, height, to.into_vec())
}

/// The image of these pixels, in bytes as `colour` says, with 8 bits a channel and with no fewer channels than RGB.
fn eight_bit(colour: ColorType, width: u32, height: u32, bytes: Vec<u8>) -> Result<DynamicImage, MediaError> {
    let high_byte = |&pair: &[u8; 2]| {
        let [high, _] = u16::from_ne_bytes(pair).to_be_bytes();
        high
    };
    let deep = colour.bytes_per_pixel() / colour.channel_count() == 2;
    let bytes = if deep { bytes.as_chunks().0.iter().map(high_byte).collect() } else { bytes };
    let image = match colour.channel_count() {
        1 => GrayImage::from_raw(width, height, bytes).map(|grey| DynamicImage::from(grey).into_rgb8().into()),
        2 => GrayAlphaImage::from_raw(width, height, bytes).map(|grey| DynamicImage::from(grey).into_rgba8().into()),
        3 => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
        _ => RgbaImage::from_raw(width, height, bytes).map(DynamicImage::from),
    };
    image.ok_or(MediaError::Damaged)
}

/// The mean of all pixels, the transparent ones over mid grey.
fn average(pixels: &DynamicImage) -> u32 {
    let mut sum = [0; 3];
    let mut add = |colour: [u8; 3], alpha: u8| {
        for (sum, channel) in sum.iter_mut().zip(colour) {
            *sum += u64::from(channel) * u64::from(alpha) + BACKDROP * u64::from(255 - alpha);
        }
    };
    match pixels {
        DynamicImage::ImageRgba8(image) => image.pixels().for_each(|pixel| {
            let [r, g, b, a] = pixel.0;
            add([r, g, b], a);
        }),
        image => image.as_bytes().as_chunks().0.iter().for_each(|&pixel| add(pixel, 255)),
    }
    let weight = 255 * u64::from(pixels.width()) * u64::from(pixels.height());
    sum.into_iter().fold(0, |colour, sum| {
        let channel = (sum + weight / 2) / weight.max(1);
        colour << 8 | u32::try_from(channel).unwrap_or(255)
    })
}

fn encode(pixels: &DynamicImage, name: RenditionName) -> Result<Rendition, MediaError> {
    let (width, height) = (pixels.width(), pixels.height());
    let encoder = match pixels {
        DynamicImage::ImageRgba8(_) => webp::Encoder::from_rgba(pixels.as_bytes(), width, height),
        _ => webp::Encoder::from_rgb(pixels.as_bytes(), width, height),
    };
    let mut config = webp::WebPConfig::new().map_err(|()| internal("libwebp of another version"))?;
    config.quality = QUALITY;
    config.method = EFFORT;
    let bytes = encoder.encode_advanced(&config).map_err(|error| internal(format!("{error:?}")))?;
    Ok(Rendition { name, width, height, bytes: bytes.to_vec() })
}

fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MediaError {
    MediaError::Internal(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendition_fits_and_is_never_larger_than_the_photo() {
        assert_eq!(fitted(6000, 4000, 1600), (1600, 1067));
        assert_eq!(fitted(4000, 6000, 1600), (1067, 1600));
        assert_eq!(fitted(1600, 900, 1600), (1600, 900));
        assert_eq!(fitted(3, 2, 480), (3, 2));
        assert_eq!(fitted(1, 20_000, 480), (1, 480));
        assert_eq!(fitted(u32::MAX, 1, 480), (480, 1));
    }

    #[test]
    fn names_are_read_back() {
        for name in RenditionName::ALL {
            assert_eq!(name.as_str().parse::<RenditionName>().unwrap(), name);
        }
        assert!("original".parse::<RenditionName>().is_err());
    }

    #[test]
    fn the_average_colour_counts_transparent_pixels_as_grey() {
        let half =
            RgbaImage::from_fn(10, 10, |x, _| image::Rgba(if x < 5 { [255, 0, 0, 255] } else { [0, 255, 0, 0] }));
        assert_eq!(average(&half.into()), 0xC0_40_40);
        assert_eq!(average(&RgbImage::from_pixel(7, 3, image::Rgb([1, 2, 3])).into()), 0x01_02_03);
    }

    #[test]
    fn sixteen_bits_become_eight() {
        let deep: Vec<u8> = [0x12_34_u16, 0xFF_FF, 0x00_FF].into_iter().flat_map(u16::to_ne_bytes).collect();
        let image = eight_bit(ColorType::Rgb16, 1, 1, deep).unwrap();
        assert_eq!(image.as_bytes(), [0x12, 0xFF, 0x00]);
    }
}
