//! Photos that come in.

use futures_util::future::join_all;
use image::ImageFormat;

use crate::support::images::{corners, encoded, jpeg_turned, webp_corners};
use crate::support::*;

#[tokio::test]
async fn a_plain_form_takes_several_photos_with_hashtags_in_either_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = Upload::new().hashtags("nature, sunset").file("a.jpg", jpeg()).file("b.png", png());
    assert_eq!(alice.post_upload(first).await.assert_status(303).location(), "/photos");
    alice.get("/photos").await.assert_says("2 photos added");
    let second = Upload::new().file("c.gif", gif()).file("d.webp", webp()).hashtags("#Sunset #travel");
    alice.post_upload(second).await.assert_status(303);
    let found = async |query: &str| alice.get(&format!("/photos?{query}")).await.assert_status(200).photos().len();
    assert_eq!(found("").await, 4);
    assert_eq!(found("hashtag=sunset").await, 4);
    assert_eq!(found("hashtag=nature").await, 2);
    assert_eq!(found("hashtag=sunset&hashtag=travel").await, 2);
    assert_eq!(found("hashtag=nature&hashtag=travel").await, 0);
}

#[tokio::test]
async fn every_format_is_kept_to_the_byte_and_shown_as_webp() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    // One is larger than all renditions; image work is slow in a debug build.
    for (format, content_type, size, small, medium, large) in [
        (ImageFormat::Jpeg, "image/jpeg", (2600, 1300), (480, 240), (1280, 640), (2560, 1280)),
        (ImageFormat::Png, "image/png", (500, 750), (320, 480), (500, 750), (500, 750)),
        (ImageFormat::Gif, "image/gif", (90, 60), (90, 60), (90, 60), (90, 60)),
        (ImageFormat::WebP, "image/webp", (600, 300), (480, 240), (600, 300), (600, 300)),
    ] {
        let original = encoded(&corners(size.0, size.1), format);
        let photo = alice.upload(original.clone()).await;
        let answer = alice.get(&photo.at("original")).await.assert_status(200);
        assert_eq!(answer.header("content-type"), content_type, "by its bytes, whatever it was called");
        assert!(answer.bytes == original, "the original is unchanged");
        let sha256 = app.ask(&format!("SELECT encode(sha256, 'hex') FROM photos WHERE id = '{}'", photo.id));
        assert_eq!(sha256, hex_sha256(&original));
        for (name, size) in [("small", small), ("medium", medium), ("large", large)] {
            let rendition = alice.get(&photo.at(name)).await.assert_status(200);
            assert_eq!(rendition.header("content-type"), "image/webp");
            assert_eq!(webp_corners(&rendition.bytes), (size, ["red", "green", "blue", "white"]), "{format:?} {name}");
        }
    }
}

fn hex_sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn whichever_way_the_camera_was_held_the_photo_is_upright() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for orientation in 1..=8 {
        let photo = alice.upload(jpeg_turned(96, 64, orientation)).await;
        for name in ["small", "large"] {
            let rendition = alice.get(&photo.at(name)).await.assert_status(200);
            let upright = ((96, 64), ["red", "green", "blue", "white"]);
            assert_eq!(webp_corners(&rendition.bytes), upright, "{orientation} {name}");
            for secret in [&b"SecretMaker"[..], b"Exif", b"EXIF", b"2019:07"] {
                let there = rendition.bytes.windows(secret.len()).any(|part| part == secret);
                assert!(!there, "metadata in {name}");
            }
        }
        let page = alice.get(&photo.page()).await.assert_says("96 × 64").assert_says("SecretMaker");
        page.assert_says("4 July 2019, 18:03");
    }
}

#[tokio::test]
async fn a_script_gets_cards_and_refusals_and_no_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let by_script = async |upload: Upload| alice.send(alice.upload_request(upload).header("HX-Request", "true")).await;
    let taken = by_script(Upload::new().hashtags("crete family").file("a.jpg", jpeg())).await.assert_status(200);
    assert!(taken.html().contains("class=\"uploaded\"") && !taken.html().contains("<html"));
    assert_eq!(taken.attributes("data-hashtags"), ["crete family"]);
    let refused = by_script(Upload::new().file("notes.jpg", "just text")).await.assert_status(415);
    assert_eq!(refused.attributes("data-filename"), ["notes.jpg"]);
    assert!(refused.photos().is_empty() && !refused.html().contains("<html"));
}

#[tokio::test]
async fn no_file_chosen_is_said() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for upload in [Upload::new(), Upload::new().file("", ""), Upload::new().hashtags("sea").file("", "")] {
        alice.post_upload(upload).await.assert_status(422).assert_says("Choose one or more photos first");
    }
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "0");
}

#[tokio::test]
async fn three_hundred_files_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = (0..300).fold(Upload::new().hashtags("many"), |form, n| form.file(&format!("{n}.png"), png()));
    alice.post_upload(upload).await.assert_status(303);
    alice.get("/photos").await.assert_says("300 photos added");
    assert_eq!(app.ask("SELECT photos FROM hashtag_counts"), "300");
    assert_eq!(app.stored_files().len(), 1200, "an original and three renditions each, and nothing temporary");
}

#[tokio::test]
async fn more_files_than_allowed_are_refused_by_name_and_the_others_kept() {
    let app = TestApp::start_with(|config| config.limits.files_per_upload = 3).await;
    let alice = app.user("alice").await;
    let upload = (1..=5).fold(Upload::new(), |form, n| form.file(&format!("{n}.jpg"), jpeg()));
    let page = alice.post_upload(upload).await.assert_status(413).assert_says("At most 3 files");
    page.assert_says("4.jpg").assert_says("5.jpg").assert_silent_about("2.jpg");
    assert_eq!(app.ask("SELECT string_agg(filename, ' ' ORDER BY filename) FROM photos"), "1.jpg 2.jpg 3.jpg");
    assert_eq!(app.stored_files().len(), 12);
}

#[tokio::test]
async fn bad_hashtags_keep_the_whole_upload_out_and_are_typed_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let many: Vec<_> = (0..51).map(|number| format!("tag{number}")).collect();
    for (hashtags, message) in [
        (many.join(" "), "at most 50 hashtags"),
        ("x".repeat(65), "too long"),
        ("sea a/b".to_owned(), "“a/b” cannot be a hashtag"),
        ("<script>alert(1)</script>".to_owned(), "cannot be a hashtag"),
    ] {
        let upload = Upload::new().hashtags(&hashtags).file("a.jpg", jpeg()).file("b.jpg", jpeg());
        let page = alice.post_upload(upload).await.assert_status(422).assert_says(message);
        assert_eq!(page.field("hashtags"), hashtags, "kept as it was typed");
        assert!(!page.html().contains("<script>alert"));
    }
    let fifty = many[1..].join(",");
    alice.post_upload(Upload::new().hashtags(&fifty).file("a.jpg", jpeg())).await.assert_status(303);
    let endless = Upload::new().hashtags(&"x ".repeat(20_000)).file("a.jpg", jpeg());
    alice.post_upload(endless).await.assert_status(413);
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    assert_eq!(app.stored_files().len(), 4);
}

#[tokio::test]
async fn the_same_file_sent_by_many_at_once_is_one_photo() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let photos = join_all((0..20).map(|_| alice.upload_tagged(bytes.clone(), "same"))).await;
    let ids: std::collections::HashSet<_> = photos.iter().collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.ask("SELECT photos FROM hashtag_counts"), "1");
    app.state().album.sweep().await.unwrap();
    assert_eq!((app.stored_files().len(), app.ask("SELECT count(*) FROM removals").as_str()), (4, "0"));
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let photo = alice.upload_tagged(bytes.clone(), "sea").await;
    let token = alice.share(&photo, "link").await.unwrap();
    app.restart_with(|_| {}).await;
    let alice = alice.moved_to(&app);
    alice.get("/photos?hashtag=sea").await.assert_status(200).assert_photos(&[&photo]);
    assert_eq!(alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
    app.visitor().get(&format!("/s/{token}")).await.assert_status(200);
}
