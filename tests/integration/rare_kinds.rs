//! JPEGs and PNGs that programs of other years and makes write: taken in, or refused in words that fit.

use std::process::Command;

use image::ImageFormat;

use crate::support::images::{corners, encoded, webp_corners};
use crate::support::*;

/// The picture as ImageMagick writes it with these options.
fn by_imagemagick(options: &[&str], extension: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from.png"), folder.path().join(format!("to.{extension}")));
    std::fs::write(&from, encoded(&corners(320, 240), ImageFormat::Png)).unwrap();
    let output = Command::new("convert").arg(&from).args(options).arg(&to).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::read(to).unwrap()
}

/// Where the segments with this marker are, in front of the first scan.
fn segments(jpeg: &[u8], wanted: u8) -> Vec<std::ops::Range<usize>> {
    let (mut at, mut found) = (2, Vec::new());
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] == wanted {
            found.push(at..end);
        }
        at = end;
    }
    found
}

async fn assert_taken_in(app: &TestApp, alice: &Client, bytes: Vec<u8>, what: &str) {
    let photo = alice.upload(bytes.clone()).await;
    let large = alice.get(&photo.at("large")).await.assert_status(200);
    assert_eq!(webp_corners(&large.bytes), ((320, 240), ["red", "green", "blue", "white"]), "{what}");
    assert_eq!(alice.get(&photo.at("original")).await.bytes, bytes, "{what}");
    // Visitors can open theirs.
    let token = alice.share(&photo, "link").await.unwrap();
    let copy = app.visitor().get(&format!("/s/{token}/download")).await.assert_status(200);
    let copy = image::load_from_memory_with_format(&copy.bytes, ImageFormat::Jpeg).unwrap();
    assert_eq!((copy.width(), copy.height()), (320, 240), "{what}");
}

#[tokio::test]
async fn a_progressive_jpeg_needs_no_end() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let whole = by_imagemagick(&["-interlace", "Plane", "-quality", "90"], "jpg");
    assert!(whole.ends_with(&[0xFF, 0xD9]));
    assert_taken_in(&app, &alice, whole[..whole.len() - 2].to_vec(), "without an end").await;
    // What is only there coarsely is refused still.
    for part in [3, 2] {
        let cut = Upload::new().file("cut.jpg", whole[..whole.len() / part].to_vec());
        alice.post_upload(cut).await.assert_status(422).assert_says("damaged or incomplete");
    }
}

#[tokio::test]
async fn a_jpeg_without_tables_means_those_of_the_standard() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    // The encoder of `image` uses no others.
    let mut bytes = encoded(&corners(320, 240), ImageFormat::Jpeg);
    for range in segments(&bytes, 0xC4).into_iter().rev() {
        bytes.drain(range);
    }
    assert!(segments(&bytes, 0xC4).is_empty());
    assert_taken_in(&app, &alice, bytes, "without tables").await;
}

#[tokio::test]
async fn what_hardly_any_program_reads_is_called_by_its_name() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let jpeg_of = |marker: u8, depth: u8| {
        let mut bytes = encoded(&corners(320, 240), ImageFormat::Jpeg);
        let at = segments(&bytes, 0xC0)[0].start;
        (bytes[at + 1], bytes[at + 4]) = (marker, depth);
        bytes
    };
    // As Xcode writes them: a chunk of its own before the header, and the data without zlib's.
    let mut cgbi = encoded(&corners(320, 240), ImageFormat::Png);
    cgbi.splice(8..8, *b"\0\0\0\x04CgBI\x50\0\x20\x06\x2B\xD5\xB3\x2D");
    for (bytes, what) in [
        (jpeg_of(0xC9, 8), "a JPEG with arithmetic coding"),
        (jpeg_of(0xCA, 8), "a JPEG with arithmetic coding"),
        (jpeg_of(0xC3, 8), "a lossless JPEG"),
        (jpeg_of(0xC1, 12), "a JPEG of 12 bits a colour"),
        (cgbi, "a PNG from within an iPhone app (CgBI)"),
    ] {
        let refused = alice.post_upload(Upload::new().file("rare", bytes)).await.assert_status(415).assert_says(what);
        refused.assert_says("save it as an ordinary JPEG or PNG").assert_says("Nothing was added");
    }
}
