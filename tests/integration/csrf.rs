//! Requests that another site made a browser send, and bodies that nobody may send.

use reqwest::Method;

use crate::support::*;

/// Every POST of a page that changes something; `{photo}` and `{session}` stand for true ones.
const UNSAFE: [&str; 13] = [
    "/register",
    "/login",
    "/logout",
    "/photos",
    "/photos/selection",
    "/photos/{photo}",
    "/photos/{photo}/delete",
    "/photos/{photo}/restore",
    "/account",
    "/account/password",
    "/account/theme",
    "/account/sessions/end-others",
    "/account/sessions/{session}/end",
];

/// The same in the API.
const UNSAFE_API: [(&str, &str); 9] = [
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/token"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/photos"),
    ("PATCH", "/api/v1/photos/{photo}"),
    ("DELETE", "/api/v1/photos/{photo}"),
    ("POST", "/api/v1/hashtags"),
    ("DELETE", "/api/v1/photos/{photo}/"),
];

/// All of them.
fn unsafe_routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    UNSAFE.into_iter().map(|path| ("POST", path)).chain(UNSAFE_API)
}

#[test]
fn every_route_that_changes_something_is_tried() {
    let plain = |path: &str| path.replace("{photo}", "{id}").replace("{session}", "{id}");
    for (method, path) in crate::access::routes().into_iter().filter(|(method, _)| method != "GET") {
        assert!(unsafe_routes().any(|(known, at)| known == method && plain(at) == path), "{method} {path}");
    }
}

/// What a browser may be made to say, none of which proves that one of our own pages sent the request.
const FORGED: [&[(&str, &str)]; 8] = [
    &[],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://localhost:1")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    &[("origin", "null"), ("sec-fetch-site", "cross-site"), ("content-type", "text/plain")],
];

#[tokio::test]
async fn nothing_is_changed_from_another_site() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let session = app.ask("SELECT id FROM sessions");
    let before = everything(&app);
    for (method, path) in unsafe_routes() {
        let path = path.replace("{photo}", &photo.id).replace("{session}", &session);
        for headers in FORGED {
            let request = alice.request(method.parse().unwrap(), &path);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let body = format!("photo={}&action=delete&title=evil&username=x&email=e%40evil.example", photo.id);
            let request = match headers.iter().any(|(name, _)| *name == "content-type") {
                true => request.body(body),
                false => request.header("content-type", "application/x-www-form-urlencoded").body(body),
            };
            let answer = alice.send(request).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}: {answer:?}");
        }
    }
    assert_eq!(everything(&app), before);
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn our_own_pages_and_programs_without_a_cookie_pass() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let host = app.base().trim_start_matches("http://");
    let (public, by_address) = (app.origin(), format!("http://{host}"));
    let proofs: [&[(&str, &str)]; 4] = [
        &[("origin", &public)],
        &[("origin", &by_address)],
        &[("sec-fetch-site", "same-origin"), ("origin", &public)],
        &[("sec-fetch-site", "none")],
    ];
    for headers in proofs {
        let request = alice.request(Method::POST, "/account/theme").form(&[("theme", "dark")]);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        alice.send(request).await.assert_status(303);
    }
    let program = app.visitor();
    let login = program.request(Method::POST, "/login").form(&[("username", "alice"), ("password", PASSWORD)]);
    program.send(login).await.assert_status(303);
}

#[tokio::test]
async fn reading_changes_nothing_and_no_method_is_overridden() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let session = app.ask("SELECT id FROM sessions");
    let before = everything(&app);
    for (_, path) in unsafe_routes() {
        let path = path.replace("{photo}", &photo.id).replace("{session}", &session);
        let query = format!("{path}?_method=POST&title=evil&action=delete&photo={}&theme=dark", photo.id);
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let request = alice.request(method.clone(), &query).header("x-http-method-override", "POST");
            let answer = alice.send(request).await;
            assert!([200, 303, 400, 404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    assert_eq!(everything(&app), before);
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn a_compressed_body_is_refused_before_anyone_unpacks_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for encoding in ["gzip", "br", "zstd", "deflate", "identity, gzip"] {
        for path in ["/login", "/photos", "/photos/selection"] {
            let request = alice.form(path, &[("username", "alice")]).header("content-encoding", encoding);
            alice.send(request).await.assert_status(415).assert_says("without compressing");
        }
    }
}

/// All rows that a request might change, in one text.
fn everything(app: &TestApp) -> String {
    ["users", "sessions", "photos", "hashtags", "photo_hashtags", "hashtag_counts", "photo_counts", "removals"]
        .map(|table| app.ask(&format!("SELECT string_agg(t::text, '\n' ORDER BY t::text) FROM {table} t")))
        .join("\n")
}
