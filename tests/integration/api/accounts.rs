//! Making an account, logging in, being somebody, logging out.

use lumina::config::Registration;
use reqwest::Method;
use serde_json::json;

use crate::support::program::credentials;
use crate::support::*;

async fn post(app: &TestApp, path: &str, body: &serde_json::Value) -> Answer {
    let client = app.visitor();
    client.send(client.json(Method::POST, path, body)).await
}

/// The first version's: register, log in by the OAuth 2 password flow, ask who one is.
#[tokio::test]
async fn lumina_password_flow_then_me() {
    let app = TestApp::start().await;
    let new = json!({ "username": "Alice", "email": "alice@example.org", "password": PASSWORD });
    let user = post(&app, "/api/v1/auth/register", &new).await.assert_status(201).json();
    assert_eq!(user["username"], "Alice");
    assert_eq!(user["full_name"], "");
    assert_eq!(user["role"], "admin", "the first one is");
    assert!(user.get("password_hash").is_none());
    let client = app.visitor();
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", "")];
    let answer = client.send(client.request(Method::POST, "/api/v1/auth/token").form(&form)).await.assert_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let pair = answer.json();
    assert_eq!((&pair["token_type"], &pair["expires_in"]), (&json!("bearer"), &json!(1800)));
    let access = pair["access_token"].as_str().unwrap();
    let me = client.get_with("/api/v1/auth/me", &[("authorization", &format!("bearer {access}"))]).await;
    assert_eq!(me.assert_status(200).json(), user);
    assert!(client.cookie("lumina").is_none(), "no cookie beside it");
}

/// LumaScope's: register with a full name, log in by email address.
#[tokio::test]
async fn lumascope_login_with_email() {
    let app = TestApp::start().await;
    let new = json!({
        "username": "bob", "email": "bob@example.org", "full_name": "Bob B.", "password": PASSWORD,
    });
    let user = post(&app, "/api/v1/auth/register/", &new).await.assert_status(201).json();
    assert_eq!(user["full_name"], "Bob B.");
    let bob = app.program_of("Bob@Example.org").await;
    assert_eq!(bob.get("/api/v1/auth/me").await.assert_status(200).json()["id"], user["id"]);
}

#[tokio::test]
async fn a_bad_account_is_refused_field_by_field_and_a_taken_name_is_a_conflict() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let bad = json!({ "username": "a b", "email": "nobody", "password": "short", "full_name": null });
    let errors = post(&app, "/api/v1/auth/register", &bad).await.assert_status(422).json()["errors"].clone();
    assert_eq!(errors.as_object().unwrap().keys().collect::<Vec<_>>(), ["email", "password", "username"]);
    assert!(errors["password"][0].as_str().unwrap().contains("at least 8"));
    for (username, email, field) in [("ALICE", "x@example.org", "username"), ("other", "Alice@example.org", "email")] {
        let new = json!({ "username": username, "email": email, "password": PASSWORD });
        let problem = post(&app, "/api/v1/auth/register", &new).await.assert_status(409).json();
        assert_eq!(problem["type"], "urn:lumina:problem:taken");
        assert_eq!(problem["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
    let odd = json!({ "username": "bob", "password": 1234567890 });
    let answer = post(&app, "/api/v1/auth/register", &odd).await.assert_status(422).assert_says("expected a string");
    answer.assert_silent_about("1234567890");
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");
}

#[tokio::test]
async fn nobody_registers_where_registration_is_closed() {
    let app = TestApp::start_with(|config| config.registration = Some(Registration::Closed)).await;
    let new = json!({ "username": "alice", "email": "alice@example.org", "password": PASSWORD });
    let problem = post(&app, "/api/v1/auth/register", &new).await.assert_status(403).json();
    assert_eq!(problem["type"], "urn:lumina:problem:forbidden");
}

#[tokio::test]
async fn wrong_passwords_and_unknown_names_are_told_in_the_same_words() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let mut said = Vec::new();
    for (login, password) in [("alice", "wrong password"), ("bobby", PASSWORD), ("", ""), ("alice", "")] {
        let answer = post(&app, "/api/v1/auth/token", &credentials(login, password)).await.assert_status(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
        let mut problem = answer.json();
        problem["request_id"].take();
        said.push(problem);
    }
    assert!(said.iter().all(|one| *one == said[0]), "{said:?}");
    assert_eq!(app.ask("SELECT count(*) FROM sessions"), "1", "that of the browser she registered with");
}

#[tokio::test]
async fn a_login_is_a_device_on_the_account_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let program = app.program_of("alice").await;
    let other = app.program_of("alice").await;
    let id = program.refresh.split('.').next().unwrap().to_owned();
    let id = uuid::Uuid::parse_str(&id).unwrap();
    alice.post(&format!("/account/sessions/{id}/end"), &[]).await.assert_status(303);
    assert!(!program.is_in().await);
    assert!(other.is_in().await && alice.is_signed_in().await);
}

#[tokio::test]
async fn a_page_needs_the_cookie_and_a_photos_bytes_take_either() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let program = app.program_of("alice").await;
    for path in [photo.at("original"), photo.at("small")] {
        program.get(&path).await.assert_status(200);
        program.with_access("x").get(&path).await.assert_status(401);
    }
    for path in ["/photos", "/account"] {
        program.get(path).await.assert_status(401);
    }
    let basic = alice.get_with(&photo.at("original"), &[("authorization", "Basic eDp5")]).await;
    basic.assert_status(200);
}
