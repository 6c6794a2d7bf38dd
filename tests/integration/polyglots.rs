//! Files that are two things at once: what is served of them is a picture and nothing else. `browser/polyglots.rs` opens
//! them in Chromium.

use std::collections::BTreeMap;

use image::codecs::gif::GifEncoder;
use image::{Frame, ImageFormat};

use crate::support::corpora::{corpora, files_below};
use crate::support::images::{corners, encoded};
use crate::support::{Answer, Client, Photo, TestApp, Upload};

/// A page that leaves a trace where it runs.
pub const PAGE: &[u8] = b"<html><body onload='window.__polyglot=1'><script>window.__polyglot=1</script></body></html>";

/// What pictures do not hold, in small letters.
const PAYLOADS: [&[u8]; 14] = [
    b"<script",
    b"</script",
    b"<html",
    b"<body",
    b"<svg",
    b"<?php",
    b"<?xml",
    b"%pdf-",
    b"__polyglot",
    b"onerror",
    b"onload",
    b"javascript:",
    b"pk\x03\x04",
    b"pk\x05\x06",
];

#[tokio::test]
async fn pictures_are_served_without_what_else_their_files_are() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (name, file) in made() {
        assert!(!payloads(&file).is_empty(), "{name}");
        let photo = alice.upload(file).await;
        served_without_payload(&app, &alice, &photo, name).await;
    }
}

#[tokio::test]
async fn of_hostile_files_too() {
    let Some(corpora) = corpora() else { return };
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut accepted = BTreeMap::new();
    for file in files_below(&corpora.join("hostile")) {
        let upload = Upload::new().file("photo", std::fs::read(&file).unwrap());
        let answer = alice.send(alice.upload_request(upload).header("HX-Request", "true")).await;
        accepted.extend(answer.photos().into_iter().map(|photo| (photo, file.display().to_string())));
    }
    println!("{} accepted", accepted.len());
    assert!(accepted.len() > 80);
    for (photo, name) in accepted {
        served_without_payload(&app, &alice, &photo, &name).await;
    }
}

async fn served_without_payload(app: &TestApp, alice: &Client, photo: &Photo, name: &str) {
    let token = alice.share(photo, "link").await.unwrap();
    let mut pictures = 0;
    for path in addresses(photo, &token) {
        let answer: Answer = match path.starts_with("/photos/") {
            true => alice.get(&path).await,
            false => app.visitor().get(&path).await,
        };
        // Only what plays has a moving copy; and the original is its owner's, as it came.
        if path.ends_with("/moving") && answer.status == 404 || path.ends_with("/original") {
            continue;
        }
        let found = payloads(&answer.assert_status(200).bytes);
        assert!(found.is_empty(), "{found:?} in {path} of {name}");
        pictures += 1;
    }
    assert!(pictures >= 8);
}

/// Wherever bytes of a photo that has a link can be had, by its owner or others.
pub fn addresses(photo: &Photo, token: &str) -> Vec<String> {
    let names = ["small", "medium", "large", "moving"];
    let own = names.iter().chain(&["original"]).map(|name| photo.at(name));
    let shared = names.iter().chain(&["download"]).map(|name| format!("/s/{token}/{name}"));
    own.chain(shared).chain([format!("/i/{token}.html")]).collect()
}

/// Which payloads these bytes hold.
fn payloads(bytes: &[u8]) -> Vec<String> {
    let small = bytes.to_ascii_lowercase();
    let there = |payload: &&&[u8]| small.windows(payload.len()).any(|part| part == **payload);
    PAYLOADS.iter().filter(there).map(|payload| String::from_utf8_lossy(payload).into_owned()).collect()
}

/// Pictures that are a script, a page and an archive too.
pub fn made() -> Vec<(&'static str, Vec<u8>)> {
    let image = corners(64, 48);
    let zip = b"PK\x03\x04\x0A\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x05\0\0\0a.txt!PK\x05\x06";
    let mut jpeg = encoded(&image, ImageFormat::Jpeg);
    let length = u16::try_from(PAGE.len() + 2).unwrap().to_be_bytes();
    jpeg.splice(2..2, [&[0xFF, 0xFE][..], &length, PAGE].concat());
    let mut png = encoded(&image, ImageFormat::Png);
    let text = [b"tEXtComment\0", PAGE].concat();
    let size = u32::try_from(text.len() - 4).unwrap().to_be_bytes();
    // Behind the signature and the first chunk.
    png.splice(33..33, [&size[..], &text, &crc32fast::hash(&text).to_be_bytes()].concat());
    let mut playing = Vec::new();
    let frames = [image.to_rgba8(), image.fliph().to_rgba8()].map(Frame::new);
    GifEncoder::new(&mut playing).encode_frames(frames).unwrap();
    vec![
        ("a JPEG that is a page and an archive", [&jpeg, PAGE, zip].concat()),
        ("a PNG that is a page and an archive", [&png, PAGE, zip].concat()),
        ("a GIF that plays and is a page", [&playing, PAGE].concat()),
        ("a GIF that is a script", script_gif()),
    ]
}

/// `GIF89a/*…*/=1;window.__polyglot=1;/*…*/`: its width reads as the start of a comment.
pub fn script_gif() -> Vec<u8> {
    let script = b"*/=1;window.__polyglot=1;/*";
    let length = [u8::try_from(script.len()).unwrap()];
    [
        // 10799 × 16 pixels, two colours.
        &b"GIF89a/*\x10\0\x80\0\0\0\0\0\xFF\xFF\xFF\x21\xFE"[..],
        &length,
        script,
        // One frame of a pixel.
        b"\0\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3B*/",
    ]
    .concat()
}
