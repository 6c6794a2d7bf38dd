//! The whole photo for a visitor, where its metadata cannot be left out without touching the pixels: a JPEG that only its
//! EXIF data turns upright, HEIC, AVIF. Decoded and encoded again at full size, upright.

use std::io::{BufWriter, Write};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageEncoder, Rgb, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, LocalizableString, ProfileText};

use super::decode::{Decoded, Pixels, decode};
use super::error::internal;
use super::facts::turned;
use super::{Inspected, MediaError, OutsideDecoder, colour, guarded};

/// Quality of the JPEG encoder, of 100: no difference to see at full size. A photo takes about as much as a camera's file.
const QUALITY: u8 = 92;

/// What shows through transparent pixels, since JPEG has none.
const BACKDROP: u32 = 255;

/// Writes the photo at `path`, which was found to be `inspected`, as a JPEG without metadata: full size, upright, in sRGB or
/// with a profile of its own primaries and curves and nothing else. Takes at most [`Inspected::working_bytes`] of memory.
///
/// # Errors
/// [`MediaError`]; what was written by then is no photo.
pub fn upright_jpeg(
    path: &Path,
    inspected: &Inspected,
    outside: &OutsideDecoder,
    out: &mut impl Write,
) -> Result<(), MediaError> {
    guarded(|| {
        let Decoded { pixels, colours, facts, .. } = decode(path, inspected, outside)?;
        let profile = colours.profile();
        let kept =
            profile.as_ref().filter(|_| pixels.inks.is_none() && pixels.image.color().has_color()).and_then(plain);
        // JPEG has no more, and at full size each copy of the pixels counts.
        let pixels = Pixels { image: eight_bit(pixels.image), inks: pixels.inks };
        let image = if kept.is_some() || (profile.is_none() && pixels.inks.is_none()) {
            pixels.image
        } else {
            colour::to_srgb(pixels, profile.as_ref())
        };
        let mut out = BufWriter::new(out);
        let mut encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
        if let Some(icc) = kept {
            encoder.set_icc_profile(icc).map_err(internal)?;
        }
        let orientation = facts.orientation;
        let written = match &image {
            DynamicImage::ImageRgb8(image) => encoder.encode_image(&Upright { image: Opaque(image), orientation }),
            image => encoder.encode_image(&Upright { image: Flattened(image), orientation }),
        };
        written.map_err(internal)?;
        out.flush().map_err(MediaError::Internal)
    })
}

/// The image with eight bits a channel.
fn eight_bit(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageLuma16(_) => image.into_luma8().into(),
        DynamicImage::ImageLumaA16(_) => image.into_luma_alpha8().into(),
        DynamicImage::ImageRgb16(_) => image.into_rgb8().into(),
        DynamicImage::ImageRgba16(_) => image.into_rgba8().into(),
        image => image,
    }
}

/// A profile that says what `profile` says of primaries and curves, without its texts, dates and private parts; `None` when
/// it needs more than those.
fn plain(profile: &ColorProfile) -> Option<Vec<u8>> {
    if profile.color_space != DataColorSpace::Rgb || profile.lut_a_to_b_perceptual.is_some() {
        return None;
    }
    let mut plain = ColorProfile::new_srgb();
    plain.red_trc = Some(profile.red_trc.clone()?);
    plain.green_trc = Some(profile.green_trc.clone()?);
    plain.blue_trc = Some(profile.blue_trc.clone()?);
    plain.red_colorant = profile.red_colorant;
    plain.green_colorant = profile.green_colorant;
    plain.blue_colorant = profile.blue_colorant;
    plain.cicp = None;
    plain.chromatic_adaptation = None;
    let name = LocalizableString::new("en".to_owned(), "US".to_owned(), "RGB".to_owned());
    plain.description = Some(ProfileText::Localizable(vec![name]));
    let mut icc = plain.encode().ok()?;
    // Some readers insist on ICC.1:2022, 7.2.2 and 7.2.16: the profile's size stands first and is a multiple of four, and the
    // illuminant is exactly this D50.
    icc.resize(icc.len().next_multiple_of(4), 0);
    let size = u32::try_from(icc.len()).ok()?.to_be_bytes();
    icc.get_mut(..4)?.copy_from_slice(&size);
    // A fixed date, so that the same photo gives the same bytes: 1 January 2000.
    icc.get_mut(24..36)?.copy_from_slice(&[0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    icc.get_mut(68..80)?.copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    Some(icc)
}

/// Pixels as JPEG has them.
pub(super) trait Source {
    fn size(&self) -> (u32, u32);
    fn rgb(&self, x: u32, y: u32) -> Rgb<u8>;
}

/// An image that needs no change.
pub(super) struct Opaque<'a>(pub &'a RgbImage);

impl Source for Opaque<'_> {
    fn size(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn rgb(&self, x: u32, y: u32) -> Rgb<u8> {
        *self.0.get_pixel(x, y)
    }
}

/// Any other, over white.
pub(super) struct Flattened<'a>(pub &'a DynamicImage);

impl Source for Flattened<'_> {
    fn size(&self) -> (u32, u32) {
        (self.0.width(), self.0.height())
    }

    fn rgb(&self, x: u32, y: u32) -> Rgb<u8> {
        let [r, g, b, alpha] = self.0.get_pixel(x, y).0.map(u32::from);
        Rgb([r, g, b].map(|channel| ((channel * alpha + BACKDROP * (255 - alpha) + 127) / 255) as u8))
    }
}

/// An image turned as it is read, so that there is no second one.
pub(super) struct Upright<S> {
    pub image: S,
    pub orientation: Orientation,
}

impl<S: Source> GenericImageView for Upright<S> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        let (width, height) = self.image.size();
        turned(self.orientation, width, height)
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        let (width, height) = self.image.size();
        let (right, bottom) = (width - 1, height - 1);
        let (x, y) = match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (right - x, y),
            Orientation::Rotate180 => (right - x, bottom - y),
            Orientation::FlipVertical => (x, bottom - y),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate90 => (y, bottom - x),
            Orientation::Rotate270FlipH => (right - y, bottom - x),
            Orientation::Rotate270 => (right - y, x),
        };
        self.image.rgb(x, y)
    }
}
