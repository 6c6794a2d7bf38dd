//! Requests that another site made a browser send, and bodies that nobody may send.

use reqwest::Method;

use crate::access::fill;
use crate::support::*;

/// Every route that changes something, whatever is added to them: nothing here has to be said of a new one.
fn unsafe_routes(photo: &Photo, session: &str) -> Vec<(Method, String)> {
    let unsafe_only = lumina::routes::all().filter(|(method, _)| !method.is_safe());
    let methods = unsafe_only.map(|(method, pattern)| (method.as_str().parse().unwrap(), pattern));
    let mut routes: Vec<_> =
        methods.map(|(method, pattern)| (method, fill(&pattern, photo, "token", session))).collect();
    let with_slash: Vec<_> = routes.iter().filter(|(_, path)| path.starts_with("/api")).cloned().collect();
    routes.extend(with_slash.into_iter().map(|(method, path)| (method, format!("{path}/"))));
    routes
}

/// What a browser may be made to say, none of which proves that one of our own pages sent the request.
const FORGED: [&[(&str, &str)]; 9] = [
    &[],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://localhost:1")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    &[("origin", "null"), ("sec-fetch-site", "cross-site"), ("content-type", "text/plain")],
    &[("content-type", "text/plain")],
];

#[tokio::test]
async fn nothing_is_changed_from_another_site() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let session = app.ask("SELECT id FROM sessions");
    let before = everything(&app);
    for (method, path) in unsafe_routes(&photo, &session) {
        for headers in FORGED {
            let request = alice.request(method.clone(), &path);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let form = format!("photo={}&action=delete&title=evil&username=x&email=e%40evil.example", photo.id);
            // JSON that a form of another site can send: as text.
            let json = format!(r#"{{"name":"evil","title":"evil","username":"x","photo":"{}"}}"#, photo.id);
            let request = match headers.iter().any(|(name, _)| *name == "content-type") {
                true => request.body(json),
                false => request.header("content-type", "application/x-www-form-urlencoded").body(form),
            };
            let answer = alice.send(request).await;
            assert_eq!(answer.status, 403, "{method} {path} {headers:?}: {answer:?}");
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
    for (_, path) in unsafe_routes(&photo, &session) {
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
    [
        "users",
        "sessions",
        "settings",
        "invitations",
        "photos",
        "hashtags",
        "photo_hashtags",
        "hashtag_counts",
        "photo_counts",
        "removals",
        "idempotency_keys",
        "personal_access_tokens",
        "identities",
    ]
    .map(|table| app.ask(&format!("SELECT string_agg(t::text, '\n' ORDER BY t::text) FROM {table} t")))
    .join("\n")
}
