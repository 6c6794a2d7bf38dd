//! What goes wrong, told to people, to scripts and to programs; and the headers every answer carries.

use reqwest::Method;

use crate::support::*;

#[tokio::test]
async fn an_error_is_a_page_a_fragment_or_json_with_the_requests_id() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (method, path, status, words) in [
        (Method::GET, "/nothing", 404, "Nothing here"),
        (Method::GET, "/photos/01a1fc12-baf3-76fe-baec-ddb41e978b19", 404, "Nothing here"),
        (Method::DELETE, "/photos", 405, "That did not work"),
        (Method::GET, "/photos?after=x", 400, "That did not work"),
        (Method::POST, "/photos/selection", 415, "That cannot be read"),
        (Method::POST, "/login", 415, "That cannot be read"),
    ] {
        let ask = async |headers: &[(&str, &str)]| {
            let request = alice.request(method.clone(), path).header("origin", app.origin());
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let answer = alice.send(request).await.assert_status(status);
            let id = answer.header("x-request-id").to_owned();
            assert!(id.len() >= 16, "{answer:?}");
            (answer.clone().assert_says(&id), id)
        };
        let (page, id) = ask(&[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]).await;
        assert!(page.header("content-type").starts_with("text/html") && page.html().contains("<html"));
        page.assert_says(words);
        let (other, other_id) = ask(&[]).await;
        assert_ne!(id, other_id);
        assert!(other.html().contains("<html"));
        let (fragment, _) = ask(&[("hx-request", "true")]).await;
        assert!(!fragment.html().contains("<html"), "{fragment:?}");
        fragment.assert_says(words);
        let (json, id) = ask(&[("accept", "application/json")]).await;
        assert_eq!(json.header("content-type"), "application/problem+json");
        let problem = json.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["title"], words);
        assert_eq!(problem["request_id"], id);
        assert!(problem["type"].is_string());
    }
}

#[tokio::test]
async fn a_405_says_what_is_allowed_and_a_path_is_not_shown_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = alice.request(Method::DELETE, "/photos").header("origin", app.origin());
    let answer = alice.send(request).await.assert_status(405);
    assert!(answer.header("allow").contains("GET") && answer.header("allow").contains("POST"), "{answer:?}");
    let page = alice.get("/<script>alert(1)</script>?\"><img src=x>").await.assert_status(404);
    assert!(!page.html().contains("<script>alert") && !page.html().contains("<img src=x"));
}

#[tokio::test]
async fn forms_that_are_too_long_or_of_another_kind_are_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let endless = "x".repeat(300_000);
    alice.post("/login", &[("username", &endless)]).await.assert_status(413);
    alice.post("/photos/selection", &[("photo", &endless)]).await.assert_status(413);
    let json = alice.request(Method::POST, "/login").header("origin", app.origin());
    let json = json.header("content-type", "application/json").body("{\"username\":\"alice\"}");
    alice.send(json).await.assert_status(415);
    let bent = alice.form("/login", &[]).body("username=%ff%fe&password=%00");
    let status = alice.send(bent).await.status;
    assert!([400, 422].contains(&status), "{status}");
}

/// One that has a cheap answer as long as it is short, and a costly one where lists are read before they are measured.
#[tokio::test]
async fn a_long_address_and_large_headers_are_refused_before_anything_reads_them() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let visitor = app.visitor();
    let many = |count: usize| (0..count).map(|n| format!("{n:04}")).collect::<Vec<_>>().join(",");
    for path in [
        format!("/u/alice?hashtag={}", many(2000)),
        format!("/{}", "x".repeat(9000)),
        format!("/login?{}", "a&".repeat(5000)),
    ] {
        visitor.get(&path).await.assert_status(414).assert_says("longer than 8 KiB");
    }
    let problem = visitor.get(&format!("/api/v1/hashtags?{}", "a=b&".repeat(3000))).await.assert_status(414);
    assert_eq!(problem.json()["type"], "urn:lumina:problem:too-large");
    for (name, value) in [
        ("accept", "text/html;q=0.5,".repeat(600)),
        ("accept-encoding", "gzip;q=0.5,".repeat(900)),
        ("cookie", "a=b; ".repeat(2000)),
        ("if-none-match", "\"a\",".repeat(2500)),
        ("range", format!("bytes={}", "0-1,".repeat(2500))),
        ("x-forwarded-for", "192.0.2.1,".repeat(900)),
    ] {
        let answer = visitor.get_with("/login", &[(name, &value)]).await.assert_status(431);
        assert!(!answer.header("content-security-policy").is_empty(), "{name}");
        answer.assert_says("32 KiB");
    }
    let five: Vec<_> = ["x-a", "x-b", "x-c", "x-d", "x-e"].into_iter().map(|name| (name, "x".repeat(7000))).collect();
    let headers: Vec<_> = five.iter().map(|(name, value)| (*name, value.as_str())).collect();
    visitor.get_with("/login", &headers).await.assert_status(431);
    visitor.get_with("/login", &headers[..4]).await.assert_status(200);
    visitor.get(&format!("/u/alice?hashtag={}", many(11))).await.assert_status(400).assert_says("at most 10");
    visitor.get(&format!("/login?next=/{}", "x".repeat(8000))).await.assert_status(200);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let token = alice.share(&photo, "public").await.unwrap();
    let css = alice.get("/photos").await.attributes("href").into_iter().find(|href| href.ends_with("app.css")).unwrap();
    let paths = [
        "/photos",
        "/hashtags",
        "/account",
        "/health",
        "/nothing",
        "/photos?after=x",
        "/login",
        "/u/alice",
        "/static/x/nothing",
        &css,
    ];
    let own = [photo.page(), photo.at("original"), photo.at("small"), format!("/s/{token}"), format!("/i/{token}")];
    for path in paths.into_iter().chain(own.iter().map(String::as_str)) {
        for answer in [alice.get(path).await, app.visitor().get(path).await] {
            let policy = answer.header("content-security-policy");
            let strict = policy.starts_with("default-src 'none'") || policy.starts_with("default-src 'self'");
            assert!(strict && !policy.contains("unsafe"), "{path}: {policy}");
            if policy.contains("'self'") {
                for part in ["frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "form-action 'self'"] {
                    assert!(policy.contains(part), "{path}: {part}");
                }
            }
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
            assert!(!answer.header("cross-origin-resource-policy").is_empty(), "{path}");
            assert!(!answer.header("cache-control").is_empty() && !answer.header("x-request-id").is_empty(), "{path}");
            assert!(answer.header("strict-transport-security").is_empty(), "{path}: not on http");
            for chatty in ["server", "x-powered-by"] {
                assert_eq!(answer.header(chatty), "", "{path}");
            }
        }
    }
    let forbidden = alice.send(alice.request(Method::POST, "/logout")).await.assert_status(403);
    assert_eq!(forbidden.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn health_says_ok() {
    let app = TestApp::start().await;
    let answer = app.visitor().get("/health").await.assert_status(200);
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(answer.json(), serde_json::json!({ "status": "ok" }));
}

#[tokio::test]
async fn a_fault_of_ours_is_owned_up_to_without_its_cause() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    // The bytes are lost behind the program's back: our fault, told without the cause.
    let original = app.stored_files().into_iter().find(|path| path.ends_with("original")).unwrap();
    std::fs::remove_file(app.data_dir().join(original)).unwrap();
    let page = alice.get(&photo.at("original")).await.assert_status(500).assert_says("Something went wrong");
    page.assert_silent_about("No such file").assert_silent_about("missing").assert_silent_about("storage");
    alice.get(&photo.page()).await.assert_status(200);
}
