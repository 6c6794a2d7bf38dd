//! Good photos of every kind through [`process`](super::process).

use image::{
    DynamicImage, GenericImageView, GrayAlphaImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba,
    RgbaImage,
};

use super::decode::READ_WHOLE;
use super::placeholder::average_colour;
use super::testing::{Exif, LIMITS, corners, encoded, processed, upright, with_exif, with_profile};
use super::{Format, Processed, RenditionName, headers};

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
fn every_format_becomes_three_renditions() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let photo = processed(&encoded(corners(900, 600), format)).unwrap();
        assert_eq!((photo.width, photo.height), (900, 600), "{format:?}");
        let small = pixels(&photo, RenditionName::Small);
        assert_eq!((small.width(), small.height()), (480, 320));
        assert!(has_colour(&small, 20, 20, [255, 0, 0]) && has_colour(&small, 460, 300, [0, 0, 255]), "{format:?}");
        assert_eq!(pixels(&photo, RenditionName::Large).width(), 900);
        let colour = average_colour(&photo.placeholder);
        assert!((colour >> 16).abs_diff(0x80) < 8, "{colour:06x}");
        assert!(!photo.animated && photo.placeholder.len() <= 30);
    }
}

/// The same renditions, and no more memory than for a file of [`READ_WHOLE`] bytes.
#[test]
fn what_lies_behind_a_jpeg_is_not_read_into_memory() {
    let mut jpeg = encoded(corners(900, 600), ImageFormat::Jpeg);
    let expected = processed(&jpeg).unwrap();
    jpeg.resize(usize::try_from(READ_WHOLE).unwrap() + 1, 0);
    let large = processed(&jpeg).unwrap();
    for (large, expected) in large.renditions.iter().zip(&expected.renditions) {
        assert_eq!(large.bytes, expected.bytes, "{:?}", large.name);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &jpeg).unwrap();
    let needed = |length: u64| {
        file.as_file().set_len(length).unwrap();
        headers::read(file.path(), Format::Jpeg, LIMITS).unwrap().working_bytes
    };
    assert_eq!(needed(2 << 30), needed(READ_WHOLE));
}

#[test]
fn all_orientations_come_out_upright() {
    // Where the red corner lies in the file; what turns it to the top left is the orientation's meaning (EXIF 2.32, 4.6.4).
    let seen = DynamicImage::from(corners(60, 40));
    let stored = [
        seen.clone(),
        seen.clone(),
        seen.fliph(),
        seen.rotate180(),
        seen.flipv(),
        seen.rotate90().fliph(),
        seen.rotate270(),
        seen.rotate90().flipv(),
        seen.rotate90(),
        seen,
    ];
    for (orientation, image) in (0..).zip(stored) {
        let file =
            with_exif(&encoded(image, ImageFormat::Jpeg), &Exif { orientation: Some(orientation), ..Exif::default() });
        let photo = processed(&file).unwrap();
        assert_eq!((photo.width, photo.height), (60, 40), "orientation {orientation}");
        let whole = image::load_from_memory_with_format(&upright(&file).unwrap(), ImageFormat::Jpeg).unwrap();
        for image in RenditionName::STILLS.map(|name| pixels(&photo, name)).into_iter().chain([whole]) {
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
    assert_eq!(photo.facts.camera.as_deref(), Some("Make-Secret Model"));
    assert_eq!(photo.facts.taken_at.unwrap().to_rfc3339(), "2024-07-14T16:30:05+00:00");
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
        let [_, colour @ ..] = average_colour(&photo.placeholder).to_be_bytes();
        assert!(colour.into_iter().all(|channel| channel.abs_diff(0xC8) < 8), "{kind:?} {colour:x?}");
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
        assert!(RenditionName::STILLS.iter().all(|name| pixels(&photo, *name).width() > 0));
    }
}

#[test]
fn wide_colours_become_srgb() {
    // The same pure red of sRGB, in the numbers of wider spaces (their specifications' matrices, rounded).
    let cases =
        [(moxcms::ColorProfile::new_display_p3(), [234, 51, 35]), (moxcms::ColorProfile::new_adobe_rgb(), [219, 0, 0])];
    for (profile, [r, g, b]) in cases {
        let photo = encoded(image::RgbImage::from_pixel(600, 400, Rgb([r, g, b])), ImageFormat::Jpeg);
        let tagged = with_profile(&photo, &profile.encode().unwrap());
        let small = pixels(&processed(&tagged).unwrap(), RenditionName::Small);
        let [r, g, b, _] = small.get_pixel(100, 100).0;
        assert!(r > 248 && g < 8 && b < 8, "{r} {g} {b}");
        // At full size the numbers stay, and so does what they mean.
        let whole = upright(&tagged).unwrap();
        let small = pixels(&processed(&whole).unwrap(), RenditionName::Small);
        let [r, g, b, _] = small.get_pixel(100, 100).0;
        assert!(r > 246 && g < 10 && b < 10, "{r} {g} {b}");
    }
}

#[test]
fn a_full_size_copy_carries_no_metadata() {
    let facts = Exif { make: Some("Make-Secret"), orientation: Some(6), ..Exif::default() };
    let photo = with_exif(&encoded(corners(60, 40), ImageFormat::Jpeg), &facts);
    let mut profile = moxcms::ColorProfile::new_display_p3();
    let text = moxcms::LocalizableString::new("en".into(), "US".into(), "Secret".into());
    profile.description = Some(moxcms::ProfileText::Localizable(vec![text]));
    let copy = upright(&with_profile(&photo, &profile.encode().unwrap())).unwrap();
    let holds = |text: &[u8]| copy.windows(text.len()).any(|window| window == text);
    assert!(holds(b"ICC_PROFILE") && !holds(b"Exif") && !holds(b"Secret") && !holds(b"S\0e\0c"));
    let copy = image::load_from_memory_with_format(&copy, ImageFormat::Jpeg).unwrap();
    assert_eq!((copy.width(), copy.height()), (40, 60));
}

#[test]
fn transparent_photos_have_placeholders_too() {
    let image = RgbaImage::from_fn(300, 200, |x, _| Rgba([255, 0, 0, if x < 150 { 255 } else { 0 }]));
    let photo = processed(&encoded(image, ImageFormat::WebP)).unwrap();
    assert!(photo.placeholder.len() <= 30);
    let colour = average_colour(&photo.placeholder);
    assert!((colour >> 16).abs_diff(0xC0) < 12 && (colour & 0xFF).abs_diff(0x40) < 12, "{colour:06x}");
}
