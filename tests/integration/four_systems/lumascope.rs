//! LumaScope: an API for accounts.

use lumina::config::PublicUrl;
use reqwest::Method;
use serde_json::json;

use crate::support::program::credentials;
use crate::support::*;

async fn register(app: &TestApp, username: &str, email: &str) -> Answer {
    let new = json!({ "username": username, "email": email, "full_name": "Luma Scope", "password": PASSWORD });
    let client = app.visitor();
    client.send(client.json(Method::POST, "/api/v1/auth/register", &new)).await
}

/// Register with username, email, full name and password; both names are unique.
#[tokio::test]
async fn lumascope_register_with_both_unique() {
    let app = TestApp::start().await;
    let made = register(&app, "luma", "luma@example.org").await.assert_status(201).json();
    assert_eq!((&made["username"], &made["full_name"]), (&json!("luma"), &json!("Luma Scope")));
    for (username, email, field) in [("LUMA", "other@example.org", "username"), ("other", "Luma@Example.org", "email")]
    {
        let problem = register(&app, username, email).await.assert_status(409).json();
        assert!(problem["errors"][field].is_array(), "{problem}");
    }
}

/// Log in with the email for a JWT that says when it expires: after 30 minutes by default.
#[tokio::test]
async fn lumascope_login_with_email() {
    let app = TestApp::start().await;
    register(&app, "luma", "luma@example.org").await.assert_status(201);
    let client = app.visitor();
    let login = client.json(Method::POST, "/api/v1/auth/token", &credentials("luma@example.org", PASSWORD));
    let pair = client.send(login).await.assert_status(200).json();
    assert_eq!(pair["expires_in"], 30 * 60);
    let claims = claims(pair["access_token"].as_str().unwrap());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 30 * 60);
    assert_eq!(claims["sub"], app.ask("SELECT id FROM users WHERE username = 'luma'"));
    let longer = TestApp::start_with(|config| config.jwt.access_token_expire_minutes = 120).await;
    longer.user("luma").await;
    let program = longer.program_of("luma@example.org").await;
    let claims = self::claims(&program.access);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120 * 60);
}

/// The middle part of a JWT.
fn claims(token: &str) -> serde_json::Value {
    use base64::Engine;
    let middle = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap()
}

/// A protected route lets nobody in without a token that is good.
#[tokio::test]
async fn lumascope_protected_route_guard() {
    let app = TestApp::start().await;
    app.user("luma").await;
    let program = app.program_of("luma").await;
    program.get("/api/v1/auth/me").await.assert_status(200);
    let answer = app.visitor().get("/api/v1/auth/me").await.assert_status(401);
    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    assert!(!program.with_access("rubbish").is_in().await);
    // A signature of nobody's.
    let (signed, _) = program.access.rsplit_once('.').unwrap();
    assert!(!program.with_access(&format!("{signed}.AAAA")).is_in().await);
}

/// A configured frontend elsewhere may use the API, with cookies; another one may not.
#[tokio::test]
async fn lumascope_cors_for_the_configured_frontend() {
    const FRONTEND: &str = "https://scope.example";
    let allowed = PublicUrl::parse(FRONTEND).unwrap();
    let app = TestApp::start_with(|config| config.cors_origins = vec![allowed]).await;
    let luma = app.user("luma").await;
    let ask = [
        ("origin", FRONTEND),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization"),
    ];
    let request = ask
        .iter()
        .fold(luma.request(Method::OPTIONS, "/api/v1/photos/"), |request, (name, value)| request.header(*name, *value));
    let answer = luma.send(request).await.assert_status(204);
    assert_eq!(answer.header("access-control-allow-origin"), FRONTEND);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let me = luma.get_with("/api/v1/auth/me", &[("origin", FRONTEND)]).await.assert_status(200);
    assert_eq!((me.header("access-control-allow-origin"), &me.json()["username"]), (FRONTEND, &json!("luma")));
    let other = luma.get_with("/api/v1/auth/me", &[("origin", "https://evil.example")]).await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

/// What it planned: refresh tokens, roles, cookies that no script reads.
#[tokio::test]
async fn lumascope_refresh_tokens_roles_and_httponly_cookies() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    let luma = app.visitor();
    let cookie = luma.register("luma").await.assert_status(303).header("set-cookie").to_lowercase();
    assert!(cookie.contains("httponly") && cookie.contains("samesite=lax"), "{cookie}");
    let program = app.program_of("luma").await;
    let next = program.refreshed().await;
    assert!(next.is_in().await && next.refresh != program.refresh);
    assert_eq!(next.get("/api/v1/auth/me").await.json()["role"], "user");
    luma.get("/admin/people").await.assert_status(404);
    let id = app.ask("SELECT id FROM users WHERE username = 'luma'");
    root.post(&format!("/admin/people/{id}/role"), &[("role", "admin")]).await.assert_status(303);
    assert_eq!(next.get("/api/v1/auth/me").await.json()["role"], "admin");
    luma.get("/admin/people").await.assert_status(200);
}
