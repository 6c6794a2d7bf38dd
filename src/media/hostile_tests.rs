//! Hostile and damaged files through [`process`](super::process): each is refused with a reason, or harmless.

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb};

use super::testing::{corners, encoded, processed, processed_as, with_profile};
use super::{Format, MediaError};

/// A GIF of 37 bytes: a screen of this size with a frame of one pixel.
fn tiny_gif(width: u16, height: u16) -> Vec<u8> {
    let [w, h] = [width.to_le_bytes(), height.to_le_bytes()];
    [b"GIF89a".as_slice(), &w, &h, b"\x80\0\0\0\0\0\xFF\xFF\xFF,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"].concat()
}

/// A PNG whose header claims this size, with hardly any data.
fn tiny_png(width: u32, height: u32) -> Vec<u8> {
    let mut png = encoded(corners(1, 1), ImageFormat::Png);
    png.splice(16..24, [width.to_be_bytes(), height.to_be_bytes()].concat());
    let mut crc = crc32(&png[12..29]).to_be_bytes().to_vec();
    png.splice(29..33, crc.drain(..));
    png
}

/// CRC-32 as PNG wants it (its specification, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 }
    };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn too_many_pixels_are_refused_before_decoding() {
    let limit_of = |bomb: &[u8]| match processed(bomb) {
        Err(MediaError::TooManyPixels { limit_megapixels, .. }) => Some(limit_megapixels),
        _ => None,
    };
    assert!(processed(&tiny_gif(3, 3)).is_ok());
    assert!(processed(&encoded(corners(1414, 1414), ImageFormat::Png)).is_ok());
    assert_eq!(limit_of(&tiny_png(1415, 1415)), Some(2));
    assert_eq!(limit_of(&tiny_png(65_535, 65_535)), Some(2));
    assert_eq!(limit_of(&tiny_png(u32::MAX >> 1, u32::MAX >> 1)), Some(2));
    let mut frames = tiny_png(u32::MAX, u32::MAX);
    frames.splice(33..33, b"\0\0\0\0fcTL\0\0\0\0".repeat(3));
    assert_eq!(limit_of(&frames), Some(2));
    assert!(matches!(processed(&tiny_png(1_999_999, 1)), Err(MediaError::TooLong { .. })));
    assert!(matches!(processed(&tiny_png(0, 7)), Err(MediaError::Damaged)));
    // What takes twice the memory may have half the pixels: a frame beside its picture, 16 bits a channel.
    assert_eq!(limit_of(&tiny_gif(65_535, 65_535)), Some(1));
    let deep = DynamicImage::ImageRgba16(ImageBuffer::new(1200, 1200));
    assert_eq!(limit_of(&encoded(deep, ImageFormat::Png)), Some(1));
    let error = processed(&tiny_png(1415, 1415)).unwrap_err().to_string();
    assert!(error.contains("1415 × 1415") && error.contains("smaller than 2 megapixels"), "{error}");
}

#[test]
fn a_gif_frame_larger_than_its_screen_is_refused() {
    let mut gif = tiny_gif(1, 1);
    let frame = gif.iter().position(|byte| *byte == b',').unwrap() + 5;
    gif.splice(frame..frame + 4, [0xFF; 4]);
    assert!(matches!(processed(&gif), Err(MediaError::Damaged)));
}

#[test]
fn webp_chunks_that_ask_for_gigabytes_are_refused() {
    let chunk = |kind: &[u8; 4], size: u32, data: &[u8]| [kind.as_slice(), &size.to_le_bytes(), data].concat();
    let extended = chunk(b"VP8X", 10, &[0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let lossy = chunk(b"VP8 ", 10, &[0x10, 0, 0, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F]);
    let exif = chunk(b"EXIF", 0xFFFF_FF00, &[0; 8]);
    let riff = |chunks: &[&[u8]]| [b"RIFF\xF0\xFF\xFF\xFFWEBP".as_slice(), &chunks.concat()].concat();
    assert!(matches!(processed(&riff(&[&extended, &exif])), Err(MediaError::Damaged)));
    assert!(matches!(processed(&riff(&[&extended, &lossy])), Err(MediaError::TooManyPixels { width: 16_383, .. })));
}

#[test]
fn a_damaged_photo_is_refused_and_a_nearly_whole_one_taken() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let noise = image::RgbImage::from_fn(400, 300, |x, y| {
            Rgb([(x * y % 251) as u8, (x * 7 % 256) as u8, (y * 13 % 256) as u8])
        });
        let whole = encoded(noise, format);
        assert!(processed(&whole).is_ok());
        for part in [12, whole.len() / 10, whole.len() / 2] {
            let error = processed(&whole[..part]).unwrap_err();
            assert!(matches!(error, MediaError::Damaged), "{format:?} {part}: {error:?}");
        }
        if format == ImageFormat::Jpeg {
            assert!(processed(&whole[..whole.len() - whole.len() / 50]).is_ok(), "the last rows may be missing");
        }
    }
    let grey = encoded(GrayImage::from_pixel(300, 300, Luma([128])), ImageFormat::Jpeg);
    assert!(processed(&grey).is_ok(), "a grey photo only looks cut off");
}

#[test]
fn what_is_beside_a_picture_is_bounded() {
    let jpeg = encoded(corners(64, 64), ImageFormat::Jpeg);
    let segment = [b"\xFF\xE5\xFF\xFF".as_slice(), &[0; 65_533]].concat();
    let with = |segments: usize| [&jpeg[..2], &segment.repeat(segments), &jpeg[2..]].concat();
    assert!(processed(&with(200)).is_ok());
    assert!(matches!(processed(&with(300)), Err(MediaError::TooMuchMetadata { limit_mib: 16 })));
    let between_scans = |segments: usize| {
        let scan = b"\xFF\x01\x12\x34\xFF\0\xFF\xD0\xFF\xFF".as_slice();
        processed(&[&tiny_jpeg(0xC2, 64, 64), scan, &segment[1..], &segment.repeat(segments)].concat())
    };
    assert!(matches!(between_scans(300), Err(MediaError::TooMuchMetadata { limit_mib: 16 })));
    assert!(matches!(between_scans(200), Err(MediaError::Damaged)));
}

#[test]
fn a_profile_that_inflates_without_end_is_ignored() {
    use std::io::Write;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&vec![0; 40 << 20]).unwrap();
    let data = [b"iCCPx\0\0".as_slice(), &zlib.finish().unwrap()].concat();
    let length = u32::try_from(data.len() - 4).unwrap().to_be_bytes();
    let mut png = encoded(corners(64, 64), ImageFormat::Png);
    png.splice(33..33, [length.as_slice(), &data, &crc32(&data).to_be_bytes()].concat());
    assert!(processed(&png).is_ok());
}

#[test]
fn broken_colour_profiles_are_ignored() {
    let photo = encoded(corners(64, 64), ImageFormat::Jpeg);
    let whole = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let plain = processed(&photo).unwrap();
    for length in (0..whole.len()).step_by(41) {
        let tagged = with_profile(&photo, &whole[..length]);
        assert_eq!(processed(&tagged).unwrap().width, plain.width);
    }
    let mut gray = whole.clone();
    gray[16..20].copy_from_slice(b"GRAY");
    assert!(processed(&with_profile(&photo, &gray)).is_ok());
}

#[test]
fn endless_animations_are_stills() {
    let whole = tiny_gif(3, 3);
    let frame = &whole[whole.iter().position(|byte| *byte == b',').unwrap()..whole.len() - 1];
    let gif = |frames: usize| [&whole[..whole.len() - 1], &frame.repeat(frames - 1), b";"].concat();
    let moves = |frames| {
        let photo = processed(&gif(frames)).unwrap();
        assert_eq!(photo.animated, photo.renditions.len() == 4);
        photo.animated
    };
    assert!(!moves(1) && moves(2) && moves(10_000) && !moves(10_001));
}

#[test]
fn what_pretends_to_be_a_photo_is_refused() {
    for format in [Format::Jpeg, Format::Png, Format::Gif, Format::WebP] {
        assert!(matches!(processed_as(format, b"just some text"), Err(MediaError::Damaged)), "{format:?}");
        assert!(matches!(processed_as(format, b""), Err(MediaError::Damaged)), "{format:?}");
    }
    for lie in [
        b"\xFF\xD8\xFF<?php system('id'); ?>".as_slice(),
        b"GIF89a/*<html>*/=1;alert(1)//",
        b"RIFF\x10\0\0\0WEBP<script>",
    ] {
        // What follows the GIF's name claims more pixels than allowed.
        assert!(matches!(processed(lie), Err(MediaError::Damaged | MediaError::TooManyPixels { .. })));
    }
}

#[test]
fn what_is_appended_to_a_photo_does_not_reach_its_renditions() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let photo = encoded(corners(64, 64), format);
        let polyglot = [photo, b"<script>alert(1)</script>PK\x03\x04".to_vec()].concat();
        let photo = processed(&polyglot).unwrap();
        let has_script = |bytes: &[u8]| bytes.windows(7).any(|window| window == b"<script");
        assert!(!photo.renditions.iter().any(|rendition| has_script(&rendition.bytes)));
    }
}

/// A JPEG that claims this size and kind of frame, without pixels.
fn tiny_jpeg(frame: u8, width: u16, height: u16) -> Vec<u8> {
    let [w, h] = [width.to_be_bytes(), height.to_be_bytes()];
    let components = b"\x03\x01\x11\0\x02\x11\0\x03\x11\0";
    [
        b"\xFF\xD8\xFF".as_slice(),
        &[frame, 0, 17, 8],
        &h,
        &w,
        components,
        b"\xFF\xDA\0\x0C\x03\x01\0\x02\x11\x03\x11\0\x3F\0",
    ]
    .concat()
}

#[test]
fn a_progressive_jpeg_may_have_fewer_pixels() {
    // With 9 bytes a pixel instead of 4, 0.9 of the 2 megapixels are allowed.
    let refused = processed(&tiny_jpeg(0xC2, 1000, 1000));
    assert!(matches!(refused, Err(MediaError::TooManyPixels { limit_megapixels: 1, .. })), "{refused:?}");
    assert!(matches!(processed(&tiny_jpeg(0xC0, 1000, 1000)), Err(MediaError::Damaged)));
}
