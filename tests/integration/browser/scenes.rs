//! Photos that look like some from afar: a sky, a sun, hills and water, each in its own light.

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::support::images::{Exif, encoded, with_exif};

/// Top of the sky, its lower edge, the land.
const LIGHTS: [[[f32; 3]; 3]; 7] = [
    [[34.0, 87.0, 160.0], [190.0, 220.0, 240.0], [36.0, 70.0, 60.0]],
    [[44.0, 30.0, 80.0], [250.0, 140.0, 90.0], [30.0, 22.0, 44.0]],
    [[250.0, 180.0, 120.0], [255.0, 235.0, 200.0], [120.0, 80.0, 70.0]],
    [[10.0, 20.0, 50.0], [60.0, 100.0, 150.0], [8.0, 14.0, 24.0]],
    [[120.0, 170.0, 190.0], [230.0, 236.0, 230.0], [90.0, 120.0, 80.0]],
    [[200.0, 80.0, 100.0], [255.0, 200.0, 150.0], [70.0, 30.0, 60.0]],
    [[150.0, 200.0, 230.0], [245.0, 245.0, 235.0], [196.0, 164.0, 110.0]],
];

/// Widths and heights as cameras, phones and scissors make them.
const SHAPES: [(u32, u32); 8] = [(3, 2), (4, 3), (2, 3), (16, 9), (1, 1), (3, 4), (21, 9), (4, 5)];

/// A JPEG whose longer edge has `edge` pixels; neighbouring numbers give different light and shape. A few dozen reach over
/// months.
pub fn scene(number: u32, edge: u32) -> Vec<u8> {
    let (width, height) = shape(number, edge);
    dated(number, &painted(number, width, height))
}

/// The image as a JPEG that says it was taken some hours before the one with the number below.
pub fn dated(number: u32, image: &DynamicImage) -> Vec<u8> {
    let jpeg = encoded(image, ImageFormat::Jpeg);
    let (day, month) = (28 - number * 2 % 28, 9 - (number / 14) % 9);
    let taken = format!("2026:{month:02}:{day:02} {:02}:30:00", 20 - number % 12);
    with_exif(&jpeg, &Exif { orientation: 1, make: "Lumina", taken: &taken })
}

/// Width and height with a longer edge of `edge` pixels.
pub fn shape(number: u32, edge: u32) -> (u32, u32) {
    let (across, down) = SHAPES[number as usize % SHAPES.len()];
    (edge * across / across.max(down), edge * down / across.max(down))
}

fn painted(number: u32, width: u32, height: u32) -> DynamicImage {
    let [top, bottom, land] = LIGHTS[number as usize % LIGHTS.len()];
    let turn = number as f32 * 1.7;
    let (w, h) = (width as f32, height as f32);
    let mix =
        |from: [f32; 3], to: [f32; 3], part: f32| [0, 1, 2].map(|i| from[i] + (to[i] - from[i]) * part.clamp(0.0, 1.0));
    let sun = (0.2 + 0.6 * (turn.sin() * 0.5 + 0.5), 0.25 + 0.2 * (turn.cos() * 0.5 + 0.5));
    RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 / w, y as f32 / h);
        let mut colour = mix(top, bottom, v * 1.4);
        let distance = ((u - sun.0) * w).hypot((v - sun.1) * h) / w.min(h);
        colour = mix(colour, [255.0, 250.0, 230.0], 0.9 - (distance - 0.06) * 40.0);
        colour = mix(colour, [255.0, 240.0, 210.0], 0.5 - distance * 1.4);
        for (depth, base) in [(0.35, 0.62), (0.65, 0.72), (1.0, 0.84)] {
            let ridge = base + 0.05 * (u * 5.0 + turn + depth * 9.0).sin() + 0.02 * (u * 17.0 + turn * depth).sin();
            if v > ridge {
                colour = mix(bottom, land, depth + (v - ridge) * 0.6);
            }
        }
        Rgb(colour.map(|part| part as u8))
    })
    .into()
}

/// Scenes as files in a folder: `photo-1.jpg` and so on.
pub fn write_scenes(folder: &Path, numbers: std::ops::RangeInclusive<u32>, edge: u32) -> Vec<PathBuf> {
    let write = |number| {
        let path = folder.join(format!("photo-{number}.jpg"));
        std::fs::write(&path, scene(number, edge)).unwrap();
        path
    };
    numbers.map(write).collect()
}
