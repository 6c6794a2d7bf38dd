//! Logging in and out.

use crate::support::*;

#[tokio::test]
async fn one_logs_in_by_username_or_email_in_any_case() {
    let app = TestApp::start().await;
    app.user("alice").await;
    for login in ["alice", "ALICE", " alice ", "alice@example.org", "Alice@Example.ORG"] {
        let device = app.visitor();
        let answer = device.log_in(login, PASSWORD).await.assert_status(303);
        assert_eq!(answer.location(), "/photos", "{login}");
        assert!(device.is_signed_in().await);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_in_the_same_words() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let wrong = app.visitor().log_in("alice", "wrong password").await.assert_status(422);
    let unknown = app.visitor().log_in("bobby", "wrong password").await.assert_status(422);
    assert_eq!(wrong.field("username"), "alice", "what was typed is kept");
    let same = |answer: &Answer| answer.html().replace("alice", "NAME").replace("bobby", "NAME");
    assert_eq!(same(&wrong), same(&unknown));
    wrong.assert_says("do not match").assert_silent_about("wrong password");
    for (login, password) in
        [("", ""), ("alice", ""), ("", PASSWORD), ("alice", &"x".repeat(200)), ("a\0b", "password")]
    {
        app.visitor().log_in(login, password).await.assert_status(422);
    }
    app.visitor().post("/login", &[]).await.assert_status(422);
}

#[tokio::test]
async fn after_logging_in_one_goes_where_one_wanted_to_and_never_off_site() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let wanted = format!("{}?hashtag=sea", photo.page());
    let device = app.visitor();
    let sent_away = device.get(&wanted).await.assert_status(303);
    assert!(sent_away.location().starts_with("/login?next="), "{sent_away:?}");
    let next = device.get(sent_away.location()).await.assert_status(200).field("next");
    assert_eq!(next, wanted);
    let fields = [("username", "alice"), ("password", "not mine"), ("next", &next)];
    assert_eq!(device.post("/login", &fields).await.assert_status(422).field("next"), wanted, "survives a mistake");
    let fields = [("username", "alice"), ("password", PASSWORD), ("next", &next)];
    assert_eq!(device.post("/login", &fields).await.assert_status(303).location(), wanted);

    let evil = [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        " //evil.example",
        "",
    ];
    for next in evil {
        let fields = [("username", "alice"), ("password", PASSWORD), ("next", next)];
        assert_eq!(app.visitor().post("/login", &fields).await.assert_status(303).location(), "/photos", "{next:?}");
        let signed_in = alice.get(&format!("/login?next={}", urlencoded(next))).await.assert_status(303);
        assert_eq!(signed_in.location(), "/photos", "{next:?}");
        let fields = [("theme", "dark"), ("next", next)];
        assert_eq!(alice.post("/account/theme", &fields).await.assert_status(303).location(), "/", "{next:?}");
    }
}

fn urlencoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn who_is_signed_in_is_sent_on_from_the_start_and_the_forms() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for path in ["/", "/login", "/register"] {
        assert_eq!(alice.get(path).await.assert_status(303).location(), "/photos", "{path}");
        app.visitor().get(path).await.assert_status(200);
    }
}

#[tokio::test]
async fn logging_out_kills_a_copied_cookie_too() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let other_device = app.device_of("alice").await;
    let thief = alice.copied();
    assert!(thief.is_signed_in().await);
    assert_eq!(alice.post("/logout", &[]).await.assert_status(303).location(), "/");
    assert!(!alice.is_signed_in().await);
    assert!(!thief.is_signed_in().await);
    assert!(other_device.is_signed_in().await, "the other device stays");
    assert_eq!(alice.cookie("lumina"), None);
    alice.post("/logout", &[]).await.assert_status(303);
    thief.post("/logout", &[]).await.assert_status(303);
}

#[tokio::test]
async fn a_new_login_makes_a_new_session_and_ends_the_old_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let before = alice.copied();
    alice.log_in("alice", PASSWORD).await.assert_status(303);
    assert_ne!(alice.cookie("lumina"), before.cookie("lumina"));
    assert!(alice.is_signed_in().await);
    assert!(!before.is_signed_in().await, "a cookie from before the login is worth nothing");
    assert_eq!(app.ask("SELECT count(*) FROM sessions"), "1");
}

#[tokio::test]
async fn another_person_may_log_in_on_the_same_device() {
    let app = TestApp::start().await;
    let device = app.user("alice").await;
    let photo = device.upload(jpeg()).await;
    app.user("bob").await;
    device.log_in("bob", PASSWORD).await.assert_status(303);
    device.get(&photo.page()).await.assert_status(404);
    device.get("/photos").await.assert_status(200).assert_says("No photos yet");
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_stays_out() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.execute("UPDATE users SET active = false");
    assert!(!alice.is_signed_in().await);
    app.visitor().log_in("alice", PASSWORD).await.assert_status(422).assert_says("do not match");
    app.execute("UPDATE users SET active = true");
    assert!(app.device_of("alice").await.is_signed_in().await);
}
