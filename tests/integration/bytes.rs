//! Serving stored bytes: ranges, caching, and names nobody can be harmed by.

use reqwest::Method;

use crate::support::*;

#[tokio::test]
async fn parts_can_be_asked_for() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let whole = jpeg();
    let path = alice.upload(whole.clone()).await.at("original");
    let size = whole.len();
    let plain = alice.get(&path).await.assert_status(200);
    assert_eq!(plain.header("accept-ranges"), "bytes");
    assert_eq!(plain.header("content-length"), size.to_string());
    for (range, first, last) in [
        ("bytes=0-9".to_owned(), 0, 9),
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=100-".to_owned(), 100, size - 1),
        ("bytes=-5".to_owned(), size - 5, size - 1),
        (format!("bytes=10-{}", size + 1000), 10, size - 1),
        (format!("bytes=-{}", size + 1000), 0, size - 1),
    ] {
        let part = alice.get_with(&path, &[("range", &range)]).await.assert_status(206);
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/{size}"), "{range}");
        assert_eq!(part.header("content-length"), (last - first + 1).to_string());
        assert_eq!(part.bytes, whole[first..=last], "{range}");
    }
    for range in [format!("bytes={size}-"), format!("bytes={}-{}", size + 5, size + 9), "bytes=-0".into()] {
        let none = alice.get_with(&path, &[("range", &range)]).await.assert_status(416);
        assert_eq!(none.header("content-range"), format!("bytes */{size}"), "{range}");
    }
    for range in ["bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes"] {
        let answer = alice.get_with(&path, &[("range", range)]).await.assert_status(200);
        assert_eq!(answer.bytes, whole, "{range}");
    }
}

#[tokio::test]
async fn what_one_has_already_is_not_sent_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let mut tags = Vec::new();
    for what in ["original", "small", "large"] {
        let path = photo.at(what);
        let first = alice.get(&path).await.assert_status(200);
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && !tags.contains(&tag), "strong, and each its own: {tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
            let again = alice.get_with(&path, &[("if-none-match", &known)]).await.assert_status(304);
            assert!(again.bytes.is_empty());
            assert_eq!(
                (again.header("etag"), again.header("cache-control")),
                (tag.as_str(), first.header("cache-control"))
            );
        }
        alice.get_with(&path, &[("if-none-match", "\"other\"")]).await.assert_status(200);
        let same = alice.get_with(&path, &[("range", "bytes=0-9"), ("if-range", &tag)]).await;
        same.assert_status(206);
        for other in ["\"other\"", "Wed, 21 Oct 2015 07:28:00 GMT", "rubbish"] {
            let whole = alice.get_with(&path, &[("range", "bytes=0-9"), ("if-range", other)]).await.assert_status(200);
            assert_eq!(whole.bytes, first.bytes);
        }
        tags.push(tag);
    }
}

#[tokio::test]
async fn head_is_get_without_the_bytes() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let shared = [format!("/s/{token}"), format!("/i/{token}"), "/u/alice".to_owned()];
    let own = [photo.page(), photo.at("original"), photo.at("small"), photo.at("large")];
    let pages = ["/photos", "/hashtags", "/account", "/health"].map(str::to_owned);
    for path in shared.into_iter().chain(own).chain(pages) {
        let get = alice.get(&path).await.assert_status(200);
        let head = alice.send(alice.request(Method::HEAD, &path)).await.assert_status(200);
        assert!(head.bytes.is_empty(), "{path}");
        for name in ["content-type", "etag", "cache-control", "content-disposition"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        if path.contains("original") {
            assert_eq!(head.header("content-length"), get.bytes.len().to_string(), "{path}");
        }
    }
    let ranged = alice.request(Method::HEAD, &photo.at("original")).header("range", "bytes=0-9");
    assert!(alice.send(ranged).await.bytes.is_empty());
}

#[tokio::test]
async fn bytes_may_be_kept_by_whom_they_are_for() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let caching = async |path: &str| alice.get(path).await.assert_status(200).header("cache-control").to_owned();
    for what in ["original", "small", "large"] {
        assert_eq!(caching(&photo.at(what)).await, "private, max-age=31536000, immutable");
    }
    let token = alice.share(&photo, "link").await.unwrap();
    assert!(caching(&photo.at("small")).await.starts_with("private"));
    assert_eq!(caching(&format!("/i/{token}")).await, "private, no-cache", "a link can be taken back");
    let token = alice.share(&photo, "public").await.unwrap();
    assert_eq!(caching(&photo.at("small")).await, "private, max-age=31536000, immutable", "the owner's own");
    assert_eq!(app.visitor().get(&photo.at("small")).await.header("cache-control"), "private, no-cache");
    assert_eq!(caching(&format!("/i/{token}")).await, "public, max-age=10, must-revalidate");
    assert!(caching(&photo.at("original")).await.starts_with("private"), "nobody else gets the original");
    assert_eq!(caching("/photos").await, "private, no-cache");
}

#[tokio::test]
async fn nothing_in_the_bytes_can_run() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut polyglot = gif();
    polyglot.extend(b"<script>alert(document.domain)</script>");
    let photo = alice.upload(polyglot).await;
    let token = alice.share(&photo, "link").await.unwrap();
    for path in [photo.at("original"), photo.at("small"), photo.at("large"), format!("/i/{token}.html")] {
        for headers in [&[][..], &[("range", "bytes=0-9")], &[("if-none-match", "*")]] {
            let answer = alice.get_with(&path, headers).await;
            assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox", "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert!(!answer.header("cross-origin-resource-policy").is_empty(), "{path}");
            assert!(["image/gif", "image/webp"].contains(&answer.header("content-type")), "{path} {answer:?}");
        }
    }
    let rendition = alice.get(&photo.at("large")).await;
    assert!(!String::from_utf8_lossy(&rendition.bytes).contains("script"), "no trailing bytes in a rendition");
}

#[tokio::test]
async fn evil_names_are_only_names() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let long = format!("{}.jpg", "n".repeat(300));
    let names = [
        "holiday.jpg",
        "a\"b.jpg",
        "a'b.jpg",
        "a\r\nSet-Cookie: evil=1.jpg",
        "\u{202e}gpj.exe",
        "../../../etc/passwd",
        "C:\\Windows\\system32\\a.jpg",
        "/etc/passwd",
        "..",
        ".",
        &long,
        "🏝️ Kreta 2026.jpg",
        "<script>alert(1)</script>.jpg",
        "<img src=x onerror=alert(1)>.png",
        "a;filename=evil.exe",
        "a%00.jpg",
        "a%2e%2e%2fb.jpg",
        "\\\"; filename*=UTF-8''evil.exe",
        "écoute — „Zitat“.jpg",
        "日本の写真.jpg",
        " spaces . jpg ",
        "CON.jpg",
        "-rf.jpg",
        "{{7*7}}.jpg",
        "a\tb.jpg",
    ];
    for name in names {
        let answer = alice.post_upload(Upload::new().file(name, jpeg())).await.assert_status(303);
        assert!(answer.headers.get("set-cookie").is_none_or(|cookie| !cookie.to_str().unwrap().contains("evil")));
        let photo = alice.get("/photos").await.photos().remove(0);
        let kept = app.ask(&format!("SELECT filename FROM photos WHERE id = '{}'", photo.id));
        assert!(!kept.contains(['/', '\\']) && !kept.chars().any(char::is_control), "{kept:?}");
        assert!((1..=255).contains(&kept.chars().count()), "{kept:?}");
        let page = alice.get(&photo.page()).await.assert_status(200);
        let html = page.html();
        assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "escaped: {name}");
        page.assert_says(&kept);
        let original = alice.get(&photo.at("original")).await.assert_status(200);
        let disposition = original.headers.get("content-disposition").unwrap().as_bytes();
        assert!(disposition.is_ascii() && !disposition.iter().any(u8::is_ascii_control), "{name}");
        let disposition = String::from_utf8(disposition.to_vec()).unwrap();
        assert!(disposition.starts_with("inline; filename=\""), "{disposition}");
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
        let encoded = disposition.rsplit("filename*=UTF-8''").next().unwrap();
        let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        assert_eq!(decoded, kept, "{disposition}");
    }
    let stored = app.stored_files();
    assert_eq!(stored.len(), names.len() * 4);
    assert!(stored.iter().all(|path| path.is_ascii() && path.starts_with("photos/")), "{stored:?}");
}

#[tokio::test]
async fn a_name_with_a_control_character_is_refused_whole() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = Upload::new().file("good.jpg", jpeg()).file("bell\u{7}.jpg", jpeg());
    alice.post_upload(upload).await.assert_status(400).assert_says("Nothing was kept");
    assert_eq!((app.ask("SELECT count(*) FROM photos").as_str(), app.stored_files().len()), ("0", 0));
}
