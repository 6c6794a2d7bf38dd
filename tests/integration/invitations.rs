//! Who may make an account, as an admin decides while it runs; and invitation links.

use futures_util::future::join_all;
use lumina::config::Registration;
use serde_json::json;

use crate::support::*;

pub async fn choose(root: &Client, registration: &str) {
    root.post("/admin/registration", &[("registration", registration), ("quota_mib", "")]).await.assert_status(303);
}

/// Makes a link; answers its secret.
pub async fn invite(root: &Client, uses: &str) -> String {
    let form = [("note", "The choir"), ("uses", uses), ("days", "7")];
    let page = root.post("/admin/invitations", &form).await.assert_status(201);
    assert_eq!(page.header("cache-control"), "no-store");
    let text = page.text();
    let (_, secret) = text.split_once("/register?invitation=").expect("the link");
    secret.chars().take_while(char::is_ascii_alphanumeric).collect()
}

async fn join(app: &TestApp, name: &str, secret: &str) -> Answer {
    app.visitor().register_with(name, secret).await
}

#[tokio::test]
async fn an_admin_opens_and_closes_the_door_while_it_runs() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    let visitor = app.visitor();
    choose(&root, "closed").await;
    visitor.get("/register").await.assert_status(200).assert_says("New accounts are closed");
    visitor.get("/").await.assert_silent_about("Create account");
    visitor.register("alice").await.assert_status(403);
    choose(&root, "invitation").await;
    visitor.get("/register").await.assert_status(200).assert_says("You need an invitation");
    visitor.get("/").await.assert_silent_about("Create account");
    visitor.register("alice").await.assert_status(403);
    let new = json!({ "username": "alice", "email": "alice@example.org", "password": PASSWORD });
    let answer = visitor.send(visitor.json(reqwest::Method::POST, "/api/v1/auth/register", &new)).await;
    assert!(answer.assert_status(403).json()["detail"].as_str().unwrap().contains("invitation"));
    choose(&root, "open").await;
    visitor.get("/").await.assert_says("Create account");
    visitor.register("alice").await.assert_status(303);
    root.post("/admin/registration", &[("registration", "ajar"), ("quota_mib", "")]).await.assert_status(422);
}

#[tokio::test]
async fn what_the_configuration_says_holds() {
    let mut app = TestApp::start().await;
    let root = app.user("root").await;
    app.restart_with(|config| config.registration = Some(Registration::Invitation)).await;
    let root = root.moved_to(&app);
    let page = root.get("/admin/registration").await.assert_says("it cannot be changed here");
    assert!(page.html().contains("<fieldset class=\"choices\" disabled"));
    choose(&root, "open").await;
    app.visitor().register("alice").await.assert_status(403);
    let secret = invite(&root, "1").await;
    join(&app, "alice", &secret).await.assert_status(303);
}

#[tokio::test]
async fn a_link_for_three_lets_three_in_however_many_try() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    choose(&root, "invitation").await;
    let secret = invite(&root, "3").await;
    let page = app.visitor().get(&format!("/register?invitation={secret}")).await.assert_status(200);
    page.assert_says("You are invited").assert_says("Username");
    // A form with a mistake keeps the invitation, and does not use it up; nor does a name that is taken.
    let wrong = app.visitor().post("/register", &[("username", "a"), ("invitation", &secret)]).await.assert_status(422);
    assert_eq!(wrong.field("invitation"), secret);
    join(&app, "root", &secret).await.assert_status(422);
    assert_eq!(app.ask("SELECT uses FROM invitations"), "0");
    let names: Vec<_> = (0..20).map(|n| format!("singer{n}")).collect();
    let answers = join_all(names.iter().map(|name| join(&app, name, &secret))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 3);
    for answer in answers.into_iter().filter(|answer| answer.status != 303) {
        answer.assert_status(403).assert_says("This invitation is not good any more");
    }
    assert_eq!(app.ask("SELECT count(*) FROM users"), "4");
    assert_eq!(app.ask("SELECT uses FROM invitations"), "3");
    let new = json!({ "username": "late", "email": "late@example.org", "password": PASSWORD, "invitation": secret });
    let visitor = app.visitor();
    visitor.send(visitor.json(reqwest::Method::POST, "/api/v1/auth/register", &new)).await.assert_status(403);
    root.get("/admin/registration").await.assert_says("3 of 3 used").assert_says("The choir");
}

#[tokio::test]
async fn a_link_ends_by_time_and_by_being_taken_back_and_is_kept_nowhere() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    choose(&root, "invitation").await;
    let (old, taken) = (invite(&root, "5").await, invite(&root, "5").await);
    let rows = app.ask("SELECT string_agg(invitations::text || sessions::text, ',') FROM invitations, sessions");
    assert!(!rows.contains(&old) && !rows.contains(&taken), "{rows}");
    root.get("/admin/registration").await.assert_silent_about(&old).assert_silent_about(&taken);
    app.execute(
        "UPDATE invitations SET expires_at = now() WHERE created_at = (SELECT min(created_at) FROM invitations)",
    );
    let id = app.ask("SELECT id FROM invitations ORDER BY created_at DESC LIMIT 1");
    let revoke = format!("/admin/invitations/{id}/revoke");
    root.post(&revoke, &[]).await.assert_status(303);
    root.post(&revoke, &[]).await.assert_status(404);
    for secret in [old.as_str(), &taken, "neverwasaninvitation12", "", "%00"] {
        join(&app, "alice", secret).await.assert_status(403);
        let page = app.visitor().get(&format!("/register?invitation={secret}")).await.assert_status(200);
        assert!(!page.html().contains("name=\"password\""), "{page:?}");
    }
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");
    for (uses, days) in [("0", "7"), ("1001", "7"), ("many", "7"), ("1", "0"), ("1", "never"), ("1", "999999999999")] {
        root.post("/admin/invitations", &[("uses", uses), ("days", days)]).await.assert_status(422);
    }
    let note = "é".repeat(101);
    root.post("/admin/invitations", &[("uses", "1"), ("days", "1"), ("note", &note)]).await.assert_status(422);
}

#[tokio::test]
async fn no_link_is_usable_and_not_listed() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    let first = invite(&root, "1").await;
    // Newer ones, most of them used up.
    app.execute(
        "INSERT INTO invitations (id, secret_hash, note, created_by, expires_at, max_uses, uses) \
         SELECT gen_random_uuid(), sha256(n::text::bytea), 'Number ' || n, 1, now() + interval '1 day', 1, (n > 99)::int \
         FROM generate_series(1, 400) AS n",
    );
    let page = root.get("/admin/registration").await.assert_status(200);
    assert_eq!(page.html().matches("/revoke").count(), 200);
    page.assert_says("The choir").assert_says("Number 99");
    let form = [("note", "One more"), ("uses", "1"), ("days", "7")];
    let refused = root.post("/admin/invitations", &form).await.assert_status(409);
    refused.assert_says("There are 100 links that can be used.");
    choose(&root, "invitation").await;
    join(&app, "alice", &first).await.assert_status(303);
    invite(&root, "1").await;
}
