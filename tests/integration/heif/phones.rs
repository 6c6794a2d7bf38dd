//! Files that are newer or richer than the decoder: it gets a copy that it can read, and colours are ours.

use std::path::Path;

use image::{DynamicImage, Rgb, RgbImage};
use lumina::media::{MediaError, OutsideDecoder};
use moxcms::ColorProfile;

use super::hostile::{Fake, LONG, LUMINA};
use super::outside::{decode, real};
use super::{ALONE, encoded};
use crate::support::exif::{Folder, TAKEN, Value, tiff};
use crate::support::heif::{Heif, boxed};
use crate::support::images::{corners, encoded as file};
use crate::support::*;

/// Corners in colour, in whole blocks of the codec.
fn picture(extension: &str) -> Heif {
    Heif::of(&encoded(&[corners(192, 128)], extension, &[]))
}

fn exif() -> Vec<u8> {
    tiff(&[(Folder::Exif, TAKEN, Value::Text("2025:01:02 03:04:05"))])
}

/// A profile for this kind of pixels (ICC.1:2022, 7.2.8), whatever it says of them.
fn profile_for(kind: &[u8; 4]) -> Vec<u8> {
    let mut icc = ColorProfile::new_srgb().encode().unwrap();
    icc[16..20].copy_from_slice(kind);
    icc
}

#[test]
fn what_belongs_to_two_images_keeps_no_photo_out() {
    for extension in ["heic", "avif"] {
        let phone = picture(extension).of_a_phone(&exif(), b"<x/>");
        decode(real(), &phone.build()).unwrap().assert_upright();
        decode(real(), &phone.profile(&profile_for(b"RGB ")).build()).unwrap().assert_upright();
    }
}

#[test]
fn no_profile_keeps_a_photo_out() {
    let profiles = [
        profile_for(b"RGB "),
        profile_for(b"GRAY"),
        profile_for(b"Lab "),
        profile_for(b"CMYK"),
        ColorProfile::new_display_p3().encode().unwrap(),
        b"no profile".to_vec(),
        Vec::new(),
    ];
    for (extension, icc) in ["heic", "avif"].into_iter().flat_map(|its| profiles.iter().map(move |icc| (its, icc))) {
        let photo = decode(real(), &picture(extension).profile(icc).build());
        photo.unwrap_or_else(|error| panic!("{extension} {icc:?}: {error:?}")).assert_upright();
    }
}

#[test]
fn no_brand_and_no_film_keeps_a_photo_out() {
    for major in [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"MiHE", b"miaf", b"mif2"] {
        for others in [[b"mif1", b"heic"], [b"msf1", b"hevc"]] {
            let bytes = picture("heic").brands(&[major, others[0], others[1]]).build();
            decode(real(), &bytes).unwrap_or_else(|error| panic!("{major:?}: {error:?}")).assert_upright();
        }
    }
    for major in [b"avif", b"avis", b"mif1", b"msf1", b"1pic", b"MA1B"] {
        let bytes = picture("avif").brands(&[major, b"msf1", b"avis", b"avif"]).with_film().build();
        decode(real(), &bytes).unwrap_or_else(|error| panic!("{major:?}: {error:?}")).assert_upright();
    }
}

/// That of ISO Coated v2 has 1.8 MB.
#[test]
fn no_size_of_a_profile_keeps_a_photo_out() {
    for extension in ["heic", "avif"] {
        let mut icc = profile_for(b"CMYK");
        icc.resize(1_800_000, 0);
        decode(real(), &picture(extension).profile(&icc).build()).unwrap().assert_upright();
    }
}

#[tokio::test]
async fn a_film_without_a_photo_is_called_one_of_a_rare_kind() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for brands in [b"msf1\0\0\0\0msf1hevc".as_slice(), b"hevc\0\0\0\0msf1hevc", b"avis\0\0\0\0msf1avis"] {
        let film = [boxed(b"ftyp", brands), boxed(b"moov", &boxed(b"mvhd", &[0; 100])), boxed(b"mdat", &[0; 100])];
        let refused = alice.post_upload(Upload::new().file("burst.heic", film.concat())).await.assert_status(415);
        let refused = refused.assert_says("a HEIC or AVIF film without a photo of its own");
        assert!(!refused.text().contains("damaged"));
    }
}

/// The mean colour of a rendition.
fn mean(bytes: &[u8]) -> [f64; 3] {
    let image = image::load_from_memory_with_format(bytes, image::ImageFormat::WebP).unwrap().into_rgb8();
    let sum = image.pixels().fold([0.0; 3], |sum, Rgb(p)| [0, 1, 2].map(|n| sum[n] + f64::from(p[n])));
    sum.map(|sum| sum / f64::from(image.width() * image.height()))
}

fn assert_near(is: [f64; 3], should: [f64; 3], what: &str) {
    assert!(is.iter().zip(should).all(|(is, should)| (is - should).abs() < 4.0), "{what}: {is:?}, not {should:?}");
}

#[tokio::test]
async fn profiles_of_heic_and_avif_are_applied() {
    let _alone = ALONE.lock().await;
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let of = |colour| DynamicImage::from(RgbImage::from_pixel(128, 64, Rgb(colour)));
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    // Grey as light is: half of it is 188 of 255 (IEC 61966-2-1).
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    for extension in ["heic", "avif"] {
        let cases = [
            // CSS Color 4's conversion of these.
            ([200, 100, 100], p3.clone(), [213.6, 93.7, 97.0]),
            ([128, 128, 128], linear.clone(), [188.0; 3]),
            // Not for these pixels, or none at all.
            ([200, 100, 100], linear.clone(), [200.0, 100.0, 100.0]),
            ([200, 100, 100], profile_for(b"Lab "), [200.0, 100.0, 100.0]),
            ([200, 100, 100], b"no profile".to_vec(), [200.0, 100.0, 100.0]),
        ];
        for (colour, icc, shown) in cases {
            let bytes = Heif::of(&encoded(&[of(colour)], extension, &[])).profile(&icc).build();
            let photo = alice.upload(bytes).await;
            let rendition = alice.get(&photo.at("medium")).await.assert_status(200);
            assert_near(mean(&rendition.bytes), shown, &format!("{extension} {colour:?}"));
        }
    }
}

#[tokio::test]
async fn the_date_of_a_new_phones_photo_is_read() {
    let _alone = ALONE.lock().await;
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(picture("heic").of_a_phone(&exif(), b"<x/>").build()).await;
    alice.get(&photo.page()).await.assert_says("2 January 2025, 03:04");
}

#[tokio::test]
async fn a_photo_that_the_decoder_gives_up_on_is_not_called_damaged() {
    let _alone = ALONE.lock().await;
    let fake = Fake::new("echo Unsupported feature >&2; exit 1", LONG);
    let app = TestApp::start_with_decoder(fake.decoder.clone()).await;
    let alice = app.user("alice").await;
    let whole = picture("heic").build();
    let refused = alice.post_upload(Upload::new().file("new.heic", whole.clone())).await.assert_status(422);
    let refused = refused.assert_says("heif-dec gave up on it").assert_says("export it there as a JPEG");
    assert!(!refused.text().contains("damaged"));
    // What is not all there is.
    let half = whole[..whole.len() - 100].to_vec();
    alice
        .post_upload(Upload::new().file("half.heic", half))
        .await
        .assert_status(422)
        .assert_says("damaged or incomplete");
}

#[test]
fn a_decoder_too_old_for_what_phones_write_is_known_at_the_start() {
    // It decodes what has no profile or gain map only.
    // By the shell alone, which may start no other program beside itself.
    let script =
        "while IFS= read -r line || [ -n \"$line\" ]; do case $line in *tmap*) exit 1;; esac; done < photo.heif
        exec cat \"${0%/*}/good.png\" > photo.png";
    let fake = Fake::new(script, LONG);
    fake.file("good.png", &file(&corners(16, 16), image::ImageFormat::Png));
    let found = OutsideDecoder::tried_out(Path::new(LUMINA), &fake.path());
    assert!(found.missing().unwrap().contains("newer version of libheif"), "{:?}", found.missing());
    assert!(!matches!(decode(&found, &picture("heic").build()), Err(MediaError::DecoderMissing { .. })));
    assert!(found.missing().unwrap().starts_with("HEIC and AVIF photos are taken, but some"), "{:?}", found.missing());
    assert_eq!(real().missing(), None);
    assert!(real().name().unwrap().contains(" of libheif 1."), "{:?}", real().name());
}

/// What one format lacks is told though the other cannot be read at all.
#[test]
fn each_format_is_tried_by_itself() {
    let script =
        "while IFS= read -r line || [ -n \"$line\" ]; do case $line in *tmap*|*avif*) exit 1;; esac; done < photo.heif
        exec cat \"${0%/*}/good.png\" > photo.png";
    let fake = Fake::new(script, LONG);
    fake.file("good.png", &file(&corners(16, 16), image::ImageFormat::Png));
    let missing = OutsideDecoder::tried_out(Path::new(LUMINA), &fake.path()).missing().unwrap();
    assert!(missing.contains("AVIF photos are refused: "), "{missing}");
    assert!(missing.contains(". HEIC photos are taken, but some will be refused: "), "{missing}");
}
