//! Tokens that must not be worth anything, and when those that were stop to be.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lumina::config::Secret;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::support::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const NEXT: &str = "another 0123456789abcdef0123456789abcdef";

async fn with_known_key() -> TestApp {
    TestApp::start_with(|config| config.jwt.secret_key = vec![Secret::new(KEY)]).await
}

/// The parts of a token, decoded.
fn parts(token: &str) -> (Header, Value) {
    let claims = token.split('.').nth(1).unwrap();
    (jsonwebtoken::decode_header(token).unwrap(), serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap())
}

fn signed(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(KEY.as_bytes())).unwrap()
}

#[tokio::test]
async fn only_a_token_made_here_for_here_and_now_is_good() {
    let app = with_known_key().await;
    app.user("alice").await;
    let bob = app.user("bob").await;
    let program = app.program_of("alice").await;
    let (header, claims) = parts(&program.access);
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(
        claims.as_object().unwrap().keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ["aud", "exp", "iat", "iss", "jti", "sid", "sub"].into()
    );
    assert!(program.with_access(&signed(&header, &claims)).is_in().await, "the forger below knows how");

    let now = claims["iat"].as_i64().unwrap();
    let changed = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        signed(&header, &changed)
    };
    let browsers = app.ask("SELECT id FROM sessions WHERE refresh_hash IS NULL LIMIT 1");
    let mut forged = vec![
        changed("iss", json!("https://evil.example")),
        changed("aud", json!("https://evil.example")),
        changed("aud", claims["iss"].clone()),
        changed("exp", json!(now - 1)),
        changed("exp", Value::Null),
        changed("iat", json!(now + 3600)),
        changed("sub", json!("2")),
        changed("sub", json!(1)),
        changed("sub", json!("")),
        changed("sid", json!(uuid::Uuid::new_v4())),
        changed("sid", json!(browsers)),
        changed("sid", json!("")),
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        program.refresh.clone(),
        bob.cookie("lumina").unwrap(),
        program.access.rsplit_once('.').unwrap().0.to_owned() + ".",
        format!("{}.{}", program.access, program.access),
    ];
    for name in ["exp", "iss", "aud", "sub", "sid", "iat", "jti"] {
        let mut fewer = claims.clone();
        fewer.as_object_mut().unwrap().remove(name);
        forged.push(signed(&header, &fewer));
    }
    for typ in [None, Some("JWT"), Some("refresh")] {
        forged.push(signed(&Header { typ: typ.map(str::to_owned), ..header.clone() }, &claims));
    }
    for kid in [None, Some("x"), Some("")] {
        forged.push(signed(&Header { kid: kid.map(str::to_owned), ..header.clone() }, &claims));
    }
    for alg in [Algorithm::HS384, Algorithm::HS512] {
        forged.push(signed(&Header { alg, ..header.clone() }, &claims));
    }
    for alg in ["none", "None", "NONE", "RS256", "hs256"] {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": header.kid });
        let part = |value: &Value| BASE64.encode(value.to_string());
        let unsigned = format!("{}.{}.", part(&header), part(&claims));
        forged.push(format!("{unsigned}{}", program.access.rsplit('.').next().unwrap()));
        forged.push(unsigned);
    }
    for token in forged {
        assert!(!program.with_access(&token).is_in().await, "{token}");
    }
    assert!(program.is_in().await);
}

#[tokio::test]
async fn a_token_with_any_bit_flipped_is_refused() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let program = app.program_of("alice").await;
    let tokens = &app.state().tokens;
    assert!(tokens.read(&program.access).is_some());
    for at in 0..program.access.len() * 8 {
        let mut bytes = program.access.clone().into_bytes();
        bytes[at / 8] ^= 1 << (at % 8);
        if let Ok(flipped) = String::from_utf8(bytes) {
            assert!(tokens.read(&flipped).is_none(), "{flipped}");
        }
    }
    for at in (0..program.access.len()).step_by(17) {
        let mut bytes = program.access.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(!program.with_access(&String::from_utf8(bytes).unwrap()).is_in().await, "{at}");
    }
}

#[tokio::test]
async fn refreshing_gives_a_new_pair_and_an_old_refresh_token_ends_the_login() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let other = app.program_of("alice").await;
    let first = app.program_of("alice").await;
    let second = first.refreshed().await;
    assert_ne!((&first.access, &first.refresh), (&second.access, &second.refresh));
    assert!(second.is_in().await);
    let third = second.refreshed().await;
    assert!(third.is_in().await);

    let answer = third.refresh(&first.refresh).await.assert_status(401);
    assert_eq!(answer.json()["type"], "urn:lumina:problem:wrong-credentials");
    for program in [&first, &second, &third] {
        assert!(!program.is_in().await, "the whole family is dead");
        program.refresh(&program.refresh).await.assert_status(401);
    }
    assert!(other.is_in().await, "another login goes on");
    other.refreshed().await;
}

#[tokio::test]
async fn of_two_who_show_one_refresh_token_at_once_one_gets_a_pair_and_the_login_ends() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let program = app.program_of("alice").await;
    let shown = (0..8).map(|_| program.refresh(&program.refresh));
    let answers = futures_util::future::join_all(shown).await;
    let (given, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((given.len(), refused.len()), (1, 7));
    assert!(refused.iter().all(|answer| answer.status == 401));
    let access = given[0].json()["access_token"].as_str().unwrap().to_owned();
    assert!(!program.with_access(&access).is_in().await);
}

#[tokio::test]
async fn a_bent_refresh_token_is_refused() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let program = app.program_of("alice").await;
    let (session, secret) = program.refresh.split_once('.').unwrap();
    let stranger = uuid::Uuid::new_v4().simple();
    for bent in [
        String::new(),
        ".".to_owned(),
        session.to_owned(),
        format!("{session}."),
        format!(".{secret}"),
        format!("{stranger}.{secret}"),
        format!("{}.{secret}", session.to_uppercase()),
        format!("{session}.{secret}="),
        format!(" {}", program.refresh),
        program.access.clone(),
    ] {
        program.refresh(&bent).await.assert_status(401);
    }
    assert!(program.is_in().await, "none of these was ever a token of this login");
    assert!(!app.ask("SELECT string_agg(s::text, ' ') FROM sessions s").contains(secret), "it is not kept");
    program.refreshed().await;
}

#[tokio::test]
async fn a_refresh_token_that_was_made_up_ends_no_login() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let program = app.program_of("alice").await;
    let other = app.program_of("alice").await;
    let (session, secret) = program.refresh.split_once('.').unwrap();
    let (others_session, others_secret) = other.refresh.split_once('.').unwrap();
    let (secret_bytes, others_bytes) = (BASE64.decode(secret).unwrap(), BASE64.decode(others_secret).unwrap());
    let (drawn, mac) = secret_bytes.split_at(16);
    let text = |secret: Vec<u8>| format!("{session}.{}", BASE64.encode(secret));
    for made_up in [
        text(vec![0; 32]),
        text([drawn, &[0; 16]].concat()),
        text([&others_bytes[..16], mac].concat()),
        text([mac, drawn].concat()),
        format!("{session}.{others_secret}"),
        format!("{others_session}.{secret}"),
    ] {
        program.refresh(&made_up).await.assert_status(401);
        let body = json!({ "refresh_token": made_up });
        program.with_access("none").json(Method::POST, "/api/v1/auth/logout", &body).await.assert_status(401);
        assert!(program.is_in().await && other.is_in().await, "{made_up}");
    }
    // An older one that was made here is a copy in somebody's hands: it ends the login, signing out too.
    let next = program.refreshed().await;
    let body = json!({ "refresh_token": program.refresh });
    next.with_access("none").json(Method::POST, "/api/v1/auth/logout", &body).await.assert_status(401);
    assert!(!next.is_in().await);
    other.refreshed().await;
}

#[tokio::test]
async fn a_refresh_token_of_the_version_before_is_good_for_the_next_one() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let program = app.program_of("alice").await;
    let secret = [7; 32];
    let (session, _) = program.refresh.split_once('.').unwrap();
    let hash = sha2::Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    app.execute(&format!("UPDATE sessions SET refresh_hash = '\\x{hash}' WHERE refresh_hash IS NOT NULL"));
    let before = format!("{session}.{}", BASE64.encode(secret));
    program.refresh(&before).await.assert_status(200);
    program.refresh(&before).await.assert_status(401);
}

#[tokio::test]
async fn all_tokens_are_dead_at_the_next_request_after_logout_password_change_and_disabling() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let log_out = async |program: &Program, body: Value| {
        program.json(Method::POST, "/api/v1/auth/logout", &body).await.assert_status(204);
    };

    let program = app.program_of("alice").await;
    log_out(&program.with_access("none"), json!({ "refresh_token": program.refresh })).await;
    assert!(!program.is_in().await);
    program.refresh(&program.refresh).await.assert_status(401);

    let program = app.program_of("alice").await;
    log_out(&program, json!({})).await;
    assert!(!program.is_in().await);
    program.refresh(&program.refresh).await.assert_status(401);
    assert!(alice.is_signed_in().await, "the browser is another device");

    let program = app.program_of("alice").await;
    let new = [("current_password", PASSWORD), ("password", "another password")];
    alice.post("/account/password", &new).await.assert_status(303);
    assert!(!program.is_in().await);
    program.refresh(&program.refresh).await.assert_status(401);

    app.user("bob").await;
    let program = app.program_of("bob").await;
    app.execute("UPDATE users SET active = false WHERE username = 'bob'");
    assert!(!program.is_in().await);
    program.refresh(&program.refresh).await.assert_status(401);
    let client = app.visitor();
    let login = crate::support::program::credentials("bob", PASSWORD);
    client.send(client.json(Method::POST, "/api/v1/auth/token", &login)).await.assert_status(401);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_ends_no_login() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let program = app.program_of("alice").await;
    for (content_type, body, status) in [
        ("application/json", "{", 400),
        ("application/json", "{\"refresh_token\": {}}", 422),
        ("text/plain", "x", 415),
        ("", "refresh_token=x", 415),
    ] {
        let request = program.request(Method::POST, "/api/v1/auth/logout").header("content-type", content_type);
        program.send(request.body(body)).await.assert_status(status);
    }
    assert!(program.is_in().await);
    program.send(program.request(Method::POST, "/api/v1/auth/logout")).await.assert_status(204);
    assert!(!program.is_in().await);
}

#[tokio::test]
async fn an_access_token_expires_and_its_refresh_token_goes_on() {
    let mut app = TestApp::start_with(|config| {
        config.jwt.secret_key = vec![Secret::new(KEY)];
        config.jwt.access_token_expire_minutes = 5;
    })
    .await;
    app.user("alice").await;
    let program = app.program_of("alice").await;
    let (header, claims) = parts(&program.access);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    let mut past = claims.clone();
    past["iat"] = json!(claims["iat"].as_i64().unwrap() - 301);
    past["exp"] = json!(claims["exp"].as_i64().unwrap() - 301);
    assert!(!program.with_access(&signed(&header, &past)).is_in().await);
    assert!(program.refreshed().await.is_in().await);
    // Forgotten for a month.
    let program = app.program_of("alice").await;
    app.execute("UPDATE sessions SET last_seen_at = now() - interval '31 days'");
    assert!(!program.is_in().await);
    program.refresh(&program.refresh).await.assert_status(401);
    app.restart_with(|_| {}).await;
}

#[tokio::test]
async fn keys_rotate_without_logging_anyone_out() {
    let app = with_known_key().await;
    app.user("alice").await;
    let old = app.program_of("alice").await;
    let read = |keys: &[&str], token: &str| {
        let keys: Vec<_> = keys.iter().map(|key| Secret::new(*key)).collect();
        lumina::tokens::Tokens::new(&keys, &[], &app.origin(), 30).read(token)
    };
    assert!(read(&[KEY], &old.access).is_some());
    assert!(read(&[NEXT, KEY], &old.access).is_some(), "the first signs, all verify");
    assert!(read(&[NEXT], &old.access).is_none());
    let named = read(&[KEY], &old.access).unwrap();
    let keys = [Secret::new(NEXT), Secret::new(KEY)];
    let new = lumina::tokens::Tokens::new(&keys, &[], &app.origin(), 30).make(named).unwrap();
    assert!(read(&[NEXT], &new).is_some() && read(&[KEY], &new).is_none());
    assert_ne!(parts(&new).0.kid, parts(&old.access).0.kid);
    // Keys that follow from a shared secret are others than those of the same text.
    let shared = lumina::tokens::Tokens::new(&[], &[Secret::new(KEY)], &app.origin(), 30);
    assert!(shared.read(&old.access).is_none());
}
