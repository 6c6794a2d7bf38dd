//! Signed-in devices: their cookie, their end, the password, and the keys that sign.

use diesel::connection::SimpleConnection;
use lumina::config::Secret;

use crate::support::*;

#[tokio::test]
async fn the_cookie_is_closed_to_scripts_and_other_sites() {
    let app = TestApp::start().await;
    let visitor = app.visitor();
    let answer = visitor.register("alice").await.assert_status(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("lumina="), "{cookie}");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn on_https_the_cookie_is_bound_to_the_host() {
    let app = TestApp::start_at("https://photos.example").await;
    let alice = app.visitor();
    let answer = alice.register_with("alice", &app.setup_secret()).await.assert_status(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-lumina="), "{cookie}");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let page = alice.get("/photos").await.assert_status(200);
    assert!(page.header("strict-transport-security").starts_with("max-age="));
    assert_eq!(alice.post("/logout", &[]).await.header("clear-site-data"), "\"cache\"");
}

#[tokio::test]
async fn a_cookie_with_any_bit_flipped_is_nobody() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let cookie = alice.cookie("lumina").unwrap();
    let device = app.visitor();
    for position in 0..cookie.len() {
        let mut bytes = cookie.clone().into_bytes();
        // A bit that keeps it text that can stand in a header.
        bytes[position] ^= [1, 2, 4][position % 3];
        let Ok(bent) = String::from_utf8(bytes) else { continue };
        if bent.contains([';', '"', ',', ' ']) || bent == cookie {
            continue;
        }
        device.set_cookie("lumina", &bent);
        let answer = device.get("/photos").await.assert_status(303);
        assert!(answer.location().starts_with("/login"), "position {position}: {answer:?}");
    }
    for nonsense in ["", "x", &cookie[..cookie.len() / 2], &cookie.repeat(2)] {
        device.set_cookie("lumina", nonsense);
        device.get("/photos").await.assert_status(303);
    }
    device.set_cookie("lumina", &cookie);
    assert!(device.is_signed_in().await, "the true one works");
}

#[tokio::test]
async fn an_expired_session_leads_to_the_login_and_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let age = |days: u32| app.execute(&format!("UPDATE sessions SET last_seen_at = now() - interval '{days} days'"));
    age(29);
    assert!(alice.is_signed_in().await);
    assert_eq!(app.ask("SELECT last_seen_at > now() - interval '1 minute' FROM sessions"), "true", "seen again");
    age(31);
    assert_eq!(
        alice.get("/photos?hashtag=sea").await.assert_status(303).location(),
        "/login?next=/photos%3Fhashtag%3Dsea"
    );
    assert_eq!(
        alice.post("/photos/selection", &[("photo", "x")]).await.assert_status(303).location(),
        "/login?next=/photos"
    );
    let by_script = alice.post_by_script("/photos/selection", &[("photo", "x")]).await.assert_status(401);
    assert!(by_script.assert_says("signed out").location().is_empty(), "a script is told and not led astray");
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.ask("SELECT count(*) FROM sessions"), "0", "forgotten rows are swept up");
}

/// Two instances that mark the same rows, each its own first, would wait for each other.
#[tokio::test]
async fn being_seen_waits_for_nobody() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    app.execute("UPDATE sessions SET last_seen_at = now() - interval '1 day'");
    let mut other = app.connect();
    other.batch_execute("BEGIN; SELECT FROM sessions FOR UPDATE").unwrap();
    alice.get("/photos").await.assert_status(200);
    alice.get(&photo.at("small")).await.assert_status(200);
    assert_eq!(app.ask("SELECT last_seen_at > now() - interval '1 minute' FROM sessions"), "false");
    other.batch_execute("COMMIT").unwrap();
    alice.get(&photo.at("small")).await.assert_status(200);
    assert_eq!(app.ask("SELECT last_seen_at > now() - interval '1 minute' FROM sessions"), "true");
}

#[tokio::test]
async fn changing_the_password_signs_other_devices_and_thieves_out() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let phone = app.device_of("alice").await;
    let thief = alice.copied();
    let fields = [("current_password", PASSWORD), ("password", "a new password")];
    assert_eq!(alice.post("/account/password", &fields).await.assert_status(303).location(), "/account");
    alice.get("/account").await.assert_status(200).assert_says("password is changed");
    assert!(!phone.is_signed_in().await);
    assert!(!thief.is_signed_in().await);
    app.visitor().log_in("alice", PASSWORD).await.assert_status(422);
    app.visitor().log_in("alice", "a new password").await.assert_status(303);
}

#[tokio::test]
async fn the_password_changes_only_for_who_knows_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let phone = app.device_of("alice").await;
    for (current, new, message) in [
        ("not it", "a new password", "not your current password"),
        ("", "a new password", "not your current password"),
        (PASSWORD, "short", "at least 8 characters"),
        (PASSWORD, &"x".repeat(72), "at most 71 bytes"),
    ] {
        let fields = [("current_password", current), ("password", new)];
        let page = alice.post("/account/password", &fields).await.assert_status(422).assert_says(message);
        assert_eq!((page.field("current_password").as_str(), page.field("password").as_str()), ("", ""));
        alice.post_by_script("/account/password", &fields).await.assert_status(422).assert_says(message);
    }
    assert!(phone.is_signed_in().await);
    app.visitor().log_in("alice", PASSWORD).await.assert_status(303);
}

#[tokio::test]
async fn devices_are_listed_and_can_be_signed_out() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let phone = app.visitor();
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1";
    let login = phone.form("/login", &[("username", "alice"), ("password", PASSWORD)]).header("user-agent", agent);
    phone.send(login).await.assert_status(303);
    let page =
        alice.get("/account").await.assert_status(200).assert_says("Safari on iPhone").assert_says("This device");
    let end: Vec<_> = page.attributes("action").into_iter().filter(|path| path.ends_with("/end")).collect();
    assert_eq!(end.len(), 1, "one can be ended, and it is not this one");
    let bob = app.user("bob").await;
    bob.get("/account").await.assert_silent_about("iPhone");
    bob.post(&end[0], &[]).await.assert_status(404);
    assert!(phone.is_signed_in().await, "nobody ends another's session");
    alice.post(&end[0], &[]).await.assert_status(303);
    assert!(!phone.is_signed_in().await);
    alice.post(&end[0], &[]).await.assert_status(404);

    let others = [app.device_of("alice").await, app.device_of("alice").await];
    alice.post("/account/sessions/end-others", &[]).await.assert_status(303);
    alice.get("/account").await.assert_says("2 devices signed out");
    for other in others {
        assert!(!other.is_signed_in().await);
    }
    assert!(bob.is_signed_in().await);
}

#[tokio::test]
async fn keys_can_be_rotated_without_signing_anyone_out() {
    let key = |letter: &str| Secret::new(letter.repeat(32));
    let mut app = TestApp::start_with(|config| config.secret_key = vec![key("a")]).await;
    let comes_by = app.user("alice").await;
    let stays_away = app.device_of("alice").await;
    app.restart_with(|config| config.secret_key = vec![key("b"), key("a")]).await;
    let (comes_by, stays_away) = (comes_by.moved_to(&app), stays_away.moved_to(&app));
    let before = comes_by.cookie("lumina");
    assert!(comes_by.is_signed_in().await, "the older key still counts");
    assert_ne!(comes_by.cookie("lumina"), before, "and the cookie was signed anew");
    app.restart_with(|config| config.secret_key = vec![key("b")]).await;
    assert!(comes_by.moved_to(&app).is_signed_in().await);
    assert!(!stays_away.moved_to(&app).is_signed_in().await);
}

#[tokio::test]
async fn a_restart_signs_nobody_out_with_a_generated_key() {
    let mut app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.restart_with(|_| {}).await;
    assert!(alice.moved_to(&app).is_signed_in().await);
}

#[tokio::test]
async fn the_profile_is_saved_or_comes_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.user("bob").await;
    alice.post("/account", &[("email", "new@example.org"), ("full_name", "Alice L.")]).await.assert_status(303);
    let page = alice.get("/account").await.assert_says("profile is saved");
    assert_eq!((page.field("email").as_str(), page.field("full_name").as_str()), ("new@example.org", "Alice L."));
    let taken = alice.post("/account", &[("email", "BOB@example.org"), ("full_name", "A")]).await.assert_status(422);
    assert_eq!(taken.field("full_name"), "A");
    taken.assert_says("already has an account");
    alice.post("/account", &[("email", "nothing")]).await.assert_status(422);
    let by_script = [("email", "alice@example.org"), ("full_name", "")];
    let block = alice.post_by_script("/account", &by_script).await.assert_status(200);
    assert!(block.html().contains("id=\"profile\"") && !block.html().contains("<html"));
    app.visitor().log_in("alice@example.org", PASSWORD).await.assert_status(303);
}
