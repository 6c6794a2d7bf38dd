//! Logging in with an OpenID Connect provider: one that lies, and a real one.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use lumina::config::Registration;
use lumina::oidc::{Oidc, OidcError};
use reqwest::Method;
use serde_json::{Value, json};

use crate::invitations::{choose, invite};
use crate::support::binary::{Binary, free_port, log_with};
use crate::support::browser::Browser;
use crate::support::oidc::{self, Lies, LyingProvider, RealProvider};
use crate::support::*;

async fn with(provider: &LyingProvider) -> TestApp {
    let config = oidc::config(&provider.issuer);
    TestApp::start_with(|it| it.oidc = Some(config)).await
}

/// Goes to the provider and comes back, with what it gave to take along.
async fn log_in(client: &Client, provider: &LyingProvider) -> Answer {
    let sent = client.get("/login/oidc").await.assert_status(303);
    client.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await
}

/// Status, type and body of an answer.
type Instead = (u16, &'static str, &'static str);

/// As Auth0 answers a wrong client secret.
const ACCESS_DENIED: Instead =
    (401, "application/json", r#"{"error":"access_denied","error_description":"Unauthorized"}"#);
const NOT_FOUND: Instead = (404, "text/html", "<h1>Not found</h1>");
const BAD_GATEWAY: Instead = (502, "text/html", "<h1>Bad gateway</h1>");

/// A provider that is this one but for an endpoint (`token`, `userinfo`), which gives another answer; where it is.
fn with_endpoint(provider: &LyingProvider, endpoint: &str, instead: Instead) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, behind) = (format!("http://{}", listener.local_addr().unwrap()), &provider.issuer);
    let mut metadata = json!({
        "issuer": at,
        "authorization_endpoint": format!("{behind}/authorize"),
        "token_endpoint": format!("{behind}/token"),
        "userinfo_endpoint": format!("{behind}/me"),
        "jwks_uri": format!("{behind}/keys"),
    });
    metadata[format!("{endpoint}_endpoint")] = json!(format!("{at}/instead"));
    let metadata = metadata.to_string();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let site = move || {
                let metadata = metadata.clone();
                let answer = move |request: HttpRequest| {
                    let (status, kind, body) = match request.path() {
                        "/instead" => (instead.0, instead.1, instead.2.to_owned()),
                        _ => (200, "application/json", metadata.clone()),
                    };
                    async move { HttpResponse::build(status.try_into().unwrap()).content_type(kind).body(body) }
                };
                App::new().default_service(web::to(answer))
            };
            HttpServer::new(site).workers(1).disable_signals().listen(listener).unwrap().run().await.unwrap();
        });
    });
    at
}

fn counts(app: &TestApp) -> String {
    app.ask("SELECT concat_ws(' ', (SELECT count(*) FROM users), (SELECT count(*) FROM sessions), (SELECT count(*) FROM identities))")
}

#[tokio::test]
async fn somebody_new_gets_an_account_and_comes_back_to_the_same() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    let erin = app.visitor();
    let page = erin.get("/login?next=/hashtags").await.assert_status(200).assert_says("Log in with Example");
    let sent = erin.get("/login/oidc?next=/hashtags").await.assert_status(303);
    assert!(page.attributes("href").contains(&"/login/oidc?next=/hashtags".to_owned()));
    let back = erin.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await;
    assert_eq!(back.assert_status(303).location(), "/hashtags");
    assert!(erin.is_signed_in().await);
    assert_eq!(
        app.ask("SELECT concat_ws(' ', username, email, full_name, role, password_hash) FROM users"),
        "erin erin@example.org Erin Example admin"
    );
    let elsewhere = app.visitor();
    assert_eq!(log_in(&elsewhere, &provider).await.assert_status(303).location(), "/photos");
    assert_eq!(counts(&app), "1 2 1");
    // Whatever else changes there.
    provider.lie(Lies {
        claims: vec![("email", json!("new@example.org")), ("preferred_username", json!("e2"))],
        ..Lies::default()
    });
    log_in(&app.visitor(), &provider).await.assert_status(303);
    assert_eq!(counts(&app), "1 3 1");
    app.execute("UPDATE users SET active = false");
    log_in(&app.visitor(), &provider).await.assert_status(403).assert_says("disabled");
    assert!(!erin.is_signed_in().await);
}

#[tokio::test]
async fn a_program_gets_a_pair_of_tokens() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    let program = app.visitor();
    let sent = program.get("/api/v1/auth/login").await.assert_status(303);
    let query = provider.let_in(sent.location());
    let answer = program.get(&format!("/api/v1/auth/callback?{query}")).await.assert_status(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let pair = answer.json();
    assert_eq!(pair["token_type"], "bearer");
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let me = app.visitor().get_with("/api/v1/auth/me", &[("authorization", &bearer)]).await.assert_status(200);
    assert_eq!(me.json()["username"], "erin");
    assert!(!program.is_signed_in().await, "no cookie came of it");
    let again = program.get(&format!("/api/v1/auth/callback?{query}")).await.assert_status(403);
    assert_eq!(again.json()["type"], "urn:lumina:problem:login-elsewhere");
    // What was begun for a program logs no browser in, and the other way round.
    let sent = program.get("/api/v1/auth/login").await;
    program.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await.assert_status(403);
    let sent = program.get("/login/oidc").await;
    program.get(&format!("/api/v1/auth/callback?{}", provider.let_in(sent.location()))).await.assert_status(403);
    assert!(!program.is_signed_in().await);
}

/// `alg: none`, with the signature taken away.
fn unsigned(token: &str) -> String {
    let header = BASE64.encode(json!({ "alg": "none" }).to_string());
    format!("{header}.{}.", token.split('.').nth(1).unwrap())
}

/// Signed by HMAC with what everyone may know, or we share.
fn by_hmac(token: &str) -> String {
    let claims: Value = serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let key = jsonwebtoken::EncodingKey::from_secret(b"a secret of the client");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn bent(token: &str) -> String {
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let (first, rest_of_it) = signature.split_at(1);
    format!("{rest}.{}{rest_of_it}", if first == "A" { "B" } else { "A" })
}

#[tokio::test]
async fn a_provider_that_lies_lets_nobody_in() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    app.user("alice").await;
    let before = counts(&app);
    let past = chrono::Utc::now().timestamp() - 3600;
    let claims = |claims: &[(&'static str, Value)]| Lies { claims: claims.to_vec(), ..Lies::default() };
    let lies = [
        ("issuer", claims(&[("iss", json!("https://evil.example"))])),
        ("audience", claims(&[("aud", json!("another client"))])),
        ("two audiences", claims(&[("aud", json!(["lumina", "another client"]))])),
        ("nonce", claims(&[("nonce", json!("another"))])),
        ("no nonce", claims(&[("nonce", Value::Null)])),
        ("expired", claims(&[("exp", json!(past)), ("iat", json!(past - 300))])),
        ("no subject", claims(&[("sub", Value::Null)])),
        ("access token", claims(&[("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"))])),
        ("signature", Lies { bend: Some(bent), ..Lies::default() }),
        ("alg none", Lies { bend: Some(unsigned), ..Lies::default() }),
        ("alg HS256", Lies { bend: Some(by_hmac), ..Lies::default() }),
        ("no token", Lies { bend: Some(|_| String::new()), ..Lies::default() }),
        ("another key", Lies { stolen_name: true, ..Lies::default() }),
        ("user info", Lies { claims: vec![("email", Value::Null)], other_user_info: true, ..Lies::default() }),
        ("no email", claims(&[("email", json!("nonsense"))])),
    ];
    for (what, lie) in lies {
        provider.lie(lie);
        let erin = app.visitor();
        let answer = log_in(&erin, &provider).await;
        assert_eq!(answer.status, 403, "{what}: {answer:?}");
        assert!(!erin.is_signed_in().await, "{what}");
        assert_eq!(counts(&app), before, "{what}");
        let id = answer.header("x-request-id").to_owned();
        answer.assert_says("Not let in").assert_says(&id);
        assert_eq!(erin.cookie("lumina-oidc"), None, "what was kept meanwhile is gone");
    }
    provider.lie(Lies::default());
    log_in(&app.visitor(), &provider).await.assert_status(303);
}

/// As Auth0, Cognito, Zitadel and others send them: none of it decides who somebody is.
#[tokio::test]
async fn claims_that_do_not_matter_end_no_login_whatever_they_look_like() {
    let provider = LyingProvider::start().await;
    let mut app = with(&provider).await;
    app.restart_with(|config| config.oidc.as_mut().unwrap().link_verified_email = true).await;
    app.user("erin").await;
    let claims = |claims: &[(&'static str, Value)]| Lies { claims: claims.to_vec(), ..Lies::default() };
    let odd = [
        ("updated_at as text", claims(&[("updated_at", json!("2026-11-28T10:00:00.000Z"))])),
        ("email_verified as text", claims(&[("email_verified", json!("true"))])),
        ("more audiences", claims(&[("aud", json!(["lumina", "236541@project"])), ("azp", json!("lumina"))])),
        ("address as text", claims(&[("address", json!("Main Street 1"))])),
        (
            "birthdate and locale",
            claims(&[("birthdate", json!(1990)), ("locale", json!({})), ("phone_number", json!(1))]),
        ),
        ("a name that is none", claims(&[("name", json!({ "en": "Erin" })), ("preferred_username", json!(["erin"]))])),
        ("auth_time and amr", claims(&[("auth_time", json!("1")), ("amr", json!("pwd")), ("acr", json!(1))])),
        ("expires_in as text", Lies { beside_tokens: vec![("expires_in", json!("3600"))], ..Lies::default() }),
        (
            "scope as a list",
            Lies {
                beside_tokens: vec![("scope", json!(["openid"])), ("token_type", json!("bearer"))],
                ..Lies::default()
            },
        ),
    ];
    for (what, lie) in odd {
        provider.lie(lie);
        let erin = app.visitor();
        let answer = log_in(&erin, &provider).await;
        assert_eq!(answer.status, 303, "{what}: {answer:?}");
        assert!(erin.is_signed_in().await, "{what}");
        assert_eq!(app.ask("SELECT string_agg(subject, ' ') FROM identities"), "subject of erin", "{what}");
        app.execute("DELETE FROM identities");
    }
    // A number for a name that never changes; and it is the same person as a text.
    for subject in [json!(4711), json!("4711")] {
        provider.lie(claims(&[("sub", subject)]));
        log_in(&app.visitor(), &provider).await.assert_status(303);
    }
    assert_eq!(app.ask("SELECT string_agg(subject, ' ') FROM identities"), "4711");
    // What matters is as strict as ever.
    let bad = [
        ("azp", claims(&[("azp", json!("another client"))])),
        ("azp of others", claims(&[("aud", json!(["lumina", "x"])), ("azp", json!("x"))])),
        ("aud without us", claims(&[("aud", json!(["x", "y"])), ("azp", json!("lumina"))])),
        ("exp as text", claims(&[("exp", json!("soon"))])),
        ("sub", claims(&[("sub", json!(["4711"]))])),
        ("nonce", claims(&[("nonce", json!(1))])),
    ];
    for (what, lie) in bad {
        provider.lie(lie);
        let erin = app.visitor();
        assert_eq!(log_in(&erin, &provider).await.status, 403, "{what}");
        assert!(!erin.is_signed_in().await, "{what}");
    }
}

#[tokio::test]
async fn a_wrong_client_secret_is_an_error_in_the_log_and_for_the_doctor() {
    let provider = RealProvider::start("http://localhost:1");
    let folder = cluster::scratch();
    let (data, database) = (folder.path().join("data"), Database::create());
    let settings = |secret: &'static str| {
        [
            ("OIDC__CLIENT_ID", "lumina".to_owned()),
            ("OIDC__CLIENT_SECRET", secret.to_owned()),
            ("OIDC__SERVER_METADATA_URL", provider.issuer.clone()),
            ("OIDC__NAME", "Example".to_owned()),
            ("DATABASE_URL", database.url()),
            ("PUBLIC_URL", "http://localhost:1".to_owned()),
        ]
    };
    let wrong = "a secret of somebody else";
    // It says that it is at its public address.
    let bind = format!("127.0.0.1:{}", free_port());
    let at: Vec<(String, String)> =
        settings(wrong).into_iter().chain([("BIND", bind)]).map(|(name, value)| (name.to_owned(), value)).collect();
    let binary = Binary::start_with(&data, at.as_slice());
    let erin = binary.visitor();
    let sent = erin.get("/login/oidc").await.assert_status(303);
    let url = url::Url::parse(sent.location()).unwrap();
    let (_, state) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
    let page = erin.get(&format!("/login/oidc/callback?code=any&state={state}")).await.assert_status(503);
    let id = page.header("x-request-id").to_owned();
    page.assert_says("Example does not know this server").assert_silent_about("invalid_client");
    let is_error = |line: &str| line.contains("ERROR") && line.contains(&id);
    let log = log_with(&data, is_error).await;
    let line = log.lines().find(|line| is_error(line)).unwrap();
    assert!(line.contains("oidc.client_secret") && line.contains("invalid_client") && !log.contains(wrong), "{log}");
    drop(binary);
    for (secret, state) in [(wrong, "wrong"), ("a secret of the client", "ok")] {
        let mut command = kept::command(&["doctor", "--json"], &data, None);
        let output = kept::output({
            command.envs(settings(secret));
            command
        });
        let report: Value = serde_json::from_slice(&output.await.stdout).unwrap();
        let check = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "oidc").unwrap().clone();
        assert_eq!(check["state"], state, "{check}");
        assert!(!check.to_string().contains(wrong), "{check}");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_does_not_know_this_server_or_is_none_is_told_from_a_bad_code() {
    let provider = LyingProvider::start().await;
    let check = async |issuer: &str| {
        Oidc::new(oidc::config(issuer)).unwrap().check("http://localhost:1/login/oidc/callback").await
    };
    check(&provider.issuer).await.unwrap();
    provider.lie(Lies { unknown_client: true, ..Lies::default() });
    assert!(matches!(check(&provider.issuer).await, Err(OidcError::Misconfigured(_))));
    let misconfigured = with_endpoint(&provider, "token", ACCESS_DENIED);
    let error = check(&misconfigured).await.unwrap_err();
    assert!(matches!(error, OidcError::Misconfigured(_)) && error.to_string().contains("access_denied"), "{error}");
    let unreadable = (200, "application/json", "[]");
    for instead in [NOT_FOUND, BAD_GATEWAY, unreadable] {
        let error = check(&with_endpoint(&provider, "token", instead)).await.unwrap_err();
        assert!(matches!(error, OidcError::Away(_)) && error.to_string().contains(&instead.0.to_string()), "{error}");
    }
    let odd = (400, "application/json", r#"{"error":"invalid_request"}"#);
    let error = check(&with_endpoint(&provider, "token", odd)).await.unwrap_err();
    assert!(matches!(error, OidcError::Refused(_)), "{error}");

    let away = with_endpoint(&provider, "token", NOT_FOUND);
    for (issuer, words) in [(misconfigured, "does not know this server"), (away, "cannot be reached just now")] {
        let app = TestApp::start_with(|it| it.oidc = Some(oidc::config(&issuer))).await;
        let erin = app.visitor();
        log_in(&erin, &provider).await.assert_status(503).assert_says(words);
        assert!(!erin.is_signed_in().await);
    }
}

#[tokio::test]
async fn who_is_connected_needs_nothing_of_what_user_info_would_tell() {
    let provider = LyingProvider::start().await;
    let issuer = with_endpoint(&provider, "userinfo", (500, "text/html", "<h1>Not today</h1>"));
    let app = TestApp::start_with(|it| it.oidc = Some(oidc::config(&issuer))).await;
    let claims = |subject: &str, email: Value| {
        let claims = vec![("iss", json!(issuer)), ("sub", json!(subject)), ("email", email)];
        Lies { claims, ..Lies::default() }
    };
    provider.lie(claims("erin", json!("erin@example.org")));
    log_in(&app.visitor(), &provider).await.assert_status(303);
    provider.lie(claims("erin", Value::Null));
    let erin = app.visitor();
    log_in(&erin, &provider).await.assert_status(303);
    assert!(erin.is_signed_in().await);
    assert_eq!(counts(&app), "1 2 1");
    // For somebody new it matters.
    provider.lie(claims("another", Value::Null));
    let another = app.visitor();
    log_in(&another, &provider).await.assert_status(503).assert_says("cannot be reached just now");
    assert!(!another.is_signed_in().await);
    assert_eq!(counts(&app), "1 2 1");
}

#[tokio::test]
async fn what_comes_back_is_good_once_in_the_browser_that_was_sent_away() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    provider.lie(Lies { careless: true, ..Lies::default() });
    let refused = async |client: &Client, query: &str| {
        let answer = client.get(&format!("/login/oidc/callback?{query}")).await.assert_status(403);
        answer.assert_says("Start again");
        assert!(!client.is_signed_in().await);
    };
    let erin = app.visitor();
    let sent = erin.get("/login/oidc").await;
    let query = provider.let_in(sent.location());
    let copied = erin.copied();
    refused(&app.visitor(), &query).await;
    let mallory = app.visitor();
    mallory.get("/login/oidc").await;
    refused(&mallory, &query).await;
    for bad in [
        query.replace("state=", "state=x"),
        query.split('&').next().unwrap().to_owned(),
        query.split('&').nth(1).unwrap().to_owned(),
        String::new(),
        "error=access_denied".to_owned(),
    ] {
        refused(&copied.copied(), &bad).await;
    }
    let state = query.split('&').nth(1).unwrap();
    let denied = copied.copied().get(&format!("/login/oidc/callback?error=access_denied&{state}")).await;
    denied.assert_status(403).assert_says("Example did not let you in");
    let other_issuer = copied.copied();
    let sent = other_issuer.get("/login/oidc").await;
    refused(&other_issuer, &format!("{}&iss=https%3A%2F%2Fevil.example", provider.let_in(sent.location()))).await;

    erin.get(&format!("/login/oidc/callback?{query}")).await.assert_status(303);
    assert!(erin.is_signed_in().await);
    refused(&copied, &query).await;
    let bent = erin.copied();
    bent.post("/logout", &[]).await;
    let sent = bent.get("/login/oidc").await;
    let cookie = bent.cookie("lumina-oidc").unwrap();
    bent.set_cookie("lumina-oidc", &format!("x{cookie}"));
    refused(&bent, &provider.let_in(sent.location())).await;
}

#[tokio::test]
async fn a_login_elsewhere_is_neither_ended_nor_refused_for_what_strangers_send_a_browser_to() {
    let provider = LyingProvider::start().await;
    let config = oidc::config(&provider.issuer);
    let app = TestApp::start_with(|it| (it.oidc, it.limits_guesses) = (Some(config), true)).await;
    let erin = app.visitor();
    let sent = erin.get("/login/oidc").await;
    // Pictures of a stranger's page, which come without the cookie, and a link, which brings it.
    for _ in 0..40 {
        app.visitor().get("/login/oidc/callback?state=x&code=x").await.assert_status(403);
    }
    erin.get("/login/oidc/callback?state=x&code=x").await.assert_status(403);
    erin.get("/login/oidc/callback?state=x&error=access_denied").await.assert_status(403);
    let query = provider.let_in(sent.location());
    erin.get(&format!("/login/oidc/callback?{query}")).await.assert_status(303);
    assert!(erin.is_signed_in().await);
}

#[tokio::test]
async fn next_never_leads_off_site() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let erin = app.visitor();
        let sent = erin.get(&format!("/login/oidc?next={next}")).await.assert_status(303);
        let back = erin.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await;
        assert_eq!(back.assert_status(303).location(), "/photos", "{next}");
    }
}

#[tokio::test]
async fn an_equal_email_opens_no_account_unless_it_is_verified_and_that_is_configured() {
    let provider = LyingProvider::start().await;
    let mut app = with(&provider).await;
    app.user("erin").await;
    let refused = async |app: &TestApp| {
        let erin = app.visitor();
        log_in(&erin, &provider).await.assert_status(403).assert_says("has an account here already");
        assert!(!erin.is_signed_in().await);
        assert_eq!(app.ask("SELECT count(*) FROM identities"), "0");
    };
    refused(&app).await;
    app.restart_with(|config| config.oidc.as_mut().unwrap().link_verified_email = true).await;
    for unverified in [json!(false), Value::Null] {
        provider.lie(Lies { claims: vec![("email_verified", unverified)], ..Lies::default() });
        refused(&app).await;
    }
    provider.lie(Lies { claims: vec![("email", json!("ERIN@example.org"))], ..Lies::default() });
    let erin = app.visitor();
    log_in(&erin, &provider).await.assert_status(303);
    erin.get("/account").await.assert_says("erin");
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");
    // To a mail server it may be another mailbox: a wide letter, and one without its dot.
    for alike in ["\u{ff45}rin@example.org", "er\u{131}n@example.org"] {
        provider.lie(Lies { claims: vec![("email", json!(alike)), ("sub", json!("mallory"))], ..Lies::default() });
        let mallory = app.visitor();
        log_in(&mallory, &provider).await;
        mallory.get("/account").await.assert_silent_about("\"erin\"");
        assert_eq!(app.ask("SELECT count(*) FROM identities WHERE subject = 'mallory' AND user_id = 1"), "0");
    }
    app.execute("DELETE FROM users WHERE id > 1");
    // Somebody else there, with the same address: an account is one person's of each provider.
    provider.lie(Lies { claims: vec![("sub", json!("another"))], ..Lies::default() });
    log_in(&app.visitor(), &provider).await.assert_status(403).assert_says("another account at Example");
    assert_eq!(app.ask("SELECT count(*) FROM identities"), "1");
}

#[tokio::test]
async fn an_account_is_connected_from_its_page_and_disconnected_again() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    let alice = app.user("alice").await;
    alice.get("/account").await.assert_says("Connect Example");
    let page = alice.post("/account/identity", &[]).await.assert_status(200).assert_says("On to Example");
    let to = page.attributes("href").into_iter().find(|href| href.contains("/authorize?")).unwrap();
    let query = provider.let_in(&to);
    let back = alice.get(&format!("/login/oidc/callback?{query}")).await.assert_status(303);
    assert_eq!(back.location(), "/account");
    alice.get("/account").await.assert_says("You can log in with Example").assert_says("erin@example.org");
    let elsewhere = app.visitor();
    log_in(&elsewhere, &provider).await.assert_status(303);
    elsewhere.get("/account").await.assert_says("alice");
    // It is hers now.
    let bob = app.user("bob").await;
    let page = bob.post("/account/identity", &[]).await;
    let to = page.attributes("href").into_iter().find(|href| href.contains("/authorize?")).unwrap();
    let query = provider.let_in(&to);
    bob.get(&format!("/login/oidc/callback?{query}")).await.assert_status(403).assert_says("another account here");
    // What bob began connects nothing with who is signed in meanwhile.
    provider.lie(Lies { claims: vec![("sub", json!("another"))], ..Lies::default() });
    let page = bob.post("/account/identity", &[]).await;
    let to = page.attributes("href").into_iter().find(|href| href.contains("/authorize?")).unwrap();
    alice.set_cookie("lumina-oidc", &bob.cookie("lumina-oidc").unwrap());
    alice.get(&format!("/login/oidc/callback?{}", provider.let_in(&to))).await.assert_status(403);
    assert_eq!(app.ask("SELECT count(*) FROM identities"), "1");

    assert_eq!(alice.post("/account/identity/end", &[]).await.assert_status(303).location(), "/account");
    alice.get("/account").await.assert_says("Disconnected").assert_says("Connect Example");
    alice.post("/account/identity/end", &[]).await.assert_status(404);
    provider.lie(Lies::default());
    app.execute("UPDATE users SET email = 'a@example.org' WHERE username = 'alice'");
    log_in(&app.visitor(), &provider).await.assert_status(303);
    assert_eq!(app.ask("SELECT count(*) FROM users"), "3", "who was alice there is somebody new");
}

#[tokio::test]
async fn who_has_no_password_sets_one_and_may_disconnect_then() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    let erin = app.visitor();
    log_in(&erin, &provider).await.assert_status(303);
    let page = erin.get("/account").await.assert_says("Set password").assert_says("set a password first");
    assert!(!page.text().contains("current_password"));
    erin.post("/account/identity/end", &[]).await.assert_status(422).assert_says("Set a password first");
    app.visitor().log_in("erin", "").await.assert_status(422);
    erin.post("/account/password", &[("password", "short")]).await.assert_status(422);
    erin.post("/account/password", &[("password", PASSWORD)]).await.assert_status(303);
    erin.get("/account").await.assert_says("password is set").assert_says("Change password");
    app.visitor().log_in("erin", PASSWORD).await.assert_status(303);
    erin.post("/account/password", &[("password", "another password")]).await.assert_status(422);
    erin.post("/account/identity/end", &[]).await.assert_status(303);
}

#[tokio::test]
async fn names_are_made_unique_and_closed_doors_stay_closed() {
    let provider = LyingProvider::start().await;
    let mut app = with(&provider).await;
    app.user("erin").await;
    app.execute("UPDATE users SET email = 'first@example.org', email_key = NULL");
    log_in(&app.visitor(), &provider).await.assert_status(303);
    assert_eq!(app.ask("SELECT string_agg(username, ' ' ORDER BY id) FROM users"), "erin erin2");
    app.restart_with(|config| config.registration = Some(Registration::Invitation)).await;
    log_in(&app.visitor(), &provider).await.assert_status(303);
    let new = [("sub", json!("new")), ("email", json!("new@example.org"))];
    provider.lie(Lies { claims: new.to_vec(), ..Lies::default() });
    log_in(&app.visitor(), &provider).await.assert_status(403).assert_says("You need an invitation");
    app.restart_with(|config| config.registration = Some(Registration::Closed)).await;
    log_in(&app.visitor(), &provider).await.assert_status(403).assert_says("New accounts are closed here");
    assert_eq!(app.ask("SELECT count(*) FROM users"), "2");
    // Eight who come back at once are one.
    app.restart_with(|config| config.registration = Some(Registration::Open)).await;
    let all = (0..8).map(|_| async { log_in(&app.visitor(), &provider).await.status });
    let statuses = futures_util::future::join_all(all).await;
    assert!(statuses.contains(&303), "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 403, 409].contains(status)), "{statuses:?}");
    assert_eq!(app.ask("SELECT count(*) FROM users"), "3");
}

/// By the button on the page of its link; a program by the same parameter.
#[tokio::test]
async fn an_invitation_lets_one_in_with_the_provider() {
    let provider = LyingProvider::start().await;
    let app = with(&provider).await;
    let admin = app.user("admin").await;
    choose(&admin, "invitation").await;
    let secret = invite(&admin, "2").await;
    let erin = app.visitor();
    let page = erin.get(&format!("/register?invitation={secret}&next=/hashtags")).await.assert_status(200);
    let button = format!("/login/oidc?next=/hashtags&invitation={secret}");
    assert!(page.attributes("href").contains(&button), "{:?}", page.attributes("href"));
    let uses = || app.ask("SELECT uses FROM invitations");
    let sent = erin.get(&button).await.assert_status(303);
    assert!(!sent.location().contains(&secret), "nobody else's business");
    let back = erin.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await;
    assert_eq!((back.assert_status(303).location(), uses()), ("/hashtags", "1".to_owned()));
    // Who is here already spends none, nor who thinks better of it.
    let again = app.visitor();
    let sent = again.get(&button).await.assert_status(303);
    again.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await.assert_status(303);
    let sent = again.get(&button).await.assert_status(303);
    let brought = provider.let_in(sent.location());
    let (_, state) = brought.split_once("&state=").unwrap();
    let answer = again.get(&format!("/login/oidc/callback?error=access_denied&state={state}")).await;
    answer.assert_status(403).assert_says("open its link again");
    assert_eq!(uses(), "1");
    let program = app.visitor();
    for (subject, status) in [("second", 200), ("third", 403)] {
        let claims = vec![("sub", json!(subject)), ("email", json!(format!("{subject}@example.org")))];
        provider.lie(Lies { claims, ..Lies::default() });
        let sent = program.get(&format!("/api/v1/auth/login?invitation={secret}")).await.assert_status(303);
        program.get(&format!("/api/v1/auth/callback?{}", provider.let_in(sent.location()))).await.assert_status(status);
    }
    assert_eq!((uses(), app.ask("SELECT count(*) FROM users")), ("2".to_owned(), "3".to_owned()));
}

#[tokio::test]
async fn new_keys_are_asked_for_once_and_a_provider_that_is_away_keeps_nothing_else_out() {
    let provider = LyingProvider::start().await;
    let mut app = with(&provider).await;
    log_in(&app.visitor(), &provider).await.assert_status(303);
    log_in(&app.visitor(), &provider).await.assert_status(303);
    assert_eq!(provider.asked_for_keys(), 1, "they are kept");
    provider.rotate();
    log_in(&app.visitor(), &provider).await.assert_status(303);
    assert_eq!(provider.asked_for_keys(), 2);
    provider.rotate();
    provider.lie(Lies { stolen_name: true, ..Lies::default() });
    log_in(&app.visitor(), &provider).await.assert_status(403);
    assert_eq!(provider.asked_for_keys(), 2, "not for every bad token");

    provider.lie(Lies { down: Some(500), ..Lies::default() });
    app.restart_with(|_| {}).await;
    let answer = app.visitor().get("/login/oidc").await.assert_status(503).assert_says("cannot be reached");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(app.visitor().get("/api/v1/auth/login").await.assert_status(503).json()["status"], 503);
    app.user("alice").await;
    app.visitor().get("/login").await.assert_status(200);
    provider.lie(Lies { metadata_issuer: Some("https://evil.example"), ..Lies::default() });
    app.restart_with(|_| {}).await;
    app.visitor().get("/login/oidc").await.assert_status(503);
}

#[tokio::test]
async fn a_refusal_is_in_the_log_under_the_id_that_the_page_shows() {
    let provider = LyingProvider::start().await;
    let folder = cluster::scratch();
    let data = folder.path().join("data");
    let binary = Binary::start_with(
        &data,
        &[
            ("OIDC__CLIENT_ID", "lumina"),
            ("OIDC__CLIENT_SECRET", "a secret of the client"),
            ("OIDC__SERVER_METADATA_URL", &provider.issuer),
            ("OIDC__NAME", "Example"),
        ],
    );
    provider.lie(Lies { claims: vec![("nonce", json!("another"))], ..Lies::default() });
    let erin = binary.visitor();
    let sent = erin.get("/login/oidc").await.assert_status(303);
    let query = provider.let_in(sent.location());
    let page = erin.get(&format!("/login/oidc/callback?{query}")).await.assert_status(403);
    let of_the_page = |line: &str| line.contains(page.header("x-request-id")) && line.contains("elsewhere");
    let log = log_with(&data, of_the_page).await;
    let line = log.lines().find(|line| of_the_page(line));
    assert!(line.expect("a line with that id").to_lowercase().contains("nonce"), "{log}");
    page.assert_silent_about("nonce");
    for secret in query.split(['&', '=']).filter(|part| part.len() > 10).chain(["a secret of the client"]) {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

/// With a provider that is real: by a browser, then by a program, which uploads with hashtags and filters by one.
#[tokio::test]
async fn photo_storage_oidc_then_hashtag_filter() {
    let mut app = TestApp::start().await;
    // The provider has to know where to send browsers back to, and Lumina where the provider is.
    let origin = app.origin();
    let port: u16 = origin.rsplit(':').next().unwrap().parse().unwrap();
    let provider = RealProvider::start(&origin);
    let config = oidc::config(&provider.issuer);
    app.restart_with(|it| {
        it.bind = ([127, 0, 0, 1], port).into();
        it.oidc = Some(config);
    })
    .await;
    let browser = Browser::start(&app).await;
    browser.goto(format!("{origin}/login?next=/hashtags")).await.unwrap();
    browser.click("a[href^='/login/oidc']").await;
    browser.fill("input[name=login]", "frida").await;
    browser.fill("input[name=password]", "whatever").await;
    browser.click("button[type=submit]").await;
    browser.until("document.querySelector('input[name=prompt][value=consent]')").await;
    browser.click("button[type=submit]").await;
    browser.until("location.pathname === '/hashtags' && document.readyState === 'complete'").await;
    assert_eq!(
        app.ask("SELECT concat_ws(' ', username, email, full_name) FROM users"),
        "frida frida@example.org Frida Example"
    );

    // A program, by the same browser, which the provider knows by now.
    browser.goto(format!("{origin}/api/v1/auth/login")).await.unwrap();
    browser.until("location.pathname === '/api/v1/auth/callback'").await;
    let pair: Value = serde_json::from_str(&browser.words().await).unwrap();
    let bearer = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let upload = app.visitor().request(Method::POST, "/api/v1/photos/").header("authorization", &bearer);
    let form = Upload::new().hashtags("sea").file("a.jpg", jpeg()).into_body();
    let upload = upload.header("content-type", Upload::content_type()).body(form);
    app.visitor().send(upload).await.assert_status(201);
    let listed = app.visitor().get_with("/api/v1/photos/?hashtag=sea", &[("authorization", &bearer)]).await;
    assert_eq!(listed.json()["photos"].as_array().unwrap().len(), 1);

    // An account of one's own, connected from its page.
    let alice = app.user("alice").await;
    browser.goto(format!("{origin}/account")).await.unwrap();
    browser.until_says("Connected as frida@example.org").await;
    drop(alice);
}
