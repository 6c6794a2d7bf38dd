//! Good photos of every kind through [`process`](super::process).

use image::{
    DynamicImage, GenericImageView, GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba,
    RgbaImage,
};

use super::testing::{Exif, corners, encoded, processed, with_exif};
use super::{Processed, RenditionName};

fn pixels(photo: &Processed, name: RenditionName) -> DynamicImage {
    let rendition = photo.renditions.iter().find(|rendition| rendition.name == name).unwrap();
    let image = image::load_from_memory_with_format(&rendition.bytes, ImageFormat::WebP).unwrap();
    assert_eq!((image.width(), image.height()), (rendition.width, rendition.height));
    assert_eq!((image.width(), image.height()), name.fitted(photo.width, photo.height));
    image
}

fn has_colour(image: &DynamicImage, x: u32, y: u32, colour: [u8; 3]) -> bool {
    let [r, g, b, _] = image.get_pixel(x, y).0;
    [r, g, b].into_iter().zip(colour).all(|(is, should)| is.abs_diff(should) < 40)
}

#[test]
fn every_format_becomes_two_renditions() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let photo = processed(&encoded(corners(900, 600), format)).unwrap();
        assert_eq!((photo.width, photo.height), (900, 600), "{format:?}");
        let small = pixels(&photo, RenditionName::Small);
        assert_eq!((small.width(), small.height()), (480, 320));
        assert!(has_colour(&small, 20, 20, [255, 0, 0]) && has_colour(&small, 460, 300, [0, 0, 255]), "{format:?}");
        assert_eq!(pixels(&photo, RenditionName::Large).width(), 900);
        assert!((photo.colour >> 16).abs_diff(0x80) < 8, "{:06x}", photo.colour);
    }
}

#[test]
fn all_orientations_come_out_upright() {
    // Where the red corner lies in the file; what turns it to the top left is the orientation's meaning (EXIF 2.32, 4.6.4).
    let upright = DynamicImage::from(corners(60, 40));
    let stored = [
        upright.clone(),
        upright.clone(),
        upright.fliph(),
        upright.rotate180(),
        upright.flipv(),
        upright.rotate90().fliph(),
        upright.rotate270(),
        upright.rotate90().flipv(),
        upright.rotate90(),
        upright,
    ];
    for (orientation, image) in (0..).zip(stored) {
        let file =
            with_exif(&encoded(image, ImageFormat::Jpeg), &Exif { orientation: Some(orientation), ..Exif::default() });
        let photo = processed(&file).unwrap();
        assert_eq!((photo.width, photo.height), (60, 40), "orientation {orientation}");
        for name in RenditionName::ALL {
            let image = pixels(&photo, name);
            assert!(has_colour(&image, 5, 5, [255, 0, 0]), "orientation {orientation}");
            assert!(has_colour(&image, 54, 5, [0, 255, 0]), "orientation {orientation}");
            assert!(has_colour(&image, 54, 34, [0, 0, 255]), "orientation {orientation}");
        }
    }
}

#[test]
fn facts_are_read_and_renditions_carry_none() {
    let facts = Exif {
        make: Some("Make-Secret"),
        model: Some("Model"),
        date: Some("2024:07:14 18:30:05"),
        offset: Some("+02:00"),
        ..Exif::default()
    };
    let photo = processed(&with_exif(&encoded(corners(64, 64), ImageFormat::Jpeg), &facts)).unwrap();
    assert_eq!(photo.camera.as_deref(), Some("Make-Secret Model"));
    assert_eq!(photo.taken_at.unwrap().to_rfc3339(), "2024-07-14T16:30:05+00:00");
    for rendition in &photo.renditions {
        let holds = |text: &[u8]| rendition.bytes.windows(text.len()).any(|window| window == text);
        assert!(!holds(b"Secret") && !holds(b"EXIF") && !holds(b"XMP ") && !holds(b"ICCP"));
    }
}

#[test]
fn every_depth_and_number_of_channels_works() {
    let (width, height) = (700, 500);
    let images = [
        GrayImage::from_pixel(width, height, Luma([200])).into(),
        GrayAlphaImage::from_pixel(width, height, LumaA([200, 255])).into(),
        RgbaImage::from_pixel(width, height, Rgba([200, 200, 200, 255])).into(),
        DynamicImage::ImageLuma16(ImageBuffer::from_pixel(width, height, Luma([51_400]))),
        DynamicImage::ImageLumaA16(ImageBuffer::from_pixel(width, height, LumaA([51_400, 65_535]))),
        DynamicImage::ImageRgb16(ImageBuffer::from_pixel(width, height, Rgb([51_400; 3]))),
        DynamicImage::ImageRgba16(ImageBuffer::from_pixel(width, height, Rgba([51_400, 51_400, 51_400, 65_535]))),
    ];
    for image in images {
        let kind = image.color();
        let photo = processed(&encoded(image, ImageFormat::Png)).unwrap();
        assert_eq!(photo.colour, 0xC8_C8_C8, "{kind:?}");
        assert!(has_colour(&pixels(&photo, RenditionName::Small), 100, 100, [200; 3]), "{kind:?}");
    }
}

#[test]
fn transparency_is_kept() {
    let image = RgbaImage::from_fn(600, 600, |x, _| if x < 300 { Rgba([255, 0, 0, 255]) } else { Rgba([0, 0, 0, 0]) });
    let photo = processed(&encoded(image, ImageFormat::Png)).unwrap();
    let small = pixels(&photo, RenditionName::Small);
    assert_eq!(small.get_pixel(10, 10).0[3], 255);
    assert_eq!(small.get_pixel(470, 10).0[3], 0);
}

#[test]
fn the_smallest_and_the_longest_photos_work() {
    for (width, height) in [(1, 1), (1, 20_000), (20_000, 1), (65_535, 2)] {
        let photo = processed(&encoded(corners(width, height), ImageFormat::Png)).unwrap();
        assert_eq!((photo.width, photo.height), (width, height));
        assert!(RenditionName::ALL.iter().all(|name| pixels(&photo, *name).width() > 0));
    }
}
