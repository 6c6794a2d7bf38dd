//! Files that are not taken, and uploads that break off: a reason for each, and nothing stays behind.

use reqwest::Body;
use reqwest::header::CONTENT_TYPE;

use crate::support::images::{broken_jpeg, gif_bomb};
use crate::support::*;

#[tokio::test]
async fn what_is_no_photo_is_named_and_the_others_of_the_batch_are_kept() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = Upload::new().file("good.jpg", jpeg()).file("notes.jpg", "only text").file("also-good.png", png());
    let page = alice.post_upload(upload).await.assert_status(415);
    page.assert_says("notes.jpg").assert_says("This is not a photo Lumina can read").assert_says("2 photos were added");
    assert_eq!(alice.get("/photos").await.photos().len(), 2);
    assert_eq!(app.stored_files().len(), 8);
}

#[tokio::test]
async fn every_bad_file_has_its_status_and_its_reason() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let cases: [(&str, Vec<u8>, u16, &str); 10] = [
        ("text.jpg", b"only text".to_vec(), 415, "not a photo"),
        ("empty.jpg", Vec::new(), 415, "empty"),
        ("drawing.svg", svg.into(), 415, "SVG"),
        ("page.png", b"<!doctype html><script>alert(1)</script>".to_vec(), 415, "web page"),
        ("paper.jpg", b"%PDF-1.7 and more".to_vec(), 415, "PDF"),
        ("scan.jpg", b"MM\0*\0\0\0\x08".to_vec(), 415, "TIFF"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), 422, "damaged or incomplete"),
        ("broken.jpg", broken_jpeg(), 422, "damaged or incomplete"),
        ("head.png", png()[..40].to_vec(), 422, "damaged or incomplete"),
        ("bomb.gif", gif_bomb(), 422, "too large: 65535 × 65535"),
    ];
    for (name, bytes, status, reason) in cases {
        let page = alice.post_upload(Upload::new().file(name, bytes)).await.assert_status(status);
        page.assert_says(name).assert_says(reason).assert_says("Nothing was added");
    }
    alice.get("/photos").await.assert_says("No photos yet");
    nothing_stays(&app).await;
}

#[tokio::test]
async fn different_reasons_in_one_batch_are_each_told() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = Upload::new().file("a.txt", "text").file("b.jpg", broken_jpeg()).file("c.jpg", jpeg());
    let page = alice.post_upload(upload).await.assert_status(422);
    page.assert_says("not a photo").assert_says("damaged").assert_says("One photo was added");
}

#[tokio::test]
async fn a_file_of_200_mb_is_too_large_and_the_small_one_beside_it_is_kept() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = Upload::new().file("small.jpg", jpeg()).large_file("huge.jpg", &jpeg(), 200_000_000).hashtags("sea");
    let page = alice.post_upload(upload).await.assert_status(413);
    page.assert_says("huge.jpg").assert_says("larger than 100 MiB").assert_says("One photo was added");
    assert_eq!(alice.get("/photos?hashtag=sea").await.photos().len(), 1, "fields after it are read too");
    assert_eq!(app.stored_files().len(), 4, "{:?}", app.stored_files());
}

#[tokio::test]
async fn the_limit_is_exact() {
    let app = TestApp::start_with(|config| config.limits.upload_mib = 1).await;
    let alice = app.user("alice").await;
    // A JPEG's decoder stops at its end marker, so zeros may follow.
    let exact = Upload::new().large_file("exact.jpg", &jpeg(), 1 << 20);
    alice.post_upload(exact).await.assert_status(303);
    let over = Upload::new().large_file("over.jpg", &jpeg(), (1 << 20) + 1);
    alice.post_upload(over).await.assert_status(413).assert_says("larger than 1 MiB");
}

#[tokio::test]
async fn more_pixels_than_allowed_are_refused() {
    let app = TestApp::start_with(|config| config.limits.megapixels = 1).await;
    let alice = app.user("alice").await;
    let large = images::encoded(&images::corners(1100, 1000), image::ImageFormat::Png);
    let page = alice.post_upload(Upload::new().file("large.png", large)).await.assert_status(422);
    page.assert_says("1100 × 1000").assert_says("1 megapixels");
    nothing_stays(&app).await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let whole = Upload::new().file("a.jpg", jpeg()).large_file("b.jpg", &jpeg(), 300_000).into_bytes();
    for cut in [10, 100, 400, 1500, whole.len() / 2, whole.len() - 5] {
        // The client says how long it is going to be, and goes away before that.
        let part = whole[..cut].to_vec();
        let sent = futures_util::stream::iter([Ok(part), Err(std::io::Error::other("gone"))]);
        let request = alice.upload_request(Upload::new()).body(Body::wrap_stream(sent));
        assert!(alice.try_send(request.header("content-length", whole.len())).await.is_err());
        // The form itself ends in the middle.
        let request = alice.upload_request(Upload::new()).body(whole[..cut].to_vec());
        alice.send(request).await.assert_status(400).assert_says("broke off");
    }
    let eventually_empty = async {
        while !app.stored_files().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(10), eventually_empty).await;
    assert!(waited.is_ok(), "{:?}", app.stored_files());
    nothing_stays(&app).await;
}

#[tokio::test]
async fn what_is_no_upload_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json"] {
        let request = alice.request(reqwest::Method::POST, "/photos").header("origin", app.origin());
        let answer = alice.send(request.header(CONTENT_TYPE, content_type).body("file=x")).await;
        assert!([400, 415].contains(&answer.status), "{content_type}: {answer:?}");
    }
    let upload = Upload::new().file("a.jpg", jpeg());
    let visitor = app.visitor();
    visitor.post_upload(upload).await.assert_status(303);
    nothing_stays(&app).await;
}

/// No row and, after a sweep, no file is left, and a photo can be sent as before.
async fn nothing_stays(app: &TestApp) {
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files(), Vec::<String>::new());
    assert_eq!(app.ask("SELECT (SELECT count(*) FROM photos) + (SELECT count(*) FROM removals)"), "0");
    let alice = app.device_of("alice").await;
    alice.upload(jpeg()).await;
}
