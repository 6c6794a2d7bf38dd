//! Deleting an account with everything in it; and changing an email address that somebody squats.

use std::io::Write;
use std::process::Stdio;

use lumina::models::{UserId, account_deletion};

use crate::invitations::{choose, invite};
use crate::support::kept::Kept;
use crate::support::oidc::{self, LyingProvider};
use crate::support::*;

fn page_of(app: &TestApp, name: &str, what: &str) -> String {
    format!("/admin/people/{}{what}", app.ask(&format!("SELECT id FROM users WHERE username = '{name}'")))
}

/// Every row that a column says is this person's, by table.
fn rows_of(app: &TestApp, id: &str) -> Vec<String> {
    let columns = app.ask(
        "SELECT string_agg(format('%I.%I', table_name, column_name), ' ' ORDER BY table_name)
         FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name IN ('owner_id', 'user_id', 'created_by')",
    );
    let count = |column: &str| {
        let (table, name) = column.split_once('.').unwrap();
        app.ask(&format!("SELECT count(*) FROM {table} WHERE {name} = {id}"))
    };
    columns
        .split(' ')
        .map(|column| format!("{column} {}", count(column)))
        .filter(|line| !line.ends_with(" 0"))
        .collect()
}

#[tokio::test]
async fn an_account_goes_with_everything_in_it_after_its_name_was_typed() {
    let app = TestApp::start().await;
    let (root, alice, bob) = (app.user("root").await, app.user("alice").await, app.user("bob").await);
    let photo = alice.upload_tagged(jpeg(), "sea sun").await;
    let other = alice.upload_tagged(png(), "sea").await;
    let deleted = alice.upload(gif()).await;
    alice.post(&deleted.at("delete"), &[]).await.assert_status(303);
    let kept = bob.upload_tagged(jpeg(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let program = app.program_of("alice").await;
    alice.post("/account/tokens", &[("name", "x"), ("scope", "photos:read"), ("days", "30")]).await;
    let announced = serde_json::json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 100 });
    program.json(reqwest::Method::POST, "/api/v1/photos/upload-url", &announced).await.assert_status(200);
    root.post(&page_of(&app, "alice", "/role"), &[("role", "admin")]).await.assert_status(303);
    choose(&alice, "invitation").await;
    let invitation = invite(&alice, "5").await;
    let id = app.ask("SELECT id FROM users WHERE username = 'alice'");

    let path = page_of(&app, "alice", "/delete");
    let page = root.get(&path).await.assert_status(200).assert_says("2 photos").assert_says("2 hashtags");
    page.assert_says("1 invitation link").assert_says("cannot be undone");
    for wrong in ["", "alic", "bob"] {
        root.post(&path, &[("username", wrong)]).await.assert_status(422).assert_says("Nothing was deleted");
    }
    assert!(alice.is_signed_in().await);
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "3");
    let answer = root.post(&path, &[("username", "Alice")]).await.assert_status(303);
    root.get(answer.location()).await.assert_says("The account alice is deleted, with 2 photos");

    assert!(!alice.is_signed_in().await && !program.is_in().await);
    alice.log_in("alice", PASSWORD).await.assert_status(422);
    for path in [format!("/s/{token}"), format!("/i/{token}"), "/u/alice".to_owned(), photo.at("small")] {
        app.visitor().get(&path).await.assert_status(404);
    }
    root.get(&format!("/admin/people/{id}")).await.assert_status(404);
    app.visitor().register_with("mallory", &invitation).await.assert_status(403);
    assert_eq!(rows_of(&app, &id), ["removals.owner_id 3", "uploads.owner_id 1"], "bytes that are still to go");
    app.state().album.sweep().await.unwrap();
    app.execute("UPDATE uploads SET due_at = now()");
    app.state().album.sweep().await.unwrap();
    assert!(rows_of(&app, &id).is_empty(), "{:?}", rows_of(&app, &id));
    let files = app.stored_files();
    assert!(files.iter().all(|file| file.contains(&kept.id)), "{} {} {files:?}", photo.id, other.id);
    bob.get("/photos").await.assert_photos(&[&kept]);
    assert_eq!(app.ask("SELECT coalesce(sum(photos), 0) FROM public_hashtag_counts"), "0");
    // Name and address are free again.
    choose(&root, "open").await;
    app.user("alice").await.get("/photos").await.assert_photos(&[]);
}

#[tokio::test]
async fn the_last_active_admin_stays_and_others_cannot_delete() {
    let app = TestApp::start().await;
    let (root, alice) = (app.user("root").await, app.user("alice").await);
    let path = page_of(&app, "root", "/delete");
    root.post(&path, &[("username", "root")]).await.assert_status(422).assert_says("There is no other admin");
    alice.post(&path, &[("username", "root")]).await.assert_status(404);
    assert!(root.is_signed_in().await);
    assert_eq!(app.ask("SELECT count(*) FROM account_deletions"), "0");
    // Two who delete each other in the same instant.
    for round in 0..5 {
        let (a, b) = (format!("one{round}"), format!("two{round}"));
        let (one, two) = (app.user(&a).await, app.user(&b).await);
        app.execute(&format!(
            "UPDATE users SET role = CASE WHEN username IN ('{a}', '{b}') THEN 'admin' ELSE 'user' END"
        ));
        let (of_a, of_b) = (page_of(&app, &a, "/delete"), page_of(&app, &b, "/delete"));
        let (name_a, name_b) = ([("username", a.as_str())], [("username", b.as_str())]);
        tokio::join!(one.post(&of_b, &name_b), two.post(&of_a, &name_a));
        assert_eq!(app.ask("SELECT count(*) FROM users WHERE role = 'admin' AND active"), "1", "round {round}");
    }
}

#[tokio::test]
async fn a_deletion_that_was_stopped_goes_on_by_itself_and_enabling_ends_nothing() {
    let app = TestApp::start().await;
    let (root, alice) = (app.user("root").await, app.user("alice").await);
    alice.upload(jpeg()).await;
    let id = UserId(app.ask("SELECT id FROM users WHERE username = 'alice'").parse().unwrap());
    app.state().db.write(move |conn| account_deletion::begin(conn, id)).await.unwrap().unwrap();
    assert!(!alice.is_signed_in().await);
    root.post(&page_of(&app, "alice", "/enable"), &[]).await.assert_status(404);
    root.get("/admin/people").await.assert_says("Being deleted");
    let page = root.get(&page_of(&app, "alice", "")).await.assert_says("being deleted");
    page.assert_silent_about("Enable account");
    // The sweeper finds it, here and after a start.
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.ask("SELECT string_agg(username, ' ') FROM users"), "root");
    assert_eq!(app.stored_files(), [""; 0]);
}

/// Whatever table comes to name a person goes with them, or says that it does not.
#[tokio::test]
async fn every_row_that_names_an_account_goes_with_it_or_lets_it_go() {
    let app = TestApp::start().await;
    let holding = app.ask(
        "SELECT coalesce(string_agg(conrelid::regclass::text, ' '), '') FROM pg_constraint
         WHERE contype = 'f' AND confrelid = 'users'::regclass AND confdeltype NOT IN ('c', 'n')",
    );
    assert_eq!(holding, "photos", "photos are deleted one by one, for their bytes");
}

#[tokio::test]
async fn an_address_that_somebody_squats_is_taken_from_them() {
    let provider = LyingProvider::start().await;
    let config = oidc::config(&provider.issuer);
    let app = TestApp::start_with(|it| it.oidc = Some(config)).await;
    let root = app.user("root").await;
    // `erin@example.org`, which is not hers.
    let squatter = app.user("erin").await;
    let log_in = async || {
        let erin = app.visitor();
        let sent = erin.get("/login/oidc").await.assert_status(303);
        erin.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await
    };
    log_in().await.assert_status(403).assert_says("has an account here already");
    let path = page_of(&app, "erin", "/email");
    root.post(&path, &[("email", "nonsense")]).await.assert_status(422);
    root.post(&path, &[("email", "ROOT@example.org")]).await.assert_status(422).assert_says("Another account has");
    squatter.post(&path, &[("email", "x@example.org")]).await.assert_status(404);
    let answer = root.post(&path, &[("email", "squatter@example.org")]).await.assert_status(303);
    root.get(answer.location()).await.assert_says("squatter@example.org").assert_says("Saved");
    log_in().await.assert_status(303);
    assert!(squatter.is_signed_in().await);
}

#[tokio::test]
async fn the_command_line_changes_addresses_and_deletes_accounts() {
    let kept = Kept::on_disk().await;
    let app = &kept.app;
    app.user("root").await;
    let alice = app.user("alice").await;
    alice.upload(jpeg()).await;
    let run = kept.run(&["user", "email", "alice", "new@example.org"]).await;
    assert!(run.status.success(), "{run:?}");
    assert_eq!(app.ask("SELECT email FROM users WHERE username = 'alice'"), "new@example.org");
    assert!(!kept.run(&["user", "email", "alice", "root@example.org"]).await.status.success());
    let delete = async |name: &str, typed: &str| {
        let mut command = kept.command(&["user", "delete", name]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{typed}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    for (name, typed, words) in [
        ("alice", "yes", "Nothing was deleted"),
        ("root", "root", "no other admin"),
        ("nobody", "nobody", "Nobody has"),
    ] {
        let (done, said) = delete(name, typed).await;
        assert!(!done && said.contains(words), "{said}");
    }
    let (done, said) = delete("new@example.org", "alice").await;
    assert!(done && said.contains("alice is deleted, with 1 photo"), "{said}");
    assert!(!alice.is_signed_in().await);
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files(), [""; 0]);
}
