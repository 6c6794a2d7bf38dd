//! How much somebody may keep: exact however many uploads come at once, and said in words.

use futures_util::future::join_all;

use crate::support::images::noise;
use crate::support::*;

/// What `alice` keeps, by the rows themselves and by what is counted.
fn used(app: &TestApp) -> (i64, i64) {
    let rows = app.ask("SELECT coalesce(sum(size_bytes), 0) FROM photos");
    let counted = app.ask("SELECT coalesce(sum(bytes), 0) FROM photo_counts");
    (rows.parse().unwrap(), counted.parse().unwrap())
}

#[tokio::test]
async fn fifty_uploads_at_once_fill_it_exactly_and_no_further() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.execute("UPDATE users SET quota_mib = 2");
    let files: Vec<_> = (0..50).map(|number| noise(200 + number % 7)).collect();
    let answers = join_all(files.iter().map(|file| {
        let request = alice.upload_to("/api/v1/photos/", Upload::new().file("noise.png", file.clone()));
        alice.send(request)
    }))
    .await;
    let kept = answers.iter().filter(|answer| answer.status == 201).count();
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.status, 413, "{answer:?}");
        assert_eq!(answer.json()["type"], "urn:lumina:problem:over-quota");
        assert!(answer.json()["detail"].as_str().unwrap().contains("of 2 MiB"), "{answer:?}");
    }
    let (rows, counted) = used(&app);
    assert_eq!(rows, counted);
    assert!(rows <= 2 << 20, "{rows} bytes are more than allowed");
    for (file, _) in files.iter().zip(&answers).filter(|(_, answer)| answer.status != 201) {
        assert!(rows + file.len() as i64 > 2 << 20, "{rows} bytes leave room for one that was refused");
    }
    assert_eq!(app.ask("SELECT count(*) FROM photos"), kept.to_string());
    // Nothing of what was refused stays.
    app.execute("UPDATE removals SET due_at = now()");
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files().iter().filter(|file| file.contains("original")).count(), kept);
}

#[tokio::test]
async fn what_is_deleted_comes_back_however_full_it_is_and_is_counted() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.execute("UPDATE users SET quota_mib = 1");
    let first = alice.upload(noise(400)).await;
    let second = alice.upload(noise(400)).await;
    alice.post(&first.at("delete"), &[]).await.assert_status(303);
    let refused = alice.post_upload(Upload::new().file("third.png", noise(401))).await;
    refused.assert_status(413).assert_says("What you deleted in the last minute still counts");
    alice.post(&first.at("restore"), &[]).await.assert_status(303);
    alice.get("/photos").await.assert_photos(&[&second, &first]);
    let (rows, counted) = used(&app);
    assert_eq!(rows, counted);
    alice.post(&first.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    alice.upload(noise(401)).await;
    let (rows, counted) = used(&app);
    assert_eq!(rows, counted);
}

#[tokio::test]
async fn who_is_full_keeps_everything_and_may_send_what_is_already_here() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let file = noise(200);
    let photo = alice.upload(file.clone()).await;
    app.execute("UPDATE users SET quota_mib = 0");
    let again = Upload::new().hashtags("sea").file("again.png", file);
    alice.post_upload(again).await.assert_status(303);
    alice.get("/photos?hashtag=sea").await.assert_photos(&[&photo]);
    let batch = Upload::new().file("one.jpg", jpeg()).file("two.jpg", jpeg());
    let refused = alice.post_upload(batch).await.assert_status(413);
    refused.assert_says("one.jpg").assert_says("two.jpg").assert_says("There is no room for this photo");
    alice.get("/photos").await.assert_photos(&[&photo]);
    alice.get("/account").await.assert_status(200).assert_says("of 0 bytes");
    // What only asks where to put a file is told so before a byte is sent.
    let program = app.program_of("alice").await;
    let wanted = serde_json::json!({ "filename": "a.png", "content_type": "image/png", "size_bytes": 1000 });
    let refused = program.json(reqwest::Method::POST, "/api/v1/photos/upload-url", &wanted).await.assert_status(413);
    assert_eq!(refused.json()["type"], "urn:lumina:problem:over-quota");
    assert_eq!(app.ask("SELECT count(*) FROM uploads"), "0");
}

#[tokio::test]
async fn a_quota_of_ones_own_goes_before_that_of_everyone() {
    let app = TestApp::start().await;
    let root = app.user("root").await;
    let alice = app.user("alice").await;
    root.post("/admin/registration", &[("registration", "open"), ("quota_mib", "0")]).await.assert_status(303);
    alice.post_upload(Upload::new().file("a.jpg", jpeg())).await.assert_status(413);
    let id = app.ask("SELECT id FROM users WHERE username = 'alice'");
    root.post(&format!("/admin/people/{id}/quota"), &[("quota_mib", "5")]).await.assert_status(303);
    alice.post_upload(Upload::new().file("a.jpg", jpeg())).await.assert_status(303);
    alice.get("/account").await.assert_says("of 5 MiB");
    root.get(&format!("/admin/people/{id}")).await.assert_says("of 5 MiB").assert_says("1 photo");
    for wrong in ["-1", "five", "1.5", "99999999999"] {
        let answer = root.post(&format!("/admin/people/{id}/quota"), &[("quota_mib", wrong)]).await;
        answer.assert_status(422).assert_says("Use a whole number of MiB");
        root.post("/admin/registration", &[("registration", "open"), ("quota_mib", wrong)]).await.assert_status(422);
    }
    root.post("/admin/registration", &[("registration", "open"), ("quota_mib", "")]).await.assert_status(303);
    root.post(&format!("/admin/people/{id}/quota"), &[("quota_mib", "")]).await.assert_status(303);
    alice.get("/account").await.assert_silent_about(" of 5 MiB");
}

#[tokio::test]
async fn an_upload_of_somebody_who_is_disabled_meanwhile_is_not_kept() {
    let app = TestApp::start().await;
    let (_root, alice) = (app.user("root").await, app.user("alice").await);
    // The row is locked as an admin's change would lock it, so that the upload gets as far as it can.
    let mut admin = app.connect();
    use diesel::connection::SimpleConnection;
    admin.batch_execute("BEGIN; UPDATE users SET active = false WHERE username = 'alice'").unwrap();
    let upload = alice.send(alice.upload_to("/api/v1/photos/", Upload::new().file("a.jpg", jpeg())));
    let commit = async {
        let waiting =
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while app.ask(waiting) != "true" {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        admin.batch_execute("COMMIT").unwrap();
    };
    let (answer, ()) = tokio::join!(upload, commit);
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "0");
}
