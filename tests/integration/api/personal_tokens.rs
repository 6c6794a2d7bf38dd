//! Personal access tokens: made on the account page, used by programs, ended.

use reqwest::Method;
use reqwest::header::AUTHORIZATION;

use crate::support::*;

/// Makes a token on the account page and takes it from there.
async fn made(client: &Client, fields: &[(&str, &str)]) -> String {
    let page = client.post("/account/tokens", fields).await.assert_status(200);
    assert_eq!(page.header("cache-control"), "no-store");
    page.attributes("value").into_iter().find(|value| value.starts_with("lumina_pat_")).expect("it is shown")
}

/// A program that shows `token`.
struct Bearer<'a>(&'a TestApp, String);

impl Bearer<'_> {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.0.visitor().request(method, path).header(AUTHORIZATION, format!("Bearer {}", self.1))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.0.visitor().send(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    async fn is_in(&self) -> bool {
        match self.get("/api/v1/photos").await {
            answer if answer.status == 200 => true,
            answer => {
                answer.assert_status(401);
                false
            }
        }
    }
}

const ALL: [(&str, &str); 5] = [
    ("name", "Script"),
    ("scope", "photos:read"),
    ("scope", "photos:write"),
    ("scope", "account:read"),
    ("days", "30"),
];

#[tokio::test]
async fn a_token_is_shown_once_kept_as_a_hash_and_works_where_access_tokens_do() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let text = made(&alice, &ALL).await;
    assert_eq!(text.len(), "lumina_pat_".len() + 46);
    alice.get("/account").await.assert_says("Script").assert_says("Never used").assert_silent_about(&text);
    let rows = app.ask("SELECT string_agg(t::text, ' ') FROM personal_access_tokens t");
    assert!(!rows.contains(&text) && !rows.contains(&text[11..]), "{rows}");

    let program = Bearer(&app, text);
    assert_eq!(program.get("/api/v1/auth/me").await.assert_status(200).json()["username"], "alice");
    assert_eq!(program.get("/api/v1/photos").await.json()["total"], 1);
    program.get(&photo.at("original")).await.assert_status(200);
    program.get(&photo.at("small")).await.assert_status(200);
    let upload = program.request(Method::POST, "/api/v1/photos/").header("content-type", Upload::content_type());
    let upload = upload.body(Upload::new().file("two.png", png()).into_body());
    program.send(upload).await.assert_status(201);
    alice.get("/account").await.assert_says("Used ");
    program.get("/photos").await.assert_status(401);
    let log_out = program.request(Method::POST, "/api/v1/auth/logout");
    program.send(log_out).await.assert_status(403).assert_says("account page");
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes_alone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let path = format!("/api/v1/photos/{}", photo.id);
    let calls: [(Method, &str, &str); 8] = [
        (Method::GET, "/api/v1/photos", "photos:read"),
        (Method::GET, &path, "photos:read"),
        (Method::GET, &photo.at("original"), "photos:read"),
        (Method::GET, &photo.at("small"), "photos:read"),
        (Method::POST, "/api/v1/photos", "photos:write"),
        (Method::PATCH, &path, "photos:write"),
        (Method::POST, "/api/v1/hashtags", "photos:write"),
        (Method::GET, "/api/v1/auth/me", "account:read"),
    ];
    for scope in ["photos:read", "photos:write", "account:read"] {
        let program = Bearer(&app, made(&alice, &[("name", scope), ("scope", scope), ("days", "")]).await);
        for (method, path, needed) in &calls {
            let answer = program.send(program.request(method.clone(), path)).await;
            if scope == *needed {
                assert!(![401, 403].contains(&answer.status), "{scope} {method} {path}: {answer:?}");
                continue;
            }
            let answer = answer.assert_status(403);
            let how = answer.header("www-authenticate");
            assert!(how.contains("error=\"insufficient_scope\"") && how.contains(needed), "{how}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.json()["type"], "urn:lumina:problem:insufficient-scope");
        }
        program.send(program.request(Method::DELETE, "/api/v1/photos/x")).await;
    }
    let reader = Bearer(&app, made(&alice, &[("name", "r"), ("scope", "photos:read"), ("days", "7")]).await);
    reader.send(reader.request(Method::DELETE, &path)).await.assert_status(403);
    reader.get(&path).await.assert_status(200);
}

#[tokio::test]
async fn a_token_is_dead_when_ended_expired_or_its_user_is_disabled() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let first = Bearer(&app, made(&alice, &ALL).await);
    let second = Bearer(&app, made(&alice, &ALL).await);
    let page = alice.get("/account").await;
    let ends: Vec<_> = page.attributes("action").into_iter().filter(|path| path.contains("/tokens/")).collect();
    assert_eq!(ends.len(), 2);
    bob.get("/account").await.assert_silent_about("Script");
    bob.post(&ends[0], &[]).await.assert_status(404);
    assert!(first.is_in().await && second.is_in().await);
    // The newest stands first.
    assert_eq!(alice.post(&ends[0], &[]).await.assert_status(303).location(), "/account");
    assert!(!second.is_in().await && first.is_in().await);
    alice.get("/account").await.assert_says("token is ended");
    alice.post(&ends[0], &[]).await.assert_status(404);

    app.execute("UPDATE users SET active = false WHERE username = 'alice'");
    assert!(!first.is_in().await);
    app.execute("UPDATE users SET active = true");
    assert!(first.is_in().await);
    app.execute("UPDATE personal_access_tokens SET expires_at = now()");
    assert!(!first.is_in().await);
    alice.get("/account").await.assert_says("ended ").assert_says("Remove");
    let block = alice.post_by_script(&ends[1], &[]).await.assert_status(200);
    assert!(block.html().contains("id=\"tokens\"") && !block.html().contains("<html"));

    // By an admin: for good.
    let bobs = Bearer(&app, made(&bob, &ALL).await);
    let id = app.ask("SELECT id FROM users WHERE username = 'bob'");
    assert!(bobs.is_in().await);
    alice.post(&format!("/admin/people/{id}/disable"), &[]).await.assert_status(303);
    assert!(!bobs.is_in().await);
    alice.post(&format!("/admin/people/{id}/enable"), &[]).await.assert_status(303);
    assert!(!bobs.is_in().await);
}

#[tokio::test]
async fn changing_the_password_ends_tokens_unless_one_keeps_them() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let program = Bearer(&app, made(&alice, &ALL).await);
    alice.get("/account").await.assert_says("Keep my access tokens");
    let fields = [("current_password", PASSWORD), ("password", "a new password"), ("keep_tokens", "yes")];
    alice.post("/account/password", &fields).await.assert_status(303);
    assert!(program.is_in().await);
    let fields = [("current_password", "a new password"), ("password", PASSWORD)];
    alice.post("/account/password", &fields).await.assert_status(303);
    assert!(!program.is_in().await);
}

#[tokio::test]
async fn a_bent_token_is_nobody() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let text = made(&alice, &ALL).await;
    for at in (0..text.len()).step_by(3) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let bent = String::from_utf8(bytes).unwrap();
        assert!(!Bearer(&app, bent).is_in().await, "{at}");
    }
    for bent in ["lumina_pat_", &text[..text.len() - 1], &format!("{text}x"), &text.to_lowercase()] {
        Bearer(&app, bent.to_owned()).get("/api/v1/auth/me").await.assert_status(401);
    }
    assert!(Bearer(&app, text).is_in().await);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_said_and_nothing_is_made() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let long = "x".repeat(101);
    for (fields, message) in [
        (vec![("name", ""), ("scope", "photos:read"), ("days", "30")], "Give it a name"),
        (vec![("name", &long), ("scope", "photos:read"), ("days", "30")], "Give it a name"),
        (vec![("name", "Uploader"), ("days", "30")], "Choose what it may do"),
        (vec![("name", "Uploader"), ("scope", "everything"), ("days", "30")], "Choose what it may do"),
        (vec![("name", "Uploader"), ("scope", "photos:read"), ("days", "5000")], "New token"),
    ] {
        let page = alice.post("/account/tokens", &fields).await.assert_status(422).assert_says(message);
        assert_eq!(page.text().contains("value=\"Uploader\""), fields[0].1 == "Uploader", "what was typed is kept");
        alice.post_by_script("/account/tokens", &fields).await.assert_status(422).assert_says(message);
    }
    app.visitor().post("/account/tokens", &ALL).await.assert_status(303);
    assert_eq!(app.ask("SELECT count(*) FROM personal_access_tokens"), "0");
    app.execute(
        "INSERT INTO personal_access_tokens (id, user_id, name, hash, scopes)
         SELECT gen_random_uuid(), id, 'n' || n, sha256(n::text::bytea), '{photos:read}'
         FROM users, generate_series(1, 100) n",
    );
    alice.post("/account/tokens", &ALL).await.assert_status(422).assert_says("You have 100 tokens");
}
