//! Every route × everyone who may ask.

use std::collections::BTreeSet;

use Expected::{Is, Login};
use reqwest::Method;

use crate::support::*;

/// How a route answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// With this status, and not by sending to the login.
    Is(u16),
    /// By sending to the login.
    Login,
}

/// A method and a route's pattern; then what nobody, a stranger, the owner and a disabled user get. The photo is shared by
/// link; its page is not public.
type Row = (&'static str, &'static str, [Expected; 4]);

const EVERYONE: [Expected; 4] = [Is(200); 4];
const SIGNED_IN: [Expected; 4] = [Is(401), Is(200), Is(200), Is(401)];

const TABLE: &[Row] = &[
    ("GET", "/", [Is(200), Is(303), Is(303), Is(200)]),
    ("GET", "/register", [Is(200), Is(303), Is(303), Is(200)]),
    ("POST", "/register", [Is(422); 4]),
    ("GET", "/login", [Is(200), Is(303), Is(303), Is(200)]),
    ("POST", "/login", [Is(422); 4]),
    ("POST", "/logout", [Is(303); 4]),
    ("GET", "/photos", [Login, Is(200), Is(200), Login]),
    ("POST", "/photos", [Login, Is(303), Is(303), Login]),
    ("POST", "/photos/selection", [Login, Is(404), Is(303), Login]),
    ("GET", "/photos/{id}", [Login, Is(404), Is(200), Login]),
    ("POST", "/photos/{id}", [Login, Is(404), Is(303), Login]),
    ("POST", "/photos/{id}/delete", [Login, Is(404), Is(303), Login]),
    ("POST", "/photos/{id}/restore", [Login, Is(404), Is(303), Login]),
    ("GET", "/photos/{id}/original", [Login, Is(404), Is(200), Login]),
    ("GET", "/photos/{id}/{rendition}", [Is(404), Is(404), Is(200), Is(404)]),
    ("GET", "/s/{token}", EVERYONE),
    ("GET", "/s/{token}/download", EVERYONE),
    ("GET", "/s/{token}/{rendition}", EVERYONE),
    ("GET", "/i/{token}", EVERYONE),
    ("GET", "/u/{username}", [Is(404), Is(404), Is(200), Is(404)]),
    ("GET", "/hashtags", [Login, Is(200), Is(200), Login]),
    ("GET", "/account", [Login, Is(200), Is(200), Login]),
    ("POST", "/account", [Login, Is(422), Is(422), Login]),
    ("POST", "/account/password", [Login, Is(422), Is(422), Login]),
    ("POST", "/account/theme", [Is(303); 4]),
    ("POST", "/account/sessions/end-others", [Login, Is(303), Is(303), Login]),
    ("POST", "/account/sessions/{id}/end", [Login, Is(404), Is(303), Login]),
    ("POST", "/api/v1/auth/register", [Is(422); 4]),
    ("POST", "/api/v1/auth/token", [Is(401); 4]),
    ("POST", "/api/v1/auth/refresh", [Is(401); 4]),
    ("POST", "/api/v1/auth/logout", [Is(401), Is(204), Is(204), Is(401)]),
    ("GET", "/api/v1/auth/me", SIGNED_IN),
    ("GET", "/api/v1/photos", SIGNED_IN),
    ("POST", "/api/v1/photos", [Is(401), Is(201), Is(201), Is(401)]),
    ("GET", "/api/v1/photos/{id}", [Is(401), Is(404), Is(200), Is(401)]),
    ("PATCH", "/api/v1/photos/{id}", [Is(401), Is(404), Is(200), Is(401)]),
    ("DELETE", "/api/v1/photos/{id}", [Is(401), Is(404), Is(204), Is(401)]),
    ("GET", "/api/v1/hashtags", EVERYONE),
    ("POST", "/api/v1/hashtags", [Is(401), Is(422), Is(422), Is(401)]),
    ("GET", "/api/v1/hashtags/search", EVERYONE),
    ("GET", "/health", EVERYONE),
    ("GET", "/static/{build}/{path:.*}", EVERYONE),
];

/// What `src/routes.rs` has, one route a line.
pub fn routes() -> BTreeSet<(String, String)> {
    let source = include_str!("../../src/routes.rs");
    let lines = source
        .lines()
        .filter(|line| [".route(\"", "web::resource(\"", ".service(api(\""].iter().any(|start| line.contains(start)));
    let mut routes = BTreeSet::new();
    for line in lines {
        let pattern = line.split('"').nth(1).unwrap();
        let pattern = if line.contains("(api(") { format!("/api/v1{pattern}") } else { pattern.to_owned() };
        let calls = [("read()", "GET"), ("web::post()", "POST"), ("web::get()", "GET"), ("web::patch()", "PATCH")];
        let methods: Vec<_> =
            calls.into_iter().chain([("web::delete()", "DELETE")]).filter(|(call, _)| line.contains(call)).collect();
        assert!(!methods.is_empty(), "a method this test does not know: {line}");
        assert_eq!(line.matches(".to(").count(), methods.len(), "{line}");
        routes.extend(methods.into_iter().map(|(_, method)| (method.to_owned(), pattern.clone())));
    }
    routes
}

#[test]
fn the_table_has_every_route() {
    let table = TABLE.iter().map(|(method, pattern, _)| ((*method).to_owned(), (*pattern).to_owned())).collect();
    assert_eq!(routes(), table, "left: src/routes.rs, right: this table");
}

#[tokio::test]
async fn everyone_gets_what_is_theirs() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    app.execute("UPDATE users SET active = false WHERE username = 'carol'");
    for (method, pattern, expected) in TABLE {
        for (who, expected) in ["nobody", "stranger", "owner", "disabled"].into_iter().zip(expected) {
            // A new one each time, as some rows change it.
            let photo = alice.upload_tagged(jpeg(), "sea").await;
            let token = alice.share(&photo, "link").await.unwrap();
            if pattern.ends_with("/restore") {
                alice.post(&photo.at("delete"), &[]).await.assert_status(303);
            }
            let other_device = app.device_of("alice").await;
            let session = app.ask("SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1");
            let client = match who {
                "nobody" => app.visitor(),
                "stranger" => bob.copied(),
                "owner" if pattern.ends_with("/end") => alice.copied(),
                "owner" => other_device,
                _ => carol.copied(),
            };
            let path = fill(pattern, &photo, &token, &session);
            if pattern.starts_with("/api") {
                let slash = format!("{path}/");
                let path = if ["stranger", "disabled"].contains(&who) { &slash } else { &path };
                let answer = client.send(request(&client, method, path, &photo, &[])).await;
                assert_eq!(Is(answer.status), *expected, "{method} {path} for {who}: {answer:?}");
                assert!(
                    answer.status < 400 || answer.header("content-type") == "application/problem+json",
                    "{answer:?}"
                );
            }
            let kinds = [&[][..], &[("hx-request", "true")], &[("accept", "application/json")]];
            for kind in kinds.into_iter().filter(|_| !pattern.starts_with("/api")) {
                if kind.is_empty() || *expected == Login {
                    let answer = client.send(request(&client, method, &path, &photo, kind)).await;
                    let told = if answer.location().starts_with("/login") { Login } else { Is(answer.status) };
                    let expected = if kind.is_empty() { *expected } else { Is(401) };
                    assert_eq!(told, expected, "{method} {pattern} for {who} {kind:?}: {answer:?}");
                }
            }
            if pattern.ends_with("/logout") || pattern.ends_with("-others") {
                // These ended sessions this test goes on with.
                for (client, name) in [(&alice, "alice"), (&bob, "bob")] {
                    client.log_in(name, PASSWORD).await.assert_status(303);
                }
            }
        }
    }
}

/// The same table, for programs: what a cookie opens in the API, an access token does.
#[tokio::test]
async fn an_access_token_opens_what_the_cookie_opens() {
    let app = TestApp::start().await;
    let (alice, _, _) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let carol = app.program_of("carol").await;
    app.execute("UPDATE users SET active = false WHERE username = 'carol'");
    for (method, pattern, expected) in TABLE.iter().filter(|row| row.1.starts_with("/api")) {
        let (bob, owner) = (app.program_of("bob").await, app.program_of("alice").await);
        let dead = [Some(carol.access.clone()), Some("x".to_owned())].map(|token| (token, expected[3]));
        let alive = [(None, expected[0]), (Some(bob.access), expected[1]), (Some(owner.access), expected[2])];
        for (token, expected) in alive.into_iter().chain(dead) {
            let photo = alice.upload(jpeg()).await;
            let client = app.visitor();
            let request = request(&client, method, &fill(pattern, &photo, "", ""), &photo, &[]);
            let header = token.as_ref().map(|token| ("authorization", format!("Bearer {token}")));
            let request = header.iter().fold(request, |request, (name, value)| request.header(*name, value));
            let answer = client.send(request).await;
            assert_eq!(Is(answer.status), expected, "{method} {pattern} with {token:?}: {answer:?}");
            assert!(answer.status != 401 || answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
        }
    }
}

fn fill(pattern: &str, photo: &Photo, token: &str, session: &str) -> String {
    let id = if pattern.contains("sessions") { session } else { &photo.id };
    pattern
        .replace("{id}", id)
        .replace("{rendition}", "small")
        .replace("{token}", token)
        .replace("{username}", "alice")
        .replace("{build}", "any")
        .replace("{path:.*}", "app.css")
}

fn request(
    client: &Client,
    method: &str,
    path: &str,
    photo: &Photo,
    headers: &[(&str, &str)],
) -> reqwest::RequestBuilder {
    let request = match (method, path) {
        ("GET", _) => client.request(Method::GET, path),
        ("POST", "/api/v1/photos" | "/api/v1/photos/") => client.upload_to(path, Upload::new().file("a.jpg", jpeg())),
        (_, path) if path.starts_with("/api") => client.json(method.parse().unwrap(), path, &serde_json::json!({})),
        (_, "/photos") => client.upload_request(Upload::new().file("a.jpg", jpeg())),
        (_, "/photos/selection") => client.form(path, &[("photo", &photo.id), ("action", "delete")]),
        _ => client.form(path, &[]),
    };
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

#[tokio::test]
async fn other_methods_and_addresses_find_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let known = |pattern: &str| TABLE.iter().any(|row| row.0 == method.as_str() && row.1 == pattern);
        for (_, pattern, _) in TABLE.iter().filter(|row| !known(row.1)) {
            let path = fill(pattern, &photo, "token", "session");
            let answer = alice.send(alice.request(method.clone(), &path).header("origin", app.origin())).await;
            assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    for path in [
        "/nothing",
        "/photos/",
        "/photos/x",
        "/photos/1",
        "//photos",
        "/apiary",
        "/photos/x/small",
        "/s/",
        "/s/x/small",
        "/s/x/download",
        "/i/.webp",
    ] {
        alice.get(path).await.assert_status(404).assert_says("Nothing here");
    }
    let token = alice.share(&photo, "link").await.unwrap();
    for what in ["huge", "small.webp", "moving", "Small", "download"] {
        alice.get(&photo.at(what)).await.assert_status(404);
    }
    for what in ["huge", "small.webp", "moving", "Small", "original"] {
        alice.get(&format!("/s/{token}/{what}")).await.assert_status(404);
    }
    for path in ["/static/any/..%2f..%2fCargo.toml", "/static/any/", "/static/any/%00", "/static/any/css/bar.css"] {
        alice.get(path).await.assert_status(404);
    }
}
