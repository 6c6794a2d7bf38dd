//! Decoded pictures, how far they are from one another, and the system's programs that they are compared by.

use std::path::Path;
use std::process::Command;

use image::ImageFormat;

/// Pixels in sRGB, what was transparent laid over white.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Of a rendition.
    pub fn of_webp(bytes: &[u8]) -> Self {
        let image = image::load_from_memory_with_format(bytes, ImageFormat::WebP).unwrap().into_rgba8();
        let over_white = |part: u8, alpha: u8| (u32::from(part) * u32::from(alpha) / 255) as u8 + (255 - alpha);
        let pixels = image.pixels().map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            [red, green, blue].map(|part| over_white(part, alpha))
        });
        Self { width: image.width() as usize, height: image.height() as usize, pixels: pixels.collect() }
    }

    /// What ImageMagick makes of a file by these options, at this size.
    pub fn by_imagemagick(file: &Path, options: &[&str], (width, height): (usize, usize)) -> Self {
        let resize = format!("{width}x{height}!");
        let raw = ["-background", "white", "-alpha", "remove", "-resize", &resize, "-depth", "8", "rgb:-"];
        let bytes = by_imagemagick(file, &[options, &raw].concat());
        assert_eq!(bytes.len(), width * height * 3, "{}", file.display());
        Self { width, height, pixels: bytes.as_chunks().0.to_vec() }
    }

    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Peak signal-to-noise ratio in decibels over the pixels whose place, from 0 to 1 each way, counts.
    pub fn psnr(&self, other: &Self, counts: impl Fn(f64, f64) -> bool) -> f64 {
        assert_eq!(self.size(), other.size());
        let (mut sum, mut pixels) = (0_u64, 0_u64);
        for (number, (one, two)) in self.pixels.iter().zip(&other.pixels).enumerate() {
            let (x, y) = (number % self.width, number / self.width);
            if counts(x as f64 / self.width as f64, y as f64 / self.height as f64) {
                let [red, green, blue] = [0, 1, 2].map(|part| u64::from(one[part].abs_diff(two[part])));
                sum += red * red + green * green + blue * blue;
                pixels += 1;
            }
        }
        assert!(pixels > 0);
        // Of the same picture: as if a single part of all were one off.
        10.0 * (255.0 * 255.0 * 3.0 * pixels as f64 / sum.max(1) as f64).log10()
    }

    /// Mean ΔE (CIE 1976) of the colours of squares of 4 × 4 pixels: of colours, not of a codec's noise.
    pub fn colour_distance(&self, other: &Self) -> f64 {
        assert_eq!(self.size(), other.size());
        let (mut sum, mut squares) = (0.0, 0.0);
        for y in (0..self.height).step_by(4) {
            for x in (0..self.width).step_by(4) {
                let pairs = self.lab(x, y).into_iter().zip(other.lab(x, y));
                sum += pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                squares += 1.0;
            }
        }
        sum / squares
    }

    /// CIE L*a*b* of the mean of a square, for the white of D65.
    fn lab(&self, left: usize, top: usize) -> [f64; 3] {
        let (right, bottom) = ((left + 4).min(self.width), (top + 4).min(self.height));
        let mut mean = [0.0; 3];
        for y in top..bottom {
            for pixel in &self.pixels[y * self.width + left..y * self.width + right] {
                for (sum, part) in mean.iter_mut().zip(pixel) {
                    *sum += f64::from(*part) / 255.0 / ((right - left) * (bottom - top)) as f64;
                }
            }
        }
        // IEC 61966-2-1.
        let [r, g, b] = mean.map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
        let xyz = [
            (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
            0.2126 * r + 0.7152 * g + 0.0722 * b,
            (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
        ];
        let [x, y, z] = xyz.map(|v: f64| if v > 0.008_856 { v.cbrt() } else { 7.787 * v + 16.0 / 116.0 });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }
}

/// What ImageMagick writes with these options.
pub fn by_imagemagick(file: &Path, options: &[&str]) -> Vec<u8> {
    run(Command::new("convert").arg(file).args(options))
}

/// What exiftool says of every file in a folder, all it knows and does not know, grouped by where it stands.
pub fn exiftool(folder: &Path) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let said = run(Command::new("exiftool").args(["-j", "-a", "-u", "-U", "-G1", "-q", "-ext", "*"]).arg(folder));
    serde_json::from_slice(&said).unwrap()
}

/// What a program prints.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{error}: ./dev test installs what this needs: {command:?}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
