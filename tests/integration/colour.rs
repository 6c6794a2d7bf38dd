//! Colours come out as they are meant, whatever profile or depth a file has: measured against ImageMagick, whose colours
//! are LittleCMS's.

use std::path::{Path, PathBuf};

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder};
use image::{DynamicImage, ImageEncoder, Rgb, RgbImage};
use moxcms::ColorProfile;

use crate::support::corpora::corpora;
use crate::support::pictures::{Picture, by_imagemagick};
use crate::support::{Client, TestApp};

/// A file, whether it has a profile, and the largest mean ΔE (CIE 1976) allowed: at most 0.4 more than measured. What
/// is left is what the WebP encoder does to saturated colours: 1.14 in the first case, where there is nothing to convert,
/// and 1.00 to 1.14 in the others of the same picture. That a profile matters is checked along with it.
type Case = (PathBuf, bool, f64);

#[tokio::test]
async fn profiles_and_depths_come_out_as_a_reference_decoder_shows_them() {
    let folder = tempfile::tempdir().unwrap();
    let image = DynamicImage::from(many_colours());
    let (p3, adobe) = (ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb());
    let (prophoto, grey) = (ColorProfile::new_pro_photo_rgb(), ColorProfile::new_gray_with_gamma(1.8));
    let case = |name: &str, bytes: Vec<u8>, profile: bool, bound: f64| -> Case {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (path, profile, bound)
    };
    let cases = vec![
        case("srgb.jpg", jpeg(&image, None), false, 1.3),
        case("p3.jpg", jpeg(&image, Some(&p3)), true, 1.3),
        case("adobe.jpg", jpeg(&image, Some(&adobe)), true, 1.3),
        case("prophoto.jpg", jpeg(&image, Some(&prophoto)), true, 1.3),
        case("p3-16-bit.png", png(&image.to_rgb16().into(), Some(&p3)), true, 1.3),
        case("adobe.webp", webp(&image, &adobe), true, 1.3),
        case("grey-gamma-1.8.jpg", jpeg(&image.to_luma8().into(), Some(&grey)), true, 0.4),
        case("grey-16-bit.png", png(&image.to_luma16().into(), None), false, 0.4),
        case("transparent-16-bit.png", png(&image.to_rgba16().into(), None), false, 1.3),
        // Without a profile, inks are taken as ideal ones.
        case("ink.jpg", by_imagemagick(&folder.path().join("srgb.jpg"), &INK), false, 1.3),
    ];
    all_hold(folder.path(), cases).await;
}

/// sRGB as CMYK in a JPEG.
const INK: [&str; 5] = ["-colorspace", "CMYK", "-quality", "95", "jpg:-"];

#[tokio::test]
async fn real_files_come_out_as_a_reference_decoder_shows_them() {
    let Some(corpora) = corpora() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        // Adobe RGB (1998); Apple's Generic RGB; a profile of tables, whose channels are no colours.
        ("formats/libvips/sample.jpg", true, 2.2),
        ("hostile/image-rs/images/jpg/portrait_2.jpg", true, 2.2),
        ("formats/libvips/sample-xyb.jpg", true, 2.3),
        ("formats/libvips/ultra-hdr.jpg", false, 1.2),
        ("formats/libvips/indexed.png", false, 2.3),
        ("formats/pngsuite/contrib/testpngs/rgb-16-linear.png", false, 2.9),
        ("formats/avif/fox.profile0.10bpc.yuv420.avif", false, 1.8),
        ("formats/avif/fox.profile2.12bpc.yuv422.avif", false, 1.8),
        ("formats/heif/examples/example.heic", false, 2.3),
    ];
    let cases = cases.map(|(file, profile, bound)| (corpora.join(file), profile, bound));
    all_hold(folder.path(), cases.to_vec()).await;
}

async fn all_hold(folder: &Path, cases: Vec<Case>) {
    let srgb = folder.join("srgb.icc");
    std::fs::write(&srgb, encoded(&ColorProfile::new_srgb())).unwrap();
    let srgb = srgb.display().to_string();
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut renditions = Vec::new();
    for (file, ..) in &cases {
        renditions.push(large(&alice, file).await);
    }
    for ((file, profile, bound), ours) in cases.into_iter().zip(renditions) {
        let to_srgb: &[&str] =
            if profile { &["-auto-orient", "-profile", &srgb] } else { &["-auto-orient", "-colorspace", "sRGB"] };
        let distance = ours.colour_distance(&Picture::by_imagemagick(&file, to_srgb, ours.size()));
        let name = file.file_name().unwrap().display();
        println!("{name}: {distance:.2}");
        assert!(distance < bound, "{name}: {distance:.2}");
        if profile {
            let ignored = ours.colour_distance(&Picture::by_imagemagick(&file, &["-auto-orient"], ours.size()));
            assert!(ignored > 1.25 * distance + 0.5, "{name}: {ignored:.2} without its profile, {distance:.2} with it");
        }
    }
}

async fn large(alice: &Client, file: &Path) -> Picture {
    let photo = alice.upload(std::fs::read(file).unwrap()).await;
    Picture::of_webp(&alice.get(&photo.at("large")).await.assert_status(200).bytes)
}

/// All reds across, all greens down, and blues in waves.
fn many_colours() -> RgbImage {
    RgbImage::from_fn(640, 480, |x, y| {
        let blue = 127.5 + 127.5 * (f64::from(x + y) / 90.0).sin();
        Rgb([(x * 255 / 639) as u8, (y * 255 / 479) as u8, blue as u8])
    })
}

fn jpeg(image: &DynamicImage, profile: Option<&ColorProfile>) -> Vec<u8> {
    let mut file = Vec::new();
    written(image, JpegEncoder::new_with_quality(&mut file, 95), profile);
    file
}

fn png(image: &DynamicImage, profile: Option<&ColorProfile>) -> Vec<u8> {
    let mut file = Vec::new();
    written(image, PngEncoder::new(&mut file), profile);
    file
}

fn webp(image: &DynamicImage, profile: &ColorProfile) -> Vec<u8> {
    let mut file = Vec::new();
    written(image, WebPEncoder::new_lossless(&mut file), Some(profile));
    file
}

fn written(image: &DynamicImage, mut encoder: impl ImageEncoder, profile: Option<&ColorProfile>) {
    if let Some(profile) = profile {
        encoder.set_icc_profile(encoded(profile)).unwrap();
    }
    image.write_with_encoder(encoder).unwrap();
}

/// As libpng wants it: of a length of whole words, and with the very illuminant of ICC.1:2010, 7.2.16.
fn encoded(profile: &ColorProfile) -> Vec<u8> {
    let mut bytes = profile.encode().unwrap();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let size = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    bytes[..4].copy_from_slice(&size);
    bytes[68..80].copy_from_slice(b"\0\0\xF6\xD6\0\x01\0\0\0\0\xD3\x2D");
    bytes
}
