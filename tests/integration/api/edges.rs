//! What odd clients send.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use crate::support::*;

const PHOTOS: &str = "/api/v1/photos/";
const HASHTAGS: &str = "/api/v1/hashtags/";

#[tokio::test]
async fn a_method_that_a_call_has_not_is_told_those_it_has() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    for (pattern, expected) in [
        ("/api/v1/photos", "GET, HEAD, POST"),
        ("/api/v1/photos/01a1fc12-baf3-76fe-baec-ddb41e978b19", "DELETE, GET, HEAD, PATCH"),
        ("/api/v1/auth/token", "POST"),
        ("/api/v1/openapi.json", "GET, HEAD"),
        ("/health", "GET, HEAD"),
        ("/metrics", "GET, HEAD"),
    ] {
        let unknown = Method::from_bytes(b"BREW").unwrap();
        for method in [Method::PUT, Method::OPTIONS, Method::TRACE, unknown] {
            let slash = if pattern.starts_with("/api") { "/" } else { "" };
            for path in [pattern.to_owned(), format!("{pattern}{slash}")] {
                let answer = alice.send(alice.request(method.clone(), &path)).await.assert_status(405);
                let mut allowed: Vec<_> = answer.header("allow").split(", ").collect();
                allowed.sort_unstable();
                assert_eq!(allowed.join(", "), expected, "{method} {path}");
                assert_eq!(answer.json()["type"], "urn:lumina:problem:method-not-allowed");
            }
        }
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_a_body() {
    let app = TestApp::start().await;
    app.user("alice").await.upload(jpeg()).await;
    let alice = app.program_of("alice").await;
    for path in [PHOTOS, HASHTAGS, "/api/v1/auth/me", "/api/v1/openapi.json"] {
        let (head, get) = (alice.send(alice.request(Method::HEAD, path)).await, alice.get(path).await);
        assert!(head.bytes.is_empty());
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
    let tag = alice.get(PHOTOS).await.header("etag").to_owned();
    alice.send(alice.request(Method::HEAD, PHOTOS).header("if-none-match", tag)).await.assert_status(304);
}

#[tokio::test]
async fn a_body_that_is_no_json_of_the_right_shape_is_refused_with_the_right_status() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let json = "application/json";
    let long = format!("{{\"name\": \"{}\"}}", "a".repeat(300_000)).into_bytes();
    for (content_type, body, status) in [
        (json, b"{\"name\": \"\xff\"}".to_vec(), 400),
        (json, b"{\"name\": \"\\ud800\"}".to_vec(), 400),
        (json, b"".to_vec(), 400),
        (json, b"{\"name\": \"a\"} x".to_vec(), 400),
        (json, b"[".repeat(100_000), 422),
        (json, b"{\"name\": ".repeat(10_000), 422),
        (json, b"[\"a\"]".to_vec(), 422),
        (json, b"\"a\"".to_vec(), 422),
        (json, b"{\"name\": \"a\", \"name\": \"b\"}".to_vec(), 422),
        (json, b"{\"name\": \"a\", \"more\": 1}".to_vec(), 422),
        (json, b"{\"name\": null}".to_vec(), 422),
        (json, b"{\"name\": [\"a\"]}".to_vec(), 422),
        (json, b"{\"name\": \"a\\u0000b/\"}".to_vec(), 422),
        (json, long, 413),
        ("text/plain", b"{\"name\": \"a\"}".to_vec(), 415),
        ("application/x-www-form-urlencoded", b"name=a".to_vec(), 415),
        ("", b"{\"name\": \"a\"}".to_vec(), 415),
        ("nonsense", b"{\"name\": \"a\"}".to_vec(), 415),
        ("application/json; charset=utf-8", b"{\"name\": \"a\"}".to_vec(), 201),
    ] {
        let request = alice.request(Method::POST, HASHTAGS).header(CONTENT_TYPE, content_type).body(body.clone());
        let answer = alice.send(request).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, status, "{content_type} {shown}: {answer:?}");
        assert!(status < 400 || answer.header("content-type") == "application/problem+json", "{answer:?}");
    }
    assert_eq!(app.ask("SELECT count(*) FROM hashtags"), "1");
}

#[tokio::test]
async fn an_upload_of_another_type_is_told_the_right_one() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    for content_type in ["application/json", "image/jpeg", "multipart/form-data", "multipart/form-data; boundary=", ""]
    {
        let request = alice.request(Method::POST, PHOTOS).header(CONTENT_TYPE, content_type).body(jpeg());
        let problem = alice.send(request).await.assert_status(415).json();
        assert!(problem["detail"].as_str().unwrap().contains("multipart/form-data"), "{content_type}: {problem}");
    }
    let cut = Upload::new().file("a.jpg", jpeg()).into_bytes();
    let request = alice.request(Method::POST, PHOTOS).header(CONTENT_TYPE, Upload::content_type());
    alice.send(request.body(cut[..cut.len() - 40].to_vec())).await.assert_status(400);
    assert!(app.stored_files().is_empty());
}

#[tokio::test]
async fn limits_and_filters_at_their_edges() {
    let app = TestApp::start().await;
    app.user("alice").await.upload_tagged(jpeg(), "a b c d e f g h i j k").await;
    let alice = app.program_of("alice").await;
    for (query, status) in [
        ("limit=1", 200),
        ("limit=200", 200),
        ("limit=", 200),
        ("limit=%31", 200),
        ("limit=0", 422),
        ("limit=201", 422),
        ("limit=-1", 422),
        ("limit=1.5", 422),
        ("limit=1e2", 422),
        ("limit=18446744073709551616", 422),
        ("limit=%20", 422),
        ("limit=%ff", 422),
        ("limit=%zz", 422),
        ("after=", 200),
        ("after=0.00000000000000000000000000000000", 200),
        ("after=x", 400),
        ("hashtag=", 200),
        ("hashtag=%00", 200),
        ("hashtag=a&hashtag=b&hashtag=c&hashtag=d&hashtag=e&hashtag=f&hashtag=g&hashtag=h&hashtag=i&hashtag=j", 200),
        ("hashtag=a,b,c,d,e,f,g,h,i,j,k", 400),
        ("nothing=of&this=kind", 200),
    ] {
        let answer = alice.get(&format!("{PHOTOS}?{query}")).await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn a_photo_can_be_shared_as_it_comes() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let bytes = jpeg();
    let upload = |visibility: &str| Upload::new().field("visibility", visibility).file("a.jpg", bytes.clone());
    for visibility in ["all", "Link", "link link"] {
        let problem = alice.upload(upload(visibility)).await.assert_status(422).json();
        assert!(problem["errors"]["visibility"].is_array(), "{problem}");
    }
    assert!(app.stored_files().is_empty());
    let photo = alice.upload(upload("link")).await.assert_status(201).json();
    assert_eq!(photo["visibility"], "link");
    let public = photo["public_url"].as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
    app.visitor().get(&public).await.assert_status(200);
    let again = alice.upload(Upload::new().file("a.jpg", bytes.clone())).await.assert_status(200).json();
    assert_eq!(again["public_url"], photo["public_url"], "what nobody speaks of stays as it is");
    let twice = Upload::new().hashtags("sea").hashtags("crete").file("b.jpg", png());
    assert_eq!(alice.upload(twice).await.assert_status(201).json()["hashtags"], json!(["crete", "sea"]));
}

/// What a custom uploader of ShareX does with the file from the account page.
#[tokio::test]
async fn sharex_uploads_as_its_file_says() {
    let app = TestApp::start().await;
    let browser = app.user("alice").await;
    let file = browser.get("/account/sharex").await.assert_status(200);
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"lumina.sxcu\"");
    let uploader = file.json();
    let at = uploader["RequestURL"].as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
    assert_eq!(
        (uploader["RequestMethod"].as_str(), uploader["Body"].as_str()),
        (Some("POST"), Some("MultipartFormData"))
    );
    let form = uploader["Arguments"].as_object().unwrap().iter();
    let form = form.fold(Upload::new(), |form, (name, value)| form.field(name, value.as_str().unwrap()));
    assert_eq!(uploader["FileFormName"], "file");
    let alice = app.program_of("alice").await;
    let header = uploader["Headers"]["Authorization"].as_str().unwrap().replace("PUT_YOUR_TOKEN_HERE", &alice.access);
    let client = app.visitor();
    let request = client.request(Method::POST, &at).header("authorization", header);
    let request = request.header(CONTENT_TYPE, Upload::content_type()).body(form.file("shot.png", png()).into_body());
    let answer = client.send(request).await.assert_status(201).json();
    let path_of = |template: &str| {
        let path = template.trim_start_matches("{json:").trim_end_matches('}').replace('.', "/");
        answer.pointer(&format!("/{path}")).unwrap().as_str().unwrap().to_owned()
    };
    let url = path_of(uploader["URL"].as_str().unwrap());
    app.visitor().get(url.strip_prefix(&app.origin()).unwrap()).await.assert_status(200);
    path_of(uploader["ThumbnailURL"].as_str().unwrap());
    let account = browser.get("/account").await.assert_status(200).assert_says("ShareX").assert_says("curl -H");
    account.assert_says("/docs");
}
