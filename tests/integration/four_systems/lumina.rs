//! The first Lumina: a photo album with a REST API.

use reqwest::Method;
use serde_json::json;

use crate::support::binary::Binary;
use crate::support::program::credentials;
use crate::support::*;

/// Register, log in by OAuth2's password flow (a form), and see one's own profile.
#[tokio::test]
async fn lumina_password_flow_then_me() {
    let app = TestApp::start().await;
    let client = app.visitor();
    let new =
        json!({ "username": "alice", "email": "alice@example.org", "full_name": "Alice A.", "password": PASSWORD });
    client.send(client.json(Method::POST, "/api/v1/auth/register", &new)).await.assert_status(201);
    let form = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", "")];
    let token = client.post("/api/v1/auth/token", &form).await.assert_status(200).json();
    assert_eq!((&token["token_type"], token["access_token"].is_string()), (&json!("bearer"), true));
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let me = app.visitor().get_with("/api/v1/auth/me", &[("authorization", &bearer)]).await.assert_status(200).json();
    assert_eq!(
        (&me["username"], &me["email"], &me["full_name"]),
        (&json!("alice"), &json!("alice@example.org"), &json!("Alice A."))
    );
    assert!(me.get("password").is_none() && !me.to_string().contains("$2"), "no password, nor its hash: {me}");
}

/// Upload, list, view and delete photos, each user their own.
#[tokio::test]
async fn lumina_photos_per_user() {
    let app = TestApp::start().await;
    app.user("alice").await;
    app.user("bob").await;
    let (alice, bob) = (app.program_of("alice").await, app.program_of("bob").await);
    let bytes = jpeg();
    let photo = alice.upload(Upload::new().file("beach.jpg", bytes.clone())).await.assert_status(201).json();
    let path = format!("/api/v1/photos/{}", photo["id"].as_str().unwrap());
    assert_eq!(alice.get("/api/v1/photos/").await.json()["total"], 1);
    let original = photo["url"].as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
    assert_eq!(alice.get(&original).await.assert_status(200).bytes, bytes);
    assert_eq!(bob.get("/api/v1/photos/").await.json()["total"], 0);
    for answer in [bob.get(&path).await, bob.get(&original).await, bob.delete(&path).await] {
        answer.assert_status(404);
    }
    alice.delete(&path).await.assert_status(204);
    alice.get(&path).await.assert_status(404);
}

/// A database, a signing secret and the token's minutes from the environment; and a health check.
#[tokio::test]
async fn lumina_configured_by_environment() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url().replace("postgres:///", "postgres://lumina@/").replace("&user=lumina", "");
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("SECRET_KEY", "a signing secret of more than 32 bytes"),
        ("JWT__ACCESS_TOKEN_EXPIRE_MINUTES", "7"),
    ];
    let data_dir = folder.path().join("data");
    let server = Binary::start_with(&data_dir, &settings);
    assert!(!data_dir.join("postgres").exists() && !data_dir.join("secret_key").exists(), "both were given");
    let alice = server.visitor();
    assert_eq!(alice.get("/health").await.assert_status(200).json(), json!({ "status": "ok" }));
    alice.register("alice").await.assert_status(303);
    let login = alice.json(Method::POST, "/api/v1/auth/token", &credentials("alice", PASSWORD));
    assert_eq!(alice.send(login).await.assert_status(200).json()["expires_in"], 7 * 60);
    assert_eq!(crate::support::db::ask(&mut database.connect(), "SELECT username FROM users"), "alice");
}

/// Migrations of the database, and a compose file for local work.
#[test]
fn lumina_migrations_and_a_compose_file() {
    let database = Database::empty();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url().replace("postgres:///", "postgres://lumina@/").replace("&user=lumina", "");
    let migrate = || Binary::command().arg("migrate").env("DATABASE_URL", &url).env("DATA_DIR", folder.path()).output();
    for _ in 0..2 {
        let output = migrate().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(crate::support::db::ask(&mut database.connect(), "SELECT count(*) FROM users"), "0");
    let compose = include_str!("../../../compose.yaml");
    assert!(compose.contains("services:") && compose.contains("postgres"), "{compose}");
}
