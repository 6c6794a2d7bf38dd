//! Colours as they are meant, and their conversion to sRGB, in which every rendition is.
//!
//! A photo says what its numbers mean by an ICC profile, by a code of ITU-T H.273, or by the plain measures of a PNG. A
//! profile that is broken, or for another kind of pixels, costs only itself: the photo is then shown as if it were sRGB.

use std::panic::{self, AssertUnwindSafe};

use image::{DynamicImage, RgbImage, RgbaImage};
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics, TransformOptions, XyY,
};

use super::decode::{Inks, Pixels};
use super::facts::says_adobe_rgb;

/// Bytes converted at a time, where they are replaced in place.
const AT_A_TIME: usize = 3 * 4 * 4096;

/// The gamma that PNG's specification gives for sRGB, times 100 000, and how far off it may be and still mean sRGB.
const SRGB_GAMMA: u32 = 45_455;
const GAMMA_TOLERANCE: u32 = 1_000;

/// White, red, green and blue as x and y, times 100 000.
pub(super) type Chromaticities = [u32; 8];

/// How a file's numbers are meant.
#[derive(Debug, Default)]
pub(super) enum Colours {
    /// As sRGB, or unknown.
    #[default]
    Srgb,
    /// As Adobe RGB (1998).
    AdobeRgb,
    /// As an ICC profile says.
    Icc(Vec<u8>),
    /// By the codes of ITU-T H.273.
    Coded {
        /// Table 2.
        primaries: u8,
        /// Table 3.
        transfer: u8,
    },
    /// By PNG's gAMA and cHRM.
    Measured {
        /// Times 100 000.
        gamma: Option<u32>,
        chromaticities: Option<Chromaticities>,
    },
}

impl Colours {
    /// These colours, or when nothing is known of them what EXIF data says.
    pub fn or_told_by(self, exif: Option<&[u8]>) -> Self {
        match self {
            Self::Srgb if exif.is_some_and(says_adobe_rgb) => Self::AdobeRgb,
            known => known,
        }
    }

    /// The profile for these colours, unless they are sRGB or nobody knows.
    pub fn profile(&self) -> Option<ColorProfile> {
        let profile = || match self {
            Self::Srgb => None,
            Self::AdobeRgb => Some(ColorProfile::new_adobe_rgb()),
            Self::Icc(icc) => ColorProfile::new_from_slice(icc).ok(),
            Self::Coded { primaries, transfer } => coded(*primaries, *transfer),
            Self::Measured { gamma, chromaticities } => measured(*gamma, chromaticities.as_ref()),
        };
        panic::catch_unwind(AssertUnwindSafe(profile)).ok().flatten()
    }
}

/// Brightness beyond white (PQ, HLG) would need tone mapping: such a photo is shown as if it were sRGB.
fn coded(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let transfer_characteristics = match TransferCharacteristics::try_from(transfer).ok()? {
        TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg => return None,
        // The curves of television describe its cameras; what they show is meant for a screen as sRGB's.
        TransferCharacteristics::Bt709
        | TransferCharacteristics::Bt601
        | TransferCharacteristics::Bt202010bit
        | TransferCharacteristics::Bt202012bit
        | TransferCharacteristics::Unspecified
        | TransferCharacteristics::Reserved => TransferCharacteristics::Srgb,
        known => known,
    };
    let color_primaries = match CicpColorPrimaries::try_from(primaries).ok()? {
        CicpColorPrimaries::Unspecified | CicpColorPrimaries::Reserved => CicpColorPrimaries::Bt709,
        known => known,
    };
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    profile.red_trc.is_some().then_some(profile)
}

fn measured(gamma: Option<u32>, chromaticities: Option<&Chromaticities>) -> Option<ColorProfile> {
    let mut profile = ColorProfile::new_srgb();
    if let Some(gamma) = gamma.filter(|gamma| gamma.abs_diff(SRGB_GAMMA) > GAMMA_TOLERANCE) {
        // From 0.1 to 10: what is beyond leaves nothing to see.
        let gamma = (10_000..=1_000_000).contains(&gamma).then_some(gamma)?;
        let curve = ToneReprCurve::Parametric(vec![100_000.0 / gamma as f32]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
        profile.cicp = None;
    }
    if let Some(&[wx, wy, rx, ry, gx, gy, bx, by]) = chromaticities {
        if [wy, ry, gy, by].contains(&0) {
            return None;
        }
        let part = |number: u32| f64::from(number) / 100_000.0;
        let at = |x: u32, y: u32| Chromaticity::new(part(x) as f32, part(y) as f32);
        let primaries = ColorPrimaries { red: at(rx, ry), green: at(gx, gy), blue: at(bx, by) };
        profile.update_rgb_colorimetry(XyY::new(part(wx), part(wy), 1.0), primaries);
    }
    Some(profile)
}

/// The photo in sRGB: 8-bit RGB, or RGBA when it can be transparent.
pub(super) fn to_srgb(pixels: Pixels, profile: Option<&ColorProfile>) -> DynamicImage {
    let Pixels { image, inks } = pixels;
    if let Some(inks) = inks {
        return from_inks(&image, inks, profile).into();
    }
    let image = match (profile.map(|profile| profile.color_space), image.color().has_color()) {
        // The decoder of HEIC and AVIF answers in RGB, whatever the photo is in.
        (Some(DataColorSpace::Gray), true) if is_grey(&image) => match image {
            DynamicImage::ImageRgb8(_) => image.into_luma8().into(),
            DynamicImage::ImageRgba8(_) => image.into_luma_alpha8().into(),
            DynamicImage::ImageRgb16(_) => image.into_luma16().into(),
            _ => image.into_luma_alpha16().into(),
        },
        (Some(DataColorSpace::Rgb), false) => match image {
            DynamicImage::ImageLuma8(_) => image.into_rgb8().into(),
            DynamicImage::ImageLumaA8(_) => image.into_rgba8().into(),
            DynamicImage::ImageLuma16(_) => image.into_rgb16().into(),
            _ => image.into_rgba16().into(),
        },
        _ => image,
    };
    let mut image = image;
    if let Some(profile) = profile {
        // A panic leaves the pixels that it reached converted; none is known.
        let converted = panic::catch_unwind(AssertUnwindSafe(|| convert(&mut image, profile)));
        if let Ok(Some(replaced)) = converted {
            image = replaced;
        }
    }
    if image.color().has_alpha() { image.into_rgba8().into() } else { image.into_rgb8().into() }
}

/// Whether red, green and blue are the same everywhere.
fn is_grey(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageRgb8(image) => image.as_raw().as_chunks().0.iter().all(|[r, g, b]| r == g && g == b),
        DynamicImage::ImageRgba8(image) => image.as_raw().as_chunks().0.iter().all(|[r, g, b, _]| r == g && g == b),
        DynamicImage::ImageRgb16(image) => image.as_raw().as_chunks().0.iter().all(|[r, g, b]| r == g && g == b),
        DynamicImage::ImageRgba16(image) => image.as_raw().as_chunks().0.iter().all(|[r, g, b, _]| r == g && g == b),
        _ => false,
    }
}

/// Converts the pixels, in place where they have the shape of the result, else to what is returned.
fn convert(image: &mut DynamicImage, profile: &ColorProfile) -> Option<DynamicImage> {
    let (width, height) = (image.width(), image.height());
    let has_alpha = image.color().has_alpha();
    let to = if has_alpha { Layout::Rgba } else { Layout::Rgb };
    let channels = if has_alpha { 4 } else { 3 };
    let from = match (profile.color_space, has_alpha) {
        (DataColorSpace::Gray, _) if image.color().has_color() => return None,
        (DataColorSpace::Gray, false) => Layout::Gray,
        (DataColorSpace::Gray, true) => Layout::GrayAlpha,
        (DataColorSpace::Rgb, _) => to,
        _ => return None,
    };
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    if from == to && is_srgb(profile, &srgb, options) {
        return None;
    }
    let area = width as usize * height as usize;
    match image {
        DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => {
            let transform = profile.create_transform_8bit(from, &srgb, to, options).ok()?;
            let bytes = match image {
                DynamicImage::ImageRgb8(image) => image.as_flat_samples_mut().samples,
                DynamicImage::ImageRgba8(image) => image.as_flat_samples_mut().samples,
                _ => return None,
            };
            let mut converted = [0; AT_A_TIME];
            for piece in bytes.chunks_mut(AT_A_TIME) {
                let converted = converted.get_mut(..piece.len())?;
                transform.transform(piece, converted).ok()?;
                piece.copy_from_slice(converted);
            }
            None
        }
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLumaA8(_) => {
            let transform = profile.create_transform_8bit(from, &srgb, to, options).ok()?;
            let mut converted = vec![0; area * channels];
            transform.transform(image.as_bytes(), &mut converted).ok()?;
            if has_alpha {
                RgbaImage::from_raw(width, height, converted).map(Into::into)
            } else {
                RgbImage::from_raw(width, height, converted).map(Into::into)
            }
        }
        _ => {
            let transform = profile.create_transform_16bit(from, &srgb, to, options).ok()?;
            let source: &[u16] = match image {
                DynamicImage::ImageLuma16(image) => image.as_raw(),
                DynamicImage::ImageLumaA16(image) => image.as_raw(),
                DynamicImage::ImageRgb16(image) => image.as_raw(),
                DynamicImage::ImageRgba16(image) => image.as_raw(),
                _ => return None,
            };
            let mut converted = vec![0; area * channels];
            transform.transform(source, &mut converted).ok()?;
            if has_alpha {
                image::ImageBuffer::from_raw(width, height, converted).map(DynamicImage::ImageRgba16)
            } else {
                image::ImageBuffer::from_raw(width, height, converted).map(DynamicImage::ImageRgb16)
            }
        }
    }
}

/// Whether the profile moves none of 729 colours by more than one step of 255: most photos' profile is sRGB by some name.
fn is_srgb(profile: &ColorProfile, srgb: &ColorProfile, options: TransformOptions) -> bool {
    let steps = || (0..=8_u8).map(|step| step * 31 + step.min(7));
    let probes: Vec<u8> =
        steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]))).collect();
    let mut moved = vec![0; probes.len()];
    let Ok(transform) = profile.create_transform_8bit(Layout::Rgb, srgb, Layout::Rgb, options) else {
        return true;
    };
    transform.transform(&probes, &mut moved).is_err()
        || probes.iter().zip(&moved).all(|(is, was)| is.abs_diff(*was) <= 1)
}

/// The RGB of inks: by their profile, else as if the inks were ideal.
fn from_inks(image: &DynamicImage, inks: Inks, profile: Option<&ColorProfile>) -> RgbImage {
    let transform = profile.filter(|profile| profile.color_space == DataColorSpace::Cmyk).and_then(|profile| {
        let make = || {
            let srgb = ColorProfile::new_srgb();
            profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgb, TransformOptions::default()).ok()
        };
        panic::catch_unwind(AssertUnwindSafe(make)).ok().flatten()
    });
    let mut rgb = RgbImage::new(image.width(), image.height());
    let stored = image.as_bytes().chunks(AT_A_TIME / 3 * 4);
    let mut plain = [0; AT_A_TIME / 3 * 4];
    for (from, to) in stored.zip(rgb.as_flat_samples_mut().samples.chunks_mut(AT_A_TIME)) {
        for (from, to) in from.as_chunks().0.iter().zip(plain.as_chunks_mut().0) {
            *to = cmyk(*from, inks);
        }
        let plain = plain.get(..from.len()).unwrap_or_default();
        if transform.as_ref().is_some_and(|transform| transform.transform(plain, to).is_ok()) {
            continue;
        }
        for (&[c, m, y, k], to) in plain.as_chunks::<4>().0.iter().zip(to.as_chunks_mut::<3>().0) {
            *to = [c, m, y].map(|ink| ((255 - u32::from(ink)) * (255 - u32::from(k)) / 255) as u8);
        }
    }
    rgb
}

/// Cyan, magenta, yellow and black, 255 for most, of a pixel as stored.
fn cmyk(stored: [u8; 4], inks: Inks) -> [u8; 4] {
    let [first, second, third, black] = stored;
    let [c, m, y] = if inks.differences {
        // JFIF 1.02, page 3, for the complements of the inks.
        let (light, cb, cr) = (f32::from(first), f32::from(second) - 128.0, f32::from(third) - 128.0);
        let rgb = [light + 1.402 * cr, light - 0.344_14 * cb - 0.714_14 * cr, light + 1.772 * cb];
        rgb.map(|channel| 255 - channel.round() as u8)
    } else {
        [first, second, third]
    };
    if inks.inverted { [c, m, y, black].map(|ink| 255 - ink) } else { [c, m, y, black] }
}
