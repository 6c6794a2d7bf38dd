//! Every route × everyone who may ask.

mod representations;

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

/// Who asks, in the order of a row. The photo asked for is shared by link; its owner's page shows nothing public. The
/// last one is nobody who had the link before it was taken back.
const PEOPLE: [&str; 6] = ["nobody", "stranger", "owner", "admin", "disabled", "revoked"];

/// A method and a route's pattern; then what each of [`PEOPLE`] gets.
type Row = (&'static str, &'static str, [Expected; 6]);

/// The same for all.
const fn all(status: u16) -> [Expected; 6] {
    [Is(status); 6]
}

/// A page of whoever is signed in.
const fn members(status: u16) -> [Expected; 6] {
    [Login, Is(status), Is(status), Is(status), Login, Login]
}

/// Where those who are signed in are sent on.
const fn visitors(status: u16) -> [Expected; 6] {
    [Is(status), Is(303), Is(303), Is(303), Is(status), Is(status)]
}

/// A page of the photo's owner: others get what they get of a photo that does not exist.
const fn owners(status: u16) -> [Expected; 6] {
    [Login, Is(404), Is(status), Is(404), Login, Login]
}

/// What is the owner's and not worth a login.
const fn owner_alone(status: u16) -> [Expected; 6] {
    [Is(404), Is(404), Is(status), Is(404), Is(404), Is(404)]
}

/// For whoever has the link.
const fn linked(status: u16) -> [Expected; 6] {
    [Is(status), Is(status), Is(status), Is(status), Is(status), Is(404)]
}

/// For admins alone: to others these addresses lead nowhere.
const fn admins(status: u16) -> [Expected; 6] {
    [Is(404), Is(404), Is(404), Is(status), Is(404), Is(404)]
}

/// In the API, for whoever is signed in.
const fn api_members(status: u16) -> [Expected; 6] {
    [Is(401), Is(status), Is(status), Is(status), Is(401), Is(401)]
}

/// In the API, for the photo's owner.
const fn api_owners(status: u16) -> [Expected; 6] {
    [Is(401), Is(404), Is(status), Is(404), Is(401), Is(401)]
}

/// One line a route. Bodies are empty forms or empty JSON objects unless `request` below knows better.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("GET", "/", visitors(200)),
    ("GET", "/register", visitors(200)),
    ("POST", "/register", all(422)),
    ("GET", "/login", visitors(200)),
    ("POST", "/login", all(422)),
    // Without a provider there is nothing.
    ("GET", "/login/oidc", all(404)),
    ("GET", "/login/oidc/callback", all(404)),
    ("POST", "/logout", all(303)),
    ("GET", "/photos", members(200)),
    ("POST", "/photos", members(303)),
    ("POST", "/photos/selection", owners(303)),
    ("GET", "/photos/{id}", owners(200)),
    ("POST", "/photos/{id}", owners(303)),
    ("POST", "/photos/{id}/delete", owners(303)),
    ("POST", "/photos/{id}/restore", owners(303)),
    ("GET", "/photos/{id}/original", owners(200)),
    ("GET", "/photos/{id}/{rendition}", owner_alone(200)),
    ("GET", "/s/{token}", linked(200)),
    ("GET", "/s/{token}/download", linked(200)),
    ("GET", "/s/{token}/{rendition}", linked(200)),
    ("GET", "/i/{token}", linked(200)),
    ("GET", "/u/{username}", owner_alone(200)),
    ("GET", "/hashtags", members(200)),
    ("GET", "/account", members(200)),
    ("POST", "/account", members(422)),
    ("POST", "/account/password", members(422)),
    ("POST", "/account/theme", all(303)),
    ("GET", "/account/sharex", members(200)),
    ("POST", "/account/sessions/end-others", members(303)),
    ("POST", "/account/sessions/{id}/end", owners(303)),
    ("GET", "/admin/people", admins(200)),
    ("GET", "/admin/people/{id}", admins(200)),
    ("POST", "/admin/people/{id}/role", admins(422)),
    ("POST", "/admin/people/{id}/quota", admins(303)),
    ("POST", "/admin/people/{id}/email", admins(422)),
    ("GET", "/admin/people/{id}/delete", admins(200)),
    ("POST", "/admin/people/{id}/delete", admins(422)),
    ("POST", "/admin/people/{id}/disable", admins(303)),
    ("POST", "/admin/people/{id}/enable", admins(303)),
    ("GET", "/admin/registration", admins(200)),
    ("POST", "/admin/registration", admins(303)),
    ("POST", "/admin/invitations", admins(422)),
    ("POST", "/admin/invitations/{id}/revoke", admins(404)),
    ("POST", "/account/identity", members(404)),
    ("POST", "/account/identity/end", members(404)),
    ("POST", "/account/tokens", members(422)),
    // No token has a photo's id.
    ("POST", "/account/tokens/{id}/end", members(404)),
    ("POST", "/api/v1/auth/register", all(422)),
    ("POST", "/api/v1/auth/token", all(401)),
    ("POST", "/api/v1/auth/refresh", all(401)),
    ("GET", "/api/v1/auth/login", all(404)),
    ("GET", "/api/v1/auth/callback", all(404)),
    ("POST", "/api/v1/auth/logout", api_members(204)),
    ("GET", "/api/v1/auth/me", api_members(200)),
    ("GET", "/api/v1/photos", api_members(200)),
    ("POST", "/api/v1/photos", api_members(201)),
    ("POST", "/api/v1/photos/upload-url", api_members(422)),
    // Whoever has its secret; nobody here has.
    ("PUT", "/api/v1/photos/uploads/{id}", all(404)),
    ("POST", "/api/v1/photos/confirm", api_members(422)),
    ("GET", "/api/v1/photos/{id}", api_owners(200)),
    ("PATCH", "/api/v1/photos/{id}", api_owners(200)),
    ("DELETE", "/api/v1/photos/{id}", api_owners(204)),
    ("GET", "/api/v1/hashtags", all(200)),
    ("POST", "/api/v1/hashtags", api_members(422)),
    ("GET", "/api/v1/hashtags/search", all(200)),
    // Nobody created one of this name.
    ("DELETE", "/api/v1/hashtags/{name}", api_members(404)),
    ("GET", "/api/v1/openapi.json", all(200)),
    ("GET", "/api/v1/docs", all(200)),
    ("GET", "/docs", all(200)),
    ("GET", "/metrics", all(200)),
    ("GET", "/health", all(200)),
    ("GET", "/static/{build}/{path:.*}", all(200)),
];

/// What the program's own table has: nothing is routed that is not in it.
fn routes() -> BTreeSet<(String, String)> {
    lumina::routes::all().map(|(method, pattern)| (method.to_string(), pattern)).collect()
}

#[test]
fn the_table_has_every_route() {
    let table: BTreeSet<_> =
        TABLE.iter().map(|(method, pattern, _)| ((*method).to_owned(), (*pattern).to_owned())).collect();
    let missing: Vec<_> = routes().difference(&table).cloned().collect();
    let gone: Vec<_> = table.difference(&routes()).cloned().collect();
    assert!(missing.is_empty() && gone.is_empty(), "say above who may use {missing:?}, and drop {gone:?}");
    assert_eq!(table.len(), TABLE.len(), "a route stands here twice");
}

/// Everyone of [`PEOPLE`]; the first account is the admin's.
struct Cast {
    app: TestApp,
    admin: Client,
    alice: Client,
    bob: Client,
    carol: Client,
}

impl Cast {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let (admin, alice) = (app.user("root").await, app.user("alice").await);
        let (bob, carol) = (app.user("bob").await, app.user("carol").await);
        app.user("dave").await;
        app.execute("UPDATE users SET active = false WHERE username = 'carol'");
        Self { app, admin, alice, bob, carol }
    }

    /// A photo of alice's, and the secret of its link.
    async fn shared_photo(&self) -> (Photo, String) {
        let photo = self.alice.upload_tagged(jpeg(), "sea").await;
        let token = self.alice.share(&photo, "link").await.unwrap();
        (photo, token)
    }

    /// Some rows end sessions this test goes on with.
    async fn sign_in_again(&self) {
        for (client, name) in [(&self.alice, "alice"), (&self.bob, "bob"), (&self.admin, "root")] {
            client.log_in(name, PASSWORD).await.assert_status(303);
        }
    }
}

/// Whether a route changes the photo it names.
fn changes_photo(method: &str, pattern: &str) -> bool {
    method != "GET" && (pattern.contains("photos/{id}") || pattern.ends_with("/selection"))
}

#[tokio::test]
async fn everyone_gets_what_is_theirs() {
    let cast = Cast::start().await;
    let Cast { app, admin, alice, bob, carol } = &cast;
    let (standing, taken_back) = (cast.shared_photo().await, cast.shared_photo().await);
    alice.share(&taken_back.0, "private").await;
    for (method, pattern, expected) in TABLE {
        for (who, expected) in PEOPLE.into_iter().zip(expected) {
            // A new one where it may change.
            let (photo, token) = match who {
                "revoked" => taken_back.clone(),
                _ if changes_photo(method, pattern) => cast.shared_photo().await,
                _ => standing.clone(),
            };
            if pattern.ends_with("/restore") && who != "revoked" {
                alice.post(&photo.at("delete"), &[]).await.assert_status(303);
            }
            let ends_sessions = pattern.contains("sessions") || pattern.ends_with("logout");
            let other_device = if ends_sessions { app.device_of("alice").await } else { alice.copied() };
            let session = match ends_sessions {
                true => app.ask("SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1"),
                false => String::new(),
            };
            let client = match who {
                "nobody" | "revoked" => app.visitor(),
                "stranger" => bob.copied(),
                "owner" if pattern.ends_with("/end") => alice.copied(),
                "owner" => other_device,
                "admin" => admin.copied(),
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
                cast.sign_in_again().await;
            }
        }
    }
}

/// The same table, for programs: what a cookie opens in the API, an access token does.
#[tokio::test]
async fn an_access_token_opens_what_the_cookie_opens() {
    let Cast { app, alice, .. } = Cast::start().await;
    app.execute("UPDATE users SET active = true WHERE username = 'carol'");
    let carol = app.program_of("carol").await;
    app.execute("UPDATE users SET active = false WHERE username = 'carol'");
    let standing = alice.upload(jpeg()).await;
    for (method, pattern, expected) in TABLE.iter().filter(|row| row.1.starts_with("/api")) {
        let (bob, owner, admin) =
            (app.program_of("bob").await, app.program_of("alice").await, app.program_of("root").await);
        let dead = [Some(carol.access.clone()), Some("x".to_owned())].map(|token| (token, expected[4]));
        let alive = [
            (None, expected[0]),
            (Some(bob.access), expected[1]),
            (Some(owner.access), expected[2]),
            (Some(admin.access), expected[3]),
        ];
        for (token, expected) in alive.into_iter().chain(dead) {
            let photo = if changes_photo(method, pattern) { alice.upload(jpeg()).await } else { standing.clone() };
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

/// A route's pattern with something in place of each variable.
pub fn fill(pattern: &str, photo: &Photo, token: &str, session: &str) -> String {
    let id = match pattern {
        _ if pattern.contains("sessions") => session,
        // Root, alice, bob, carol, and whom the admin acts upon.
        _ if pattern.contains("people") => "5",
        _ => &photo.id,
    };
    let path = pattern
        .replace("{id}", id)
        .replace("{rendition}", "small")
        .replace("{token}", token)
        .replace("{username}", "alice")
        .replace("{name}", "nothing")
        .replace("{build}", "any")
        .replace("{path:.*}", "app.css");
    assert!(!path.contains('{'), "nothing known for {path}");
    path
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
        "/nothing/",
        "//photos/",
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
