//! Photos made in memory, whole ones and broken ones.

use std::io::Cursor;
use std::sync::atomic::{AtomicU64, Ordering};

use image::{DynamicImage, GenericImage, GenericImageView, ImageFormat, Rgb, RgbImage, Rgba};

/// A small JPEG, another one at every call: of the same bytes an owner has one photo.
pub fn jpeg() -> Vec<u8> {
    another(encoded(&corners(64, 48), ImageFormat::Jpeg))
}

/// The JPEG with a comment that no other has.
pub fn another(mut jpeg: Vec<u8>) -> Vec<u8> {
    let comment = [b"\xFF\xFE\0\x0A".as_slice(), &number().to_be_bytes()].concat();
    jpeg.splice(2..2, comment);
    jpeg
}

/// A small PNG, another one at every call.
pub fn png() -> Vec<u8> {
    encoded(&marked(), ImageFormat::Png)
}

/// A small GIF, another one at every call.
pub fn gif() -> Vec<u8> {
    encoded(&marked(), ImageFormat::Gif)
}

/// A small WebP, another one at every call.
pub fn webp() -> Vec<u8> {
    encoded(&marked(), ImageFormat::WebP)
}

/// A PNG of `side` × `side` pixels that no compression makes smaller: three bytes a pixel. Another one at every call.
pub fn noise(side: u32) -> Vec<u8> {
    let mut state = number().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let picture = RgbImage::from_fn(side, side, |_, _| {
        // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [r, g, b, ..] = state.to_be_bytes();
        Rgb([r, g, b])
    });
    encoded(&picture.into(), ImageFormat::Png)
}

/// Another number at every call.
pub fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// [`corners`] with a pixel that no other has.
fn marked() -> DynamicImage {
    let mut image = corners(64, 48);
    let [.., r, g, b] = number().to_be_bytes();
    image.put_pixel(32, 24, Rgba([r, g, b, 255]));
    image
}

/// A photo with a colour in each corner: red, green, blue, white, clockwise from the top left.
pub fn corners(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (false, false) => Rgb([0, 0, 255]),
        (true, false) => Rgb([255, 255, 255]),
    })
    .into()
}

/// The image as a file of this format.
pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// The size of a WebP file and the colours of its corners, clockwise from the top left, by name.
pub fn webp_corners(bytes: &[u8]) -> ((u32, u32), [&'static str; 4]) {
    assert_eq!(&bytes[8..12], b"WEBP");
    let image = image::load_from_memory_with_format(bytes, ImageFormat::WebP).unwrap();
    let (width, height) = image.dimensions();
    let (left, top) = (width / 8, height / 8);
    let places = [(left, top), (width - left - 1, top), (width - left - 1, height - top - 1), (left, height - top - 1)];
    ((width, height), places.map(|(x, y)| named(image.get_pixel(x, y))))
}

/// Width and height of a picture of this format.
pub fn size_of(bytes: &[u8], format: ImageFormat) -> (u32, u32) {
    assert_eq!(image::guess_format(bytes).unwrap(), format);
    image::load_from_memory_with_format(bytes, format).unwrap().dimensions()
}

fn named(Rgba([red, green, blue, _]): Rgba<u8>) -> &'static str {
    match (red > 127, green > 127, blue > 127) {
        (true, false, false) => "red",
        (false, true, false) => "green",
        (false, false, true) => "blue",
        (true, true, true) => "white",
        _ => "something else",
    }
}

/// A JPEG that is seen as [`corners`] of `width` × `height` when turned as its EXIF orientation (1 to 8) says, taken by a
/// camera that wrote where it was.
pub fn jpeg_turned(width: u32, height: u32, orientation: u16) -> Vec<u8> {
    let upright = corners(width, height);
    // How the sensor held it, so that the orientation's turn makes it upright (TIFF 6.0, tag 274).
    let stored = match orientation {
        1 => upright,
        2 => upright.fliph(),
        3 => upright.rotate180(),
        4 => upright.flipv(),
        5 => upright.rotate90().fliph(),
        6 => upright.rotate270(),
        7 => upright.rotate270().fliph(),
        8 => upright.rotate90(),
        _ => panic!("no orientation"),
    };
    let exif = Exif { orientation, make: "SecretMaker", taken: "2019:07:04 18:03:00" };
    with_exif(&encoded(&stored, ImageFormat::Jpeg), &exif)
}

/// What a camera writes.
pub struct Exif<'a> {
    /// 1 to 8.
    pub orientation: u16,
    /// The camera's maker.
    pub make: &'a str,
    /// `YYYY:MM:DD HH:MM:SS`.
    pub taken: &'a str,
}

/// The JPEG with an EXIF segment put in front (big-endian TIFF: make, orientation, and a folder with the date).
pub fn with_exif(jpeg: &[u8], exif: &Exif) -> Vec<u8> {
    let text = |text: &str| [text.as_bytes(), &[0]].concat();
    let (make, taken) = (text(exif.make), text(exif.taken));
    let entry = |tag: u16, kind: u16, count: usize, value: u32| {
        let count = u32::try_from(count).unwrap();
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    // 8 bytes of head, then a folder of three entries, then one of one, then the texts.
    let second = 8 + 2 + 3 * 12 + 4;
    let texts = second + 2 + 12 + 4;
    let taken_at = texts + u32::try_from(make.len()).unwrap();
    assert!(make.len() > 4, "a shorter text would stand in the entry itself");
    let tiff = [
        &b"MM\0*\0\0\0\x08\0\x03"[..],
        &entry(0x010F, 2, make.len(), texts),
        &entry(0x0112, 3, 1, u32::from(exif.orientation) << 16),
        &entry(0x8769, 4, 1, second),
        &[0; 4],
        &[0, 1],
        &entry(0x9003, 2, taken.len(), taken_at),
        &[0; 4],
        &make,
        &taken,
    ]
    .concat();
    let data = [b"Exif\0\0", &tiff[..]].concat();
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    let (start, rest) = jpeg.split_at(2);
    [start, &[0xFF, 0xE1], &length, &data, rest].concat()
}

/// Begins as a JPEG and ends in the middle.
pub fn broken_jpeg() -> Vec<u8> {
    let whole = encoded(&corners(640, 480), ImageFormat::Jpeg);
    whole[..whole.len() / 3].to_vec()
}

/// 37 bytes that claim 65535 × 65535 pixels.
pub fn gif_bomb() -> Vec<u8> {
    let mut gif = b"GIF89a\xFF\xFF\xFF\xFF\x80\0\0\0\0\0\xFF\xFF\xFF".to_vec();
    gif.extend(b"\x2C\0\0\0\0\xFF\xFF\xFF\xFF\0\x02\x02\x44\x01\0\x3B");
    gif
}
