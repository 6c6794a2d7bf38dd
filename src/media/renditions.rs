//! Renditions: the smaller copies of every photo that pages show.
//!
//! The large one is made from the photo's pixels, then put into sRGB and turned upright, and each smaller one made from the
//! next larger: the many pixels are walked over once and never copied. All are lossy WebP, a third smaller than JPEG of the
//! same quality, with the photo's transparency and without any of its metadata. What plays has one more, which still plays.

use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageBuffer};

use super::colour::{self, Colours};
use super::decode::Pixels;
use super::error::internal;
use super::facts::turned;
use super::{Cleaned, Inspected, MediaError, placeholder, strip};

/// Quality of the WebP encoder, of 100. Eight photos took 49 to 648 KB at 2560 pixels, 20 to 209 at 1280, 6 to 34 at 480.
const QUALITY: f32 = 80.0;

/// Effort of the WebP encoder, 0 to 6. Against its default of 4, a photo at 1600 pixels took half the time and 2 to 4 % more bytes.
const EFFORT: i32 = 2;

/// Longest edge of the largest still rendition, in pixels.
pub(super) const LARGEST_STILL: u32 = 2560;

/// Most bytes of a file that plays on its page; of a larger one visitors see the first frame.
pub(super) const MOST_MOVING: u64 = 32 << 20;

/// Which rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RenditionName {
    /// For the gallery: longest edge at most 480 pixels.
    Small,
    /// For a phone: longest edge at most 1280 pixels.
    Medium,
    /// For a large screen: longest edge at most 2560 pixels.
    Large,
    /// Of what plays alone: a copy of the file without metadata, as large as the original.
    Moving,
}

impl RenditionName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Small, Self::Medium, Self::Large, Self::Moving];

    /// Those that every photo has, smallest first.
    pub const STILLS: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// As it stands in URLs and storage keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::Moving => "moving",
        }
    }

    /// Most pixels of its longest edge.
    #[must_use]
    pub fn edge(self) -> u32 {
        match self {
            Self::Small => 480,
            Self::Medium => 1280,
            Self::Large => LARGEST_STILL,
            Self::Moving => u32::MAX,
        }
    }

    /// What to show instead where a still is missing: the next larger, then the next smaller.
    #[must_use]
    pub fn instead(self) -> &'static [Self] {
        match self {
            Self::Small => &[Self::Medium, Self::Large],
            Self::Medium => &[Self::Large, Self::Small],
            Self::Large => &[Self::Medium, Self::Small],
            Self::Moving => &[],
        }
    }

    /// Width and height of this rendition of a photo whose upright size is `width` × `height`.
    #[must_use]
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

/// A smaller copy of a photo: upright and free of metadata.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Which one.
    pub name: RenditionName,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The MIME type: WebP, and the original's for what plays.
    pub content_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// The largest size of the shape `width` × `height` whose longest edge is at most `edge`; never larger than the
/// original, and never without a pixel. Whoever knows a photo's upright size knows its renditions' sizes by this.
#[must_use]
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

/// The still renditions of a photo, smallest first, and its placeholder.
pub(super) struct Stills {
    pub renditions: Vec<Rendition>,
    pub placeholder: Vec<u8>,
}

/// Makes the renditions of a photo of this size from its pixels, which may be fewer already, in these `colours`, turned by
/// `orientation`.
pub(super) fn make(
    pixels: Pixels,
    (width, height): (u32, u32),
    colours: &Colours,
    orientation: Orientation,
) -> Result<Stills, MediaError> {
    let Pixels { image, inks } = pixels;
    let image = resize(image, fitted(width, height, LARGEST_STILL), inks.is_none())?;
    let mut image = colour::to_srgb(Pixels { image, inks }, colours.profile().as_ref());
    image.apply_orientation(orientation);
    let mut renditions: Vec<Rendition> = Vec::new();
    let (width, height) = turned(orientation, width, height);
    for name in RenditionName::STILLS.into_iter().rev() {
        // Of the photo's size, not of the next larger one's, in which rounding would add up.
        image = resize(image, name.fitted(width, height), true)?;
        let (width, height) = (image.width(), image.height());
        let bytes = match renditions.last() {
            // A photo that is no larger than this is the same in both.
            Some(last) if (last.width, last.height) == (width, height) => last.bytes.clone(),
            _ => encode(&image)?,
        };
        renditions.push(Rendition { name, width, height, content_type: "image/webp", bytes });
    }
    renditions.reverse();
    let placeholder = placeholder::hash(&shrink(image, placeholder::EDGE, true)?);
    Ok(Stills { renditions, placeholder })
}

/// The copy of an animation that plays, unless its file is too large or cannot be freed of metadata.
pub(super) fn moving(path: &Path, inspected: &Inspected) -> Result<Option<Rendition>, MediaError> {
    let length = std::fs::metadata(path).map_err(MediaError::Internal)?.len();
    if length > MOST_MOVING {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    let Inspected { format, width, height, .. } = *inspected;
    match strip::clean_copy(path, format, &mut bytes) {
        Ok(Cleaned::Copied) => Ok(Some(Rendition {
            name: RenditionName::Moving,
            width,
            height,
            content_type: format.content_type(),
            bytes,
        })),
        Err(MediaError::Internal(error)) => Err(MediaError::Internal(error)),
        // Its first frame is whole, as the stills show.
        Ok(Cleaned::NeedsReencode) | Err(_) => Ok(None),
    }
}

/// `image` with no edge longer than `edge`, in the same kind of pixels. The fourth channel weighs the others if it `is_opacity`.
fn shrink(image: DynamicImage, edge: u32, is_opacity: bool) -> Result<DynamicImage, MediaError> {
    let size = fitted(image.width(), image.height(), edge);
    resize(image, size, is_opacity)
}

/// As [`shrink`], to this size.
pub(super) fn resize(
    image: DynamicImage,
    (width, height): (u32, u32),
    is_opacity: bool,
) -> Result<DynamicImage, MediaError> {
    if (width, height) == (image.width(), image.height()) {
        return Ok(image);
    }
    let kind = match image.color() {
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
    let from = ImageRef::new(image.width(), image.height(), image.as_bytes(), kind).map_err(internal)?;
    let mut to = Image::new(width, height, kind);
    let options = ResizeOptions::new().use_alpha(is_opacity);
    Resizer::new().resize(&from, &mut to, &options).map_err(internal)?;
    let colour = image.color();
    drop(image);
    let bytes = to.into_vec();
    let words = |bytes: Vec<u8>| bytes.as_chunks().0.iter().map(|&pair| u16::from_ne_bytes(pair)).collect();
    let shrunk = match colour {
        ColorType::L8 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
        ColorType::La8 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLumaA8),
        ColorType::Rgb8 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
        ColorType::Rgba8 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgba8),
        ColorType::L16 => ImageBuffer::from_raw(width, height, words(bytes)).map(DynamicImage::ImageLuma16),
        ColorType::La16 => ImageBuffer::from_raw(width, height, words(bytes)).map(DynamicImage::ImageLumaA16),
        ColorType::Rgb16 => ImageBuffer::from_raw(width, height, words(bytes)).map(DynamicImage::ImageRgb16),
        _ => ImageBuffer::from_raw(width, height, words(bytes)).map(DynamicImage::ImageRgba16),
    };
    shrunk.ok_or(MediaError::Damaged)
}

/// `image`, RGB or RGBA, as WebP.
pub(super) fn encode(image: &DynamicImage) -> Result<Vec<u8>, MediaError> {
    let (width, height) = (image.width(), image.height());
    let encoder = match image {
        DynamicImage::ImageRgba8(_) => webp::Encoder::from_rgba(image.as_bytes(), width, height),
        _ => webp::Encoder::from_rgb(image.as_bytes(), width, height),
    };
    let mut config = webp::WebPConfig::new().map_err(|()| internal("libwebp of another version"))?;
    config.quality = QUALITY;
    config.method = EFFORT;
    let bytes = encoder.encode_advanced(&config).map_err(|error| internal(format!("{error:?}")))?;
    Ok(bytes.to_vec())
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
}
