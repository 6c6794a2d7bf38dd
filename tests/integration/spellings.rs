//! One password and one email address, however a keyboard or a system spells them.

use reqwest::Method;
use serde_json::json;

use crate::support::*;

/// é as one code point, and as e with an accent.
const COMPOSED: &str = "caf\u{e9} noir \u{e9}t\u{e9}";
const DECOMPOSED: &str = "cafe\u{301} noir\u{a0}e\u{301}te\u{301}";

async fn register(client: &Client, name: &str, email: &str, password: &str) -> Answer {
    client.post("/register", &[("username", name), ("email", email), ("password", password)]).await
}

#[tokio::test]
async fn a_password_is_right_from_every_keyboard() {
    let app = TestApp::start().await;
    for (name, chosen) in [("alice", COMPOSED), ("bob", DECOMPOSED)] {
        register(&app.visitor(), name, &format!("{name}@example.org"), chosen).await.assert_status(303);
        for typed in [COMPOSED, DECOMPOSED] {
            let device = app.visitor();
            device.log_in(name, typed).await.assert_status(303);
            let form = [("current_password", typed), ("password", chosen)];
            device.post("/account/password", &form).await.assert_status(303);
        }
        app.visitor().log_in(name, &COMPOSED.replace('\u{e9}', "e")).await.assert_status(422);
    }
}

#[tokio::test]
async fn a_hash_from_before_stays_good_and_is_renewed_at_the_next_login() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
    let set = |hash: &str| app.execute(&format!("UPDATE users SET password_hash = '{hash}'"));
    set(&hash(DECOMPOSED));
    app.visitor().log_in("alice", COMPOSED).await.assert_status(422);
    let alice = app.visitor();
    alice.log_in("alice", DECOMPOSED).await.assert_status(303);
    assert!(alice.is_signed_in().await);
    app.visitor().log_in("alice", COMPOSED).await.assert_status(303);
    app.visitor().log_in("alice", DECOMPOSED).await.assert_status(303);
    // Allowed before, and longer than bcrypt takes once it is normalised.
    let long = "\u{958}".repeat(23);
    set(&hash(&long));
    app.visitor().log_in("alice", &long).await.assert_status(303);
    app.visitor().log_in("alice", &long[3..]).await.assert_status(422);
}

#[tokio::test]
async fn the_length_of_a_password_counts_as_it_is_kept() {
    let app = TestApp::start().await;
    let e = "e\u{301}";
    // 7 letters of 14 code points; 105 bytes that become 70; 108 that become 72.
    for (count, status) in [(7, 422), (35, 303), (36, 422)] {
        let name = format!("user{count}");
        let answer = register(&app.visitor(), &name, &format!("{name}@example.org"), &e.repeat(count)).await;
        assert_eq!(answer.status, status, "{count}: {answer:?}");
    }
    app.visitor().log_in("user35", &"\u{e9}".repeat(35)).await.assert_status(303);
}

#[tokio::test]
async fn an_email_address_in_another_spelling_is_the_same() {
    let app = TestApp::start().await;
    let alice = app.visitor();
    register(&alice, "alice", "\u{e9}lan@x.org", PASSWORD).await.assert_status(303);
    let bob = app.user("bob").await;
    for spelling in ["\u{c9}lan@x.org", "E\u{301}LAN@X.ORG", "\u{e9}lan@X.org", "\u{ff45}\u{301}lan@x.org"] {
        register(&app.visitor(), "carol", spelling, PASSWORD)
            .await
            .assert_status(422)
            .assert_says("already has an account");
        bob.post("/account", &[("email", spelling), ("full_name", "")]).await.assert_status(422);
        let new = json!({ "username": "carol", "email": spelling, "password": PASSWORD });
        let visitor = app.visitor();
        visitor.send(visitor.json(Method::POST, "/api/v1/auth/register", &new)).await.assert_status(409);
        app.visitor().log_in(spelling, PASSWORD).await.assert_status(303);
    }
    alice.post("/account", &[("email", "\u{c9}LAN@x.org"), ("full_name", "")]).await.assert_status(303);
    register(&app.visitor(), "carol", "elan@x.org", PASSWORD).await.assert_status(303);
}

#[tokio::test]
async fn two_accounts_that_have_one_address_in_two_spellings_go_on() {
    let mut app = TestApp::start().await;
    for name in ["alice", "bob", "carol"] {
        app.user(name).await;
    }
    // As an older version left them.
    app.execute(
        "UPDATE users SET email_key = NULL;
         UPDATE users SET email = 'élan@x.org' WHERE username = 'alice';
         UPDATE users SET email = 'Élan@x.org' WHERE username = 'bob'",
    );
    app.restart_with(|_| {}).await;
    assert_eq!(
        app.ask("SELECT string_agg(username || ' ' || coalesce(email_key, '-'), ', ' ORDER BY id) FROM users"),
        "alice élan@x.org, bob -, carol carol@example.org"
    );
    for (spelling, name) in [("élan@x.org", "alice"), ("Élan@x.org", "bob"), ("e\u{301}lan@x.org", "alice")] {
        let device = app.visitor();
        device.log_in(spelling, PASSWORD).await.assert_status(303);
        device.get("/account").await.assert_says(&format!("<b dir=\"auto\">{name}</b>"));
    }
    register(&app.visitor(), "dave", "éLAN@x.org", PASSWORD).await.assert_status(422);
}
