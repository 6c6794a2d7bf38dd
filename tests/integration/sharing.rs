//! Who sees what of a shared photo.

use image::ImageFormat;

use crate::support::images::{Exif, size_of, with_exif};
use crate::support::*;

#[tokio::test]
async fn each_visibility_opens_exactly_its_doors() {
    let app = TestApp::start().await;
    let (alice, bob, nobody) = (app.user("alice").await, app.user("bob").await, app.visitor());
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    // Page, original, small, large; then /s/, /i/ with and without an extension; then the public page.
    let table = [
        ("private", [404, 404, 404, 404], [303, 303, 404, 404], [404; 3], 404),
        ("link", [404, 404, 404, 404], [303, 303, 404, 404], [200; 3], 404),
        ("public", [404, 404, 200, 200], [303, 303, 200, 200], [200; 3], 200),
    ];
    let mut token = "neverhadalinkbeforeabc".to_owned();
    for (visibility, stranger, none, shared, page) in table {
        token = alice.share(&photo, visibility).await.unwrap_or(token);
        let own = [photo.page(), photo.at("original"), photo.at("small"), photo.at("large")];
        let links = [format!("/s/{token}"), format!("/i/{token}"), format!("/i/{token}.webp")];
        // One's own public page is there even while nothing is on it.
        for (who, client, own_expected, page_expected) in
            [("owner", &alice, [200; 4], 200), ("stranger", &bob, stranger, page), ("nobody", &nobody, none, page)]
        {
            for (path, status) in own.iter().zip(own_expected).chain(links.iter().zip(shared)) {
                assert_eq!(client.get(path).await.status, status, "{visibility}, {who}, {path}");
            }
            assert_eq!(client.get("/u/alice").await.status, page_expected, "{visibility}, {who}, public page");
        }
    }
}

#[tokio::test]
async fn forbidden_looks_exactly_like_absent() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let photo = alice.upload(jpeg()).await;
    let absent = Photo { id: "01a1fc12-baf3-76fe-baec-ddb41e978b19".into() };
    let look = |answer: Answer, id: &str| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        let html = answer.html().replace(answer.header("x-request-id"), "").replace(id, "");
        (answer.status, names, html)
    };
    for what in ["original", "small", "large", "medium", ""] {
        let path = |photo: &Photo| if what.is_empty() { photo.page() } else { photo.at(what) };
        for client in [&bob, &app.visitor()] {
            let forbidden = look(client.get(&path(&photo)).await, &photo.id);
            assert_eq!(forbidden, look(client.get(&path(&absent)).await, &absent.id), "{what}");
        }
    }
    for action in ["delete", "restore"] {
        let forbidden = look(bob.post(&photo.at(action), &[]).await, &photo.id);
        assert_eq!(forbidden, look(bob.post(&absent.at(action), &[]).await, &absent.id));
    }
}

#[tokio::test]
async fn a_link_taken_back_is_dead_at_once_and_the_next_one_differs() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    let photo = alice.upload(jpeg()).await;
    let first = alice.share(&photo, "link").await.unwrap();
    assert!(first.len() >= 22, "not to be guessed: {first}");
    let bytes = visitor.get(&format!("/i/{first}")).await.assert_status(200);
    assert_eq!(alice.share(&photo, "public").await.unwrap(), first, "the link lives on");
    assert_eq!(alice.share(&photo, "private").await, None);
    let tag = bytes.header("etag");
    visitor.get_with(&format!("/i/{first}"), &[("if-none-match", tag)]).await.assert_status(404);
    for path in [format!("/s/{first}"), format!("/i/{first}"), format!("/i/{first}.jpg")] {
        visitor.get(&path).await.assert_status(404);
    }
    let second = alice.share(&photo, "link").await.unwrap();
    assert_ne!(first, second);
    visitor.get(&format!("/s/{first}")).await.assert_status(404);
    visitor.get(&format!("/s/{second}")).await.assert_status(200);
    for wrong in
        [second.to_lowercase(), second.to_uppercase(), second[..21].to_owned(), format!("{second}x"), "%25".into()]
    {
        visitor.get(&format!("/s/{wrong}")).await.assert_status(404);
    }
}

#[tokio::test]
async fn a_shared_page_shows_the_photo_and_nothing_about_its_file() {
    let app = TestApp::start_at("https://photos.example").await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    let exif = Exif { orientation: 1, make: "SecretMaker", taken: "2026:07:04 18:03:00" };
    let file = with_exif(&jpeg(), &exif);
    alice.post_upload(Upload::new().hashtags("secrettag").file("secret-name.jpg", file)).await.assert_status(303);
    let photo = alice.get("/photos").await.photos().remove(0);
    alice.post(&photo.page(), &[("title", "At the sea")]).await.assert_status(303);
    let token = alice.share(&photo, "link").await.unwrap();
    let own = alice.get(&photo.page()).await.assert_says(&format!("https://photos.example/s/{token}"));
    own.assert_says(&format!("https://photos.example/i/{token}.webp"));
    let page =
        visitor.get(&format!("/s/{token}")).await.assert_status(200).assert_says("At the sea").assert_says("alice");
    let html = page.html();
    for (property, content) in [
        ("og:title", "At the sea".to_owned()),
        ("og:url", format!("https://photos.example/s/{token}")),
        ("og:image", format!("https://photos.example/i/{token}.jpg")),
        ("og:image:type", "image/jpeg".to_owned()),
        ("og:image:width", "64".to_owned()),
        ("og:image:height", "48".to_owned()),
    ] {
        assert!(html.contains(&format!("property=\"{property}\" content=\"{content}\"")), "{property}: {html}");
    }
    assert!(html.contains(&format!("src=\"/i/{token}.webp\"")));
    for secret in ["secret-name", "SecretMaker", "secrettag", "example.org", &photo.id, "/original"] {
        page.clone().assert_silent_about(secret);
    }
    assert_eq!(page.header("x-robots-tag"), "noindex");
    for extension in ["", ".webp", ".jpg", ".png", ".anything"] {
        let image = visitor.get(&format!("/i/{token}{extension}")).await.assert_status(200);
        let (content_type, format) = match extension {
            ".jpg" => ("image/jpeg", ImageFormat::Jpeg),
            _ => ("image/webp", ImageFormat::WebP),
        };
        assert_eq!((image.header("content-type"), image.header("content-disposition")), (content_type, ""));
        assert_eq!(size_of(&image.bytes, format), (64, 48));
        assert!(!String::from_utf8_lossy(&image.bytes).contains("SecretMaker"));
        assert_eq!(image.header("cross-origin-resource-policy"), "cross-origin", "to be shown on other sites");
    }
}

#[tokio::test]
async fn the_public_page_shows_what_is_public_and_filters_by_it() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    let (public, link) =
        (alice.upload_tagged(jpeg(), "sea crete").await, alice.upload_tagged(jpeg(), "sea unseen").await);
    let private = alice.upload_tagged(jpeg(), "sea unseen").await;
    alice.share(&link, "link").await;
    visitor.get("/u/alice").await.assert_status(404);
    let token = alice.share(&public, "public").await.unwrap();
    for path in ["/u/alice", "/u/ALICE", "/u/alice?hashtag=sea", "/u/alice?hashtag=sea&hashtag=crete"] {
        for client in [&visitor, &alice] {
            let page = client.get(path).await.assert_status(200);
            assert_eq!(page.attributes("data-id"), [token.as_str()]);
            assert!(page.attributes("href").contains(&format!("/s/{token}")));
            let page = page.assert_silent_about("unseen").assert_silent_about(&public.id);
            page.assert_silent_about(&link.id).assert_silent_about(&private.id);
        }
    }
    let nothing = visitor.get("/u/alice?hashtag=unseen").await.assert_status(200);
    assert!(nothing.photos().is_empty());
    visitor.get("/u/nobody").await.assert_status(404);
    app.execute("UPDATE users SET active = false");
    for path in ["/u/alice", &format!("/s/{token}"), &format!("/i/{token}"), &public.at("small")] {
        visitor.get(path).await.assert_status(404);
    }
}

#[tokio::test]
async fn others_cannot_change_a_shared_photo() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let photo = alice.upload(jpeg()).await;
    alice.share(&photo, "public").await;
    for fields in [[("title", "Bob's")], [("visibility", "private")], [("hashtags", "bob")]] {
        bob.post(&photo.page(), &fields).await.assert_status(404);
        app.visitor().post(&photo.page(), &fields).await.assert_status(303);
    }
    assert_eq!(app.ask("SELECT title || visibility FROM photos"), "public");
}

#[tokio::test]
async fn the_next_public_page_tells_no_time() {
    let app = TestApp::start().await;
    app.user("alice").await;
    app.execute(
        "INSERT INTO photos (id, owner_id, filename, content_type, size_bytes, sha256, width, height, taken_at, visibility,
                             share_token)
         SELECT gen_random_uuid(), (SELECT id FROM users), 'n.jpg', 'image/jpeg', 1, decode(repeat('00', 32), 'hex'), 4, 3,
                timestamptz '2024-07-14 18:30:05.123456Z' - make_interval(mins => n), 'public', 'token' || n
         FROM generate_series(1, 62) n",
    );
    let first = app.visitor().get("/u/alice").await.assert_status(200);
    let next = first.attributes("hx-get").pop().unwrap();
    assert!(next.starts_with("/u/alice?after=token"), "{next}");
    let ids = app.ask("SELECT string_agg(id::text, ' ') FROM photos");
    assert!(!ids.split(' ').any(|id| first.text().contains(id)), "an id tells when a photo was uploaded");
    let second = app.visitor().get(&next).await.assert_status(200);
    assert_eq!(
        (first.text().matches("class=\"card ").count(), second.text().matches("class=\"card ").count()),
        (60, 2)
    );
    // The photo it goes on from is taken back meanwhile.
    let gone = next.rsplit('=').next().unwrap();
    app.execute(&format!("UPDATE photos SET visibility = 'private', share_token = NULL WHERE share_token = '{gone}'"));
    let again = app.visitor().get(&next).await.assert_status(200);
    assert_eq!(again.text().matches("class=\"card ").count(), 60);
}

#[tokio::test]
async fn a_visitors_download_that_broke_off_goes_on() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let token = alice.share(&photo, "link").await.unwrap();
    let (path, visitor) = (format!("/s/{token}/download"), app.visitor());
    let whole = visitor.get(&path).await.assert_status(200);
    let (size, tag) = (whole.bytes.len(), whole.header("etag").to_owned());
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let head = visitor.send(visitor.request(reqwest::Method::HEAD, &path)).await.assert_status(200);
    for name in ["content-length", "content-type", "content-disposition", "etag", "accept-ranges", "x-robots-tag"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    assert!(head.bytes.is_empty() && head.header("content-length") == size.to_string());
    let end = size - 1;
    for (range, first, last) in [
        ("bytes=0-9".to_owned(), 0, 9),
        (format!("bytes={}-", size / 2), size / 2, end),
        ("bytes=-7".to_owned(), size - 7, end),
        (format!("bytes=5-{}", size + 100), 5, end),
    ] {
        let part = visitor.get_with(&path, &[("range", &range), ("if-range", &tag)]).await.assert_status(206);
        assert_eq!(part.bytes, whole.bytes[first..=last], "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/{size}"));
        assert_eq!(part.header("content-disposition"), whole.header("content-disposition"));
    }
    let other = visitor.get_with(&path, &[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await.assert_status(200);
    assert_eq!(other.bytes, whole.bytes);
    let beyond = visitor.get_with(&path, &[("range", &format!("bytes={size}-"))]).await.assert_status(416);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    visitor.get_with(&path, &[("if-none-match", &tag)]).await.assert_status(304);
    alice.share(&photo, "private").await;
    for headers in [&[][..], &[("if-none-match", tag.as_str())], &[("range", "bytes=0-9")]] {
        visitor.get_with(&path, headers).await.assert_status(404);
    }
}
