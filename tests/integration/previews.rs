//! What other sites show beside a link: a JPEG that is small enough for all of them, and the type that is asked for.

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

use crate::support::animations::{apng, gif as moving_gif, webp as moving_webp};
use crate::support::images::{corners, encoded, noise, size_of};
use crate::support::*;

/// The properties of a page for other sites.
fn property(page: &Answer, name: &str) -> String {
    let html = page.html();
    let (_, rest) = html.split_once(&format!("property=\"og:{name}\" content=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_links_preview_is_a_jpeg_that_messengers_take() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    let alice_says = app.program_of("alice").await;
    let clear: DynamicImage = RgbaImage::from_pixel(200, 100, Rgba([200, 30, 30, 0])).into();
    for (bytes, size) in [
        (encoded(&corners(3000, 2000), ImageFormat::Jpeg), (1200, 800)),
        (jpeg(), (64, 48)),
        (noise(1500), (1200, 1200)),
        (encoded(&clear, ImageFormat::Png), (200, 100)),
        (moving_gif(3), (64, 48)),
    ] {
        let photo = alice.upload(bytes).await;
        let token = alice.share(&photo, "link").await.unwrap();
        let page = visitor.get(&format!("/s/{token}")).await.assert_status(200);
        assert!(property(&page, "image").ends_with(&format!("/i/{token}.jpg")));
        assert_eq!(property(&page, "image:type"), "image/jpeg");
        let said = ["image:width", "image:height"].map(|name| property(&page, name).parse::<u32>().unwrap());
        assert_eq!(said, [size.0, size.1]);
        for extension in ["jpg", "jpeg", "JPG"] {
            let image = visitor.get(&format!("/i/{token}.{extension}")).await.assert_status(200);
            assert_eq!(image.header("content-type"), "image/jpeg");
            assert_eq!(size_of(&image.bytes, ImageFormat::Jpeg), size);
            assert!(image.bytes.len() < 300_000, "{} bytes", image.bytes.len());
        }
        // Again, in part, not again.
        let path = format!("/i/{token}.jpg");
        let whole = visitor.get(&path).await;
        let part = visitor.get_with(&path, &[("range", "bytes=2-9")]).await.assert_status(206);
        assert_eq!(part.bytes, whole.bytes[2..10]);
        visitor.get_with(&path, &[("if-none-match", whole.header("etag"))]).await.assert_status(304);
        if size.0 == 1200 {
            // What it is made of is as large as pages say.
            let medium = visitor.get(&format!("/s/{token}/medium")).await.assert_status(200);
            let said =
                alice_says.get(&format!("/api/v1/photos/{}", photo.id)).await.json()["renditions"]["medium"].clone();
            let (width, height) = size_of(&medium.bytes, ImageFormat::WebP);
            assert_eq!((said["width"].as_u64(), said["height"].as_u64()), (Some(width.into()), Some(height.into())));
        }
        alice.share(&photo, "private").await;
        visitor.get(&path).await.assert_status(404);
    }
}

#[tokio::test]
async fn an_extension_chooses_the_type_and_without_one_the_client_does() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    const BROWSER: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
    const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
    // Of each: what .gif, .png and .webp are, what most are sent, and who would rather have a JPEG than a WebP.
    for (bytes, by_extension, moving, rather) in [
        (jpeg(), ["image/webp", "image/webp", "image/webp"], "image/webp", "image/jpeg"),
        (moving_gif(3), ["image/gif", "image/gif", "image/webp"], "image/gif", "image/jpeg"),
        (moving_webp(3), ["image/webp", "image/webp", "image/webp"], "image/webp", "image/webp"),
        (apng(3), ["image/png", "image/png", "image/webp"], "image/png", "image/jpeg"),
    ] {
        let photo = alice.upload(bytes).await;
        let token = alice.share(&photo, "link").await.unwrap();
        for (extension, content_type) in ["gif", "png", "webp"].into_iter().zip(by_extension) {
            let image = visitor.get(&format!("/i/{token}.{extension}")).await.assert_status(200);
            assert_eq!(image.header("content-type"), content_type, "{moving} as .{extension}");
        }
        for (accept, content_type) in [
            ("*/*", moving),
            (BROWSER, moving),
            (PAGE, moving),
            ("image/jpeg", "image/jpeg"),
            ("image/jpeg, image/webp;q=0.5", rather),
            ("text/plain", moving),
        ] {
            let image = visitor.get_with(&format!("/i/{token}"), &[("accept", accept)]).await.assert_status(200);
            assert_eq!(image.header("content-type"), content_type, "{moving}: {accept}");
            assert!(image.header("vary").to_lowercase().contains("accept"), "{:?}", image.headers);
        }
    }
}
