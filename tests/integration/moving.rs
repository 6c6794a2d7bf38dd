//! What plays: GIF, WebP and PNG with more than one frame; and what is seen through.

use image::{GenericImageView, ImageFormat, Rgba, RgbaImage};

use crate::support::animations::{COMMENT, apng, frames, gif as moving_gif, webp as moving_webp};
use crate::support::images::encoded;
use crate::support::*;

fn holds_comment(bytes: &[u8]) -> bool {
    bytes.windows(COMMENT.len()).any(|part| part == COMMENT)
}

/// Of every format that plays, with this many frames.
fn animations(frames: u8) -> [(&'static str, Vec<u8>); 3] {
    [("image/gif", moving_gif(frames)), ("image/webp", moving_webp(frames)), ("image/png", apng(frames))]
}

#[tokio::test]
async fn it_plays_on_its_page_and_wherever_it_is_shared() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    for ((content_type, bytes), extension) in animations(4).into_iter().zip(["gif", "webp", "png"]) {
        assert_eq!(frames(content_type, &bytes), 4);
        assert!(holds_comment(&bytes));
        let photo = alice.upload(bytes.clone()).await;
        let token = alice.share(&photo, "link").await.unwrap();
        let owner = (&alice, photo.page(), photo.at("moving"), photo.at("large"));
        let shared = (&visitor, format!("/s/{token}"), format!("/i/{token}.{extension}"), format!("/s/{token}/large"));
        for (client, page, moving, still) in [owner, shared] {
            let page = client.get(&page).await.assert_status(200).html();
            assert!(page.contains(&format!("id=\"photo\" src=\"{moving}\" width=\"64\" height=\"48\"")), "{page}");
            let source = format!("<source media=\"(prefers-reduced-motion: reduce)\" srcset=\"{still}\">");
            assert!(page.contains(&source), "{page}");
            assert_eq!(client.get(&still).await.assert_status(200).header("content-type"), "image/webp");
        }
        let plays = [
            alice.get(&photo.at("moving")).await,
            visitor.get(&format!("/s/{token}/moving")).await,
            visitor.get(&format!("/i/{token}")).await,
            visitor.get(&format!("/i/{token}.{extension}")).await,
            visitor.get(&format!("/s/{token}/download")).await,
        ];
        for (at, answer) in plays.into_iter().enumerate() {
            let answer = answer.assert_status(200);
            assert_eq!(answer.header("content-type"), content_type);
            assert_eq!(frames(content_type, &answer.bytes), 4, "{content_type} {at}");
            assert!(!holds_comment(&answer.bytes), "{content_type} {at}");
        }
        assert_eq!(alice.get(&photo.at("original")).await.bytes, bytes, "the owner has what came");
        visitor.get(&photo.at("moving")).await.assert_status(404);
        alice.share(&photo, "private").await;
        visitor.get(&format!("/s/{token}/moving")).await.assert_status(404);
    }
    assert_eq!(app.stored_files().len(), 3 * 5);
}

#[tokio::test]
async fn the_gallery_marks_what_plays_and_shows_it_still() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let still = alice.upload(jpeg()).await;
    assert!(!alice.get("/photos").await.html().contains("class=\"plays\""));
    for (number, (_, bytes)) in (1..).zip(animations(2)) {
        let upload = Upload::new().file("moving", bytes);
        let card = alice.send(alice.upload_request(upload).header("HX-Request", "true")).await;
        assert_eq!(card.html().matches("class=\"plays\"").count(), 1, "in the answer to the upload");
        let gallery = alice.get("/photos").await.html();
        assert_eq!(gallery.matches("class=\"plays\"").count(), number);
        assert!(!gallery.contains("/moving"));
    }
    alice.share(&still, "public").await;
    assert!(!app.visitor().get("/u/alice").await.assert_status(200).html().contains("class=\"plays\""));
}

#[tokio::test]
async fn a_still_has_nothing_that_plays() {
    let app = TestApp::start().await;
    let (alice, bob, visitor) = (app.user("alice").await, app.user("bob").await, app.visitor());
    // One frame is a still, whatever could hold more.
    for bytes in [jpeg(), png(), gif(), webp(), moving_gif(1), apng(1)] {
        let photo = alice.upload(bytes).await;
        let token = alice.share(&photo, "public").await.unwrap();
        alice.get(&photo.page()).await.assert_status(200).assert_silent_about("moving");
        for client in [&alice, &bob, &visitor] {
            client.get(&photo.at("moving")).await.assert_status(404);
            client.get(&format!("/s/{token}/moving")).await.assert_status(404);
            let image = client.get(&format!("/i/{token}")).await.assert_status(200);
            assert_eq!(image.header("content-type"), "image/webp");
        }
    }
}

#[tokio::test]
async fn what_is_seen_through_stays_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    // Wider than the middle one of the renditions, so that they are of three sizes.
    let image = RgbaImage::from_fn(1300, 40, |x, _| match x {
        0..433 => Rgba([200, 30, 30, 0]),
        433..866 => Rgba([200, 30, 30, 128]),
        _ => Rgba([200, 30, 30, 255]),
    });
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let photo = alice.upload(encoded(&image.clone().into(), format)).await;
        for (name, width) in [("small", 480), ("medium", 1280), ("large", 1300)] {
            let bytes = alice.get(&photo.at(name)).await.assert_status(200).bytes;
            let rendition = image::load_from_memory_with_format(&bytes, ImageFormat::WebP).unwrap();
            assert_eq!(rendition.width(), width);
            let at = |part: u32| rendition.get_pixel(width * part / 6, rendition.height() / 2).0;
            let [clear, half, full] = [at(1), at(3), at(5)];
            assert!(clear[3] < 3 && half[3].abs_diff(128) < 4 && full[3] > 252, "{format:?} {name}");
            for pixel in [half, full] {
                assert!(pixel.iter().zip([200, 30, 30]).all(|(is, was)| is.abs_diff(was) < 12), "{name} {pixel:?}");
            }
        }
    }
}
