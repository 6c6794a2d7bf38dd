//! HEIC and AVIF, from the upload to the page.

mod hostile;
mod outside;
mod phones;
#[cfg(target_os = "linux")]
mod taken_over;

use std::path::Path;
use std::process::Command;

use image::{DynamicImage, RgbImage};
use lumina::media::OutsideDecoder;

use crate::support::exif::{Folder, MAKE, OFFSET, TAKEN, Value, tiff};
use crate::support::images::{corners, encoded as file, webp_corners};
use crate::support::*;

/// Where tests are threads of one process, one of them at a time looks at the processes that are left.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A file made by libheif's own encoder, with these options before its name.
pub fn encoded(images: &[DynamicImage], extension: &str, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let names = (0..images.len()).map(|n| format!("{n}.png")).collect::<Vec<_>>();
    for (image, name) in images.iter().zip(&names) {
        image.save(folder.path().join(name)).unwrap();
    }
    let to = format!("to.{extension}");
    let mut command = Command::new("heif-enc");
    command.current_dir(folder.path()).args(["-q", "90"]).args(options).args(["-o", &to]).args(&names);
    let output = command.output().expect("these tests need libheif's tools: ./dev test installs them");
    assert!(output.status.success(), "{options:?} {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.path().join(to)).unwrap()
}

/// A photo with a colour in each corner, as a phone might send it.
fn phone(extension: &str) -> Vec<u8> {
    encoded(&[corners(160, 100)], extension, &[])
}

/// The decoder's folders and whatever else is left of it in a folder for temporary files; ended processes that nobody
/// reaped, and those that still work in there.
fn left_behind(folder: &Path) -> Vec<String> {
    let us = std::process::id().to_string();
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path().display().to_string());
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = stat.rsplit_once(") ")?;
        let (state, parent) = rest.split_once(' ').map(|(state, rest)| (state, rest.split(' ').next() == Some(&us)))?;
        let at_work = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        let is_decoder = ["(lumina", "(heif", "(sh", "(awk", "(mawk"].iter().any(|its| name.contains(its));
        (at_work || parent && is_decoder && state == "Z").then(|| stat.clone())
    });
    files.chain(processes).collect()
}

#[tokio::test]
async fn photos_of_phones_come_in() {
    let _alone = ALONE.lock().await;
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    for (extension, content_type) in [("heic", "image/heic"), ("avif", "image/avif")] {
        let bytes = phone(extension);
        let photo = alice.upload(bytes.clone()).await;
        let page = alice.get(&photo.page()).await.assert_status(200).assert_says("160 × 100");
        page.assert_says(&extension.to_uppercase());
        for name in ["small", "medium", "large"] {
            let rendition = alice.get(&photo.at(name)).await.assert_status(200);
            assert_eq!(rendition.header("content-type"), "image/webp");
            let upright = ((160, 100), ["red", "green", "blue", "white"]);
            assert_eq!(webp_corners(&rendition.bytes), upright, "{extension} {name}");
        }
        let original = alice.get(&photo.at("original")).await.assert_status(200);
        assert_eq!(original.header("content-type"), content_type);
        assert!(original.bytes == bytes, "kept to the byte");
        // Visitors get what every browser shows.
        let token = alice.share(&photo, "link").await.unwrap();
        let copy = visitor.get(&format!("/s/{token}/download")).await.assert_status(200);
        assert_eq!(copy.header("content-type"), "image/jpeg");
        assert!(copy.header("content-disposition").contains("\"photo.jpg\""));
        let copy = image::load_from_memory_with_format(&copy.bytes, image::ImageFormat::Jpeg).unwrap();
        assert_eq!((copy.width(), copy.height()), (160, 100));
    }
    assert_eq!(left_behind(&app.data_dir().join("tmp")), Vec::<String>::new());
    assert_eq!(app.stored_files().len(), 8);
}

#[tokio::test]
async fn the_facts_of_a_phones_photo_are_read_and_kept_from_visitors() {
    let _alone = ALONE.lock().await;
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    // heif-enc takes EXIF data along from a JPEG.
    let folder = tempfile::tempdir().unwrap();
    let tags = [
        (Folder::Main, MAKE, Value::Text("SecretMaker")),
        (Folder::Exif, TAKEN, Value::Text("2024:07:04 18:03:00")),
        (Folder::Exif, OFFSET, Value::Text("+03:00")),
    ];
    let data = [b"Exif\0\0".as_slice(), &tiff(&tags)].concat();
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    let mut jpeg = file(&corners(160, 100), image::ImageFormat::Jpeg);
    jpeg.splice(2..2, [&[0xFF, 0xE1], length.as_slice(), &data].concat());
    std::fs::write(folder.path().join("a.jpg"), jpeg).unwrap();
    let output = Command::new("heif-enc").current_dir(folder.path()).args(["-o", "a.heic", "a.jpg"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let bytes = std::fs::read(folder.path().join("a.heic")).unwrap();
    assert!(bytes.windows(11).any(|part| part == b"SecretMaker"), "the encoder kept it");

    let photo = alice.upload(bytes).await;
    alice.get(&photo.page()).await.assert_says("SecretMaker").assert_says("4 July 2024, 18:03 (UTC+3)");
    let token = alice.share(&photo, "link").await.unwrap();
    for what in ["", "/small", "/medium", "/large", "/download"] {
        let answer = app.visitor().get(&format!("/s/{token}{what}")).await.assert_status(200);
        for secret in [&b"SecretMaker"[..], b"Exif", b"18:03"] {
            assert!(!answer.bytes.windows(secret.len()).any(|part| part == secret), "{what}");
        }
    }
}

#[tokio::test]
async fn without_the_decoder_the_refusal_says_what_to_do() {
    let app = TestApp::start_with_decoder(OutsideDecoder::missing_altogether()).await;
    let alice = app.user("alice").await;
    for (extension, name) in [("heic", "HEIC"), ("avif", "AVIF")] {
        let upload = Upload::new().file("phone.jpg", phone(extension));
        let page = alice.post_upload(upload).await.assert_status(415).assert_says("phone.jpg");
        let page = page.assert_says(&format!("This server cannot read {name} photos yet"));
        page.assert_says("Send a JPEG").assert_says("libheif");
    }
    let mixed = Upload::new().file("phone.heic", phone("heic")).file("good.jpg", jpeg());
    alice.post_upload(mixed).await.assert_status(415);
    assert_eq!(alice.get("/photos").await.photos().len(), 1, "the other one is kept");
    assert_eq!(app.stored_files().len(), 4);
    let page = alice.get("/photos").await.assert_says("JPEG, PNG, GIF or WebP, up to");
    assert_eq!(page.attributes("accept"), ["image/jpeg,image/png,image/gif,image/webp"]);

    let app = TestApp::start().await;
    let page = app.user("alice").await.get("/photos").await.assert_says("JPEG, PNG, GIF, WebP, HEIC or AVIF, up to");
    let accept = page.attributes("accept").remove(0);
    assert!(accept.contains("image/heic") && accept.contains("image/avif"), "{accept}");
}

#[tokio::test]
async fn what_is_hostile_is_refused_and_nothing_stays() {
    let _alone = ALONE.lock().await;
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let whole = phone("heic");
    let sized = |width: u32, height: u32| {
        let mut bytes = whole.clone();
        let at = bytes.windows(4).position(|kind| kind == b"ispe").unwrap() + 8;
        bytes.splice(at..at + 8, [width.to_be_bytes(), height.to_be_bytes()].concat());
        bytes
    };
    let cases = [
        (whole[..40].to_vec(), "damaged"),
        (whole[..whole.len() / 2].to_vec(), "damaged"),
        (sized(16_000, 16_000), "too large: 16000 × 16000"),
        (sized(u32::MAX, u32::MAX), "too"),
        (sized(0, 0), "damaged"),
        // Less than comes out of the decoder.
        (sized(10, 10), "damaged"),
    ];
    for (bytes, reason) in cases {
        let upload = Upload::new().file("phone.heic", bytes);
        alice.post_upload(upload).await.assert_status(422).assert_says(reason).assert_says("Nothing was added");
    }
    assert_eq!(left_behind(&app.data_dir().join("tmp")), Vec::<String>::new());
    assert_eq!((app.stored_files().len(), app.ask("SELECT count(*) FROM photos").as_str()), (0, "0"));
    alice.upload(whole).await;
}

#[tokio::test]
async fn a_folder_left_by_a_killed_server_does_not_keep_the_next_from_starting() {
    let mut app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let left = app.data_dir().join("tmp/.decodeAbCdEf");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("photo.heif"), phone("heic")).unwrap();
    std::fs::write(app.data_dir().join("tmp/.tmpUpload"), "half").unwrap();
    app.restart_with(|_| {}).await;
    assert_eq!(std::fs::read_dir(app.data_dir().join("tmp")).unwrap().count(), 0);
    alice.moved_to(&app).get(&photo.at("original")).await.assert_status(200);
}

/// A grey one.
fn grey(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_pixel(width, height, image::Rgb([128; 3])).into()
}
