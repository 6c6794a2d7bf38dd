//! Pixels of lightness and colour differences, as the outside decoder hands them over where that is all there is: YUV4MPEG2
//! with three planes of 8 bits, a pair of differences for four pixels. Packing a PNG takes several times as long as
//! decoding what is packed.

use std::fs;
use std::path::Path;

use image::RgbImage;

use crate::media::MediaError;
use crate::media::error::internal;
use crate::media::heif::Coding;

/// Bits of the fraction in the factors below.
const FRACTION: i32 = 14;

/// How red, green and blue follow from a pixel: ITU-T H.273, 8.3.
struct Factors {
    black: i32,
    lightness: i32,
    red: i32,
    green: [i32; 2],
    blue: i32,
}

impl Factors {
    /// `None` for a matrix that is not known here.
    fn of(coding: Coding) -> Option<Self> {
        let (red, blue) = match coding.matrix {
            1 => (0.2126, 0.0722),
            // What is not said is taken for that of the JPEG standard, as decoders do.
            2 | 5 | 6 => (0.299, 0.114),
            9 => (0.2627, 0.0593),
            _ => return None,
        };
        let (black, lightness, difference) =
            if coding.full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let green = 1.0 - red - blue;
        let fixed = |factor: f64| (factor * f64::from(1 << FRACTION)).round() as i32;
        Some(Self {
            black,
            lightness: fixed(lightness),
            red: fixed(difference * 2.0 * (1.0 - red)),
            green: [
                fixed(difference * 2.0 * (1.0 - blue) * blue / green),
                fixed(difference * 2.0 * (1.0 - red) * red / green),
            ],
            blue: fixed(difference * 2.0 * (1.0 - blue)),
        })
    }

    fn rgb(&self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let light = (i32::from(y) - self.black) * self.lightness + (1 << (FRACTION - 1));
        let [by_u, by_v] = self.green;
        [light + self.red * v, light - by_u * u - by_v * v, light + self.blue * u]
            .map(|channel| (channel >> FRACTION).clamp(0, 255) as u8)
    }
}

/// Whether pixels that are coded so can be read here.
pub(in crate::media) fn can_read(coding: Coding) -> bool {
    Factors::of(coding).is_some()
}

/// Width and height that the file at `path` states, and where its pixels begin.
pub(in crate::media) fn size(head: &[u8]) -> Option<(u32, u32, usize)> {
    let line = head.split(|&byte| byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    if words.next()? != "YUV4MPEG2" {
        return None;
    }
    let (mut width, mut height) = (None, None);
    for word in words {
        match word.split_at_checked(1)? {
            ("W", number) => width = number.parse().ok(),
            ("H", number) => height = number.parse().ok(),
            ("C", chroma) if !matches!(chroma, "420" | "420jpeg" | "420mpeg2") => return None,
            _ => {}
        }
    }
    let frame = head.get(line.len() + 1..)?.strip_prefix(b"FRAME\n").map(|_| line.len() + 1 + 6)?;
    Some((width?, height?, frame))
}

/// The bytes of all planes of a picture of this size.
pub(in crate::media) fn bytes(width: u32, height: u32) -> u64 {
    let half = |edge: u32| u64::from(edge.div_ceil(2));
    // Of any size that a decoder may state, before anybody compares that with the photo's.
    (u64::from(width) * u64::from(height)).saturating_add(2 * half(width) * half(height))
}

/// The pixels of the file at `path`, which is whole.
pub(in crate::media) fn pixels(path: &Path, coding: Coding) -> Result<RgbImage, MediaError> {
    let file = fs::read(path).map_err(MediaError::Internal)?;
    let factors = Factors::of(coding).ok_or(MediaError::Damaged)?;
    let (width, height, start) = size(&file).ok_or(MediaError::Damaged)?;
    let (row, half) = (width as usize, width.div_ceil(2) as usize);
    let planes = file.get(start..).unwrap_or_default();
    let (lightness, differences) = planes.split_at_checked(row * height as usize).ok_or(MediaError::Damaged)?;
    let (us, vs) = differences.split_at_checked(half * height.div_ceil(2) as usize).ok_or(MediaError::Damaged)?;
    let mut rgb = vec![0; 3 * row * height as usize];
    let rows = rgb.chunks_exact_mut(3 * row).zip(lightness.chunks_exact(row)).enumerate();
    for (number, (to, ys)) in rows {
        let pair = number / 2 * half..(number / 2 + 1) * half;
        let (us, vs) = (us.get(pair.clone()).ok_or(MediaError::Damaged)?, vs.get(pair).ok_or(MediaError::Damaged)?);
        let pairs = to.chunks_mut(6).zip(ys.chunks(2)).zip(us.iter().zip(vs));
        for ((to, ys), (&u, &v)) in pairs {
            for (to, &y) in to.as_chunks_mut().0.iter_mut().zip(ys) {
                *to = factors.rgb(y, u, v);
            }
        }
    }
    RgbImage::from_raw(width, height, rgb).ok_or_else(|| internal("pixels of another size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey_and_primaries_are_where_they_belong() {
        let full = Factors::of(Coding { matrix: 6, full_range: true }).unwrap();
        for grey in [0, 1, 127, 128, 254, 255] {
            assert_eq!(full.rgb(grey, 128, 128), [grey; 3]);
        }
        assert_eq!(full.rgb(76, 85, 255), [254, 0, 0]);
        let limited = Factors::of(Coding { matrix: 1, full_range: false }).unwrap();
        assert_eq!((limited.rgb(16, 128, 128), limited.rgb(235, 128, 128)), ([0; 3], [255; 3]));
        assert!(!can_read(Coding { matrix: 0, full_range: true }));
    }

    #[test]
    fn only_what_is_understood_is_read() {
        let head = b"YUV4MPEG2 W3 H5 F30:1\nFRAME\n";
        assert_eq!(size(head), Some((3, 5, head.len())));
        assert_eq!(bytes(3, 5), 15 + 2 * 6);
        assert_eq!(bytes(u32::MAX, u32::MAX), u64::MAX);
        for other in ["YUV4MPEG2 W3 H5 C444\nFRAME\n", "YUV4MPEG2 W3\nFRAME\n", "P6 3 5", "", "YUV4MPEG2 W3 H5 F30:1\n"]
        {
            assert_eq!(size(other.as_bytes()), None, "{other}");
        }
    }
}
