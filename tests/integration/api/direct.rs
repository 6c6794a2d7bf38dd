//! Files that programs put into the storage themselves, on a disk and in a bucket.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::images::{another, broken_jpeg};
use crate::support::s3::S3Server;
use crate::support::*;

const URL: &str = "/api/v1/photos/upload-url";
const CONFIRM: &str = "/api/v1/photos/confirm";

/// A Lumina whose bytes lie in a folder, and one whose bytes lie in a bucket.
async fn both() -> Vec<(TestApp, Option<S3Server>)> {
    let server = S3Server::start();
    let config = server.config();
    vec![
        (TestApp::start().await, None),
        (TestApp::start_with(|settings| settings.s3 = Some(config)).await, Some(server)),
    ]
}

async fn announced(alice: &Program, size: usize) -> Value {
    let body = json!({ "filename": "a/sea.jpg", "content_type": "image/jpeg", "size_bytes": size });
    alice.json(Method::POST, URL, &body).await.assert_status(200).json()
}

/// As a program without any login does it: the address is all that it has.
async fn put(ticket: &Value, bytes: &[u8]) -> u16 {
    let request = reqwest::Client::new().put(ticket["upload_url"].as_str().unwrap());
    let request = request.header("content-type", ticket["headers"]["Content-Type"].as_str().unwrap());
    request.body(bytes.to_vec()).send().await.unwrap().status().as_u16()
}

async fn confirm(alice: &Program, ticket: &Value) -> Answer {
    alice.json(Method::POST, CONFIRM, &json!({ "key": ticket["key"], "hashtags": "Sea, #Crete" })).await
}

fn objects(app: &TestApp, server: Option<&S3Server>) -> Vec<String> {
    server.map_or_else(|| app.stored_files(), S3Server::objects)
}

#[tokio::test]
async fn a_file_is_put_by_its_address_and_confirmed() {
    for (app, server) in both().await {
        app.user("alice").await;
        let alice = app.program_of("alice").await;
        let bytes = jpeg();
        let ticket = announced(&alice, bytes.len()).await;
        assert_eq!(ticket["method"], "PUT");
        assert!(ticket["expires_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(ticket["upload_url"].as_str().unwrap().starts_with(&app.origin()), server.is_none());
        let early = confirm(&alice, &ticket).await.assert_status(422).json();
        assert!(early["errors"]["key"][0].as_str().unwrap().starts_with("Nothing was put"), "{early}");

        assert_eq!(put(&ticket, &bytes).await, 200);
        assert_eq!(app.ask("SELECT count(*) FROM photos"), "0", "not before it is confirmed");
        let photo = confirm(&alice, &ticket).await.assert_status(201);
        assert!(photo.location().contains("/api/v1/photos/"));
        let photo = photo.json();
        assert_eq!((&photo["filename"], &photo["hashtags"]), (&json!("sea.jpg"), &json!(["crete", "sea"])));
        let path = photo["url"].as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
        assert_eq!(alice.get(&path).await.assert_status(200).bytes, bytes);
        assert_eq!(objects(&app, server.as_ref()).len(), 4, "{:?}", objects(&app, server.as_ref()));
        assert_eq!(confirm(&alice, &ticket).await.assert_status(200).json(), photo, "once more is the same");

        // The address may still be good, and what comes late is nobody's: it goes with the row.
        put(&ticket, &bytes).await;
        app.execute("UPDATE uploads SET due_at = now()");
        app.state().album.sweep().await.unwrap();
        assert_eq!(objects(&app, server.as_ref()).len(), 4, "{:?}", objects(&app, server.as_ref()));
        assert_eq!(app.ask("SELECT count(*) FROM uploads"), "0");
        confirm(&alice, &ticket).await.assert_status(404);
    }
}

#[tokio::test]
async fn what_fails_is_removed_and_another_try_may_follow() {
    for (app, server) in both().await {
        app.user("alice").await;
        let alice = app.program_of("alice").await;
        let (broken, whole) = (broken_jpeg(), jpeg());
        for (bytes, status, field) in [(broken, 422, "file"), (b"<html>no photo</html>".to_vec(), 415, "")] {
            let ticket = announced(&alice, bytes.len()).await;
            assert_eq!(put(&ticket, &bytes).await, 200);
            let refused = confirm(&alice, &ticket).await.assert_status(status).json();
            assert!(field.is_empty() || refused["errors"][field].is_array(), "{refused}");
            assert!(objects(&app, server.as_ref()).is_empty(), "{:?}", objects(&app, server.as_ref()));
            confirm(&alice, &ticket).await.assert_status(422);
        }
        let ticket = announced(&alice, whole.len()).await;
        assert!(put(&ticket, &whole[1..]).await >= 400, "not of the size that was announced");
        assert!(put(&ticket, &[&whole[..], b"x"].concat()).await >= 400);
        confirm(&alice, &ticket).await.assert_status(422);
        assert_eq!(put(&ticket, &whole).await, 200);
        confirm(&alice, &ticket).await.assert_status(201);
        assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    }
}

#[tokio::test]
async fn many_confirmations_make_one_photo() {
    for (app, server) in both().await {
        app.user("alice").await;
        let alice = app.program_of("alice").await;
        let bytes = jpeg();
        let ticket = announced(&alice, bytes.len()).await;
        put(&ticket, &bytes).await;
        let answers = join_all((0..10).map(|_| confirm(&alice, &ticket))).await;
        let ids: Vec<_> = answers.iter().map(|answer| answer.json()["id"].clone()).collect();
        assert!(answers.iter().all(|answer| [200, 201].contains(&answer.status)), "{answers:?}");
        assert!(ids.iter().all(|id| *id == ids[0] && id.is_string()), "{ids:?}");
        app.state().album.sweep().await.unwrap();
        assert_eq!(objects(&app, server.as_ref()).len(), 4, "{:?}", objects(&app, server.as_ref()));
    }
}

#[tokio::test]
async fn an_address_is_good_for_what_was_announced_and_nothing_else() {
    for (app, server) in both().await {
        app.user("alice").await;
        app.user("bob").await;
        let (alice, bob) = (app.program_of("alice").await, app.program_of("bob").await);
        let bytes = another(jpeg());
        let ticket = announced(&alice, bytes.len()).await;
        put(&ticket, &bytes).await;
        for key in ["", "x", "photos/00/x", "../uploads", &format!("/{}", ticket["key"].as_str().unwrap())] {
            let body = json!({ "key": key });
            alice.json(Method::POST, CONFIRM, &body).await.assert_status(404);
        }
        confirm(&bob, &ticket).await.assert_status(404);
        confirm(&alice, &ticket).await.assert_status(201);

        let ticket = announced(&alice, bytes.len()).await;
        let url = ticket["upload_url"].as_str().unwrap();
        let last = url.chars().last().unwrap();
        let forged = format!("{}{}", &url[..url.len() - 1], if last == 'a' { 'b' } else { 'a' });
        let status = put(&json!({ "upload_url": forged, "headers": ticket["headers"] }), &bytes).await;
        assert!([403, 404].contains(&status), "{status}");
        if server.is_none() {
            app.execute("UPDATE users SET active = false WHERE username = 'alice'");
            assert_eq!(put(&ticket, &bytes).await, 404, "its owner is disabled");
            app.execute("UPDATE users SET active = true; UPDATE uploads SET expires_at = now() - interval '1 second'");
            assert_eq!(put(&ticket, &bytes).await, 404, "it has expired");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_before_it_is_sent() {
    let app = TestApp::start_with(|config| config.limits.upload_mib = 1).await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let ask = async |filename: &str, content_type: &str, size_bytes: Value| {
        let body = json!({ "filename": filename, "content_type": content_type, "size_bytes": size_bytes });
        alice.json(Method::POST, URL, &body).await
    };
    ask("a.jpg", "IMAGE/JPG", json!(1 << 20)).await.assert_status(200);
    ask("a.jpg", "image/jpeg", json!((1 << 20) + 1)).await.assert_status(413);
    ask("a.svg", "image/svg+xml", json!(10)).await.assert_status(415);
    for size in [json!(0), json!(-1), json!("10"), json!(1.5), Value::Null] {
        ask("a.jpg", "image/jpeg", size).await.assert_status(422);
    }
    ask(" ", "image/jpeg", json!(10)).await.assert_status(422);
    assert_eq!(app.ask("SELECT count(*) FROM uploads"), "1");
    app.execute(
        "INSERT INTO uploads (id, owner_id, filename, size_bytes, expires_at, due_at) \
         SELECT gen_random_uuid(), owner_id, 'x', 1, expires_at, due_at FROM uploads, generate_series(1, 999)",
    );
    ask("a.jpg", "image/jpeg", json!(10)).await.assert_status(409);
    let visitor = app.visitor();
    let body = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": 1 });
    visitor.send(visitor.json(Method::POST, URL, &body)).await.assert_status(401);
}

/// What is announced is as good as there, for a quota.
#[tokio::test]
async fn what_was_announced_counts_until_it_is_confirmed_or_forgotten() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    app.execute("UPDATE users SET quota_mib = 1");
    let size = 400 << 10;
    announced(&alice, size).await;
    let bytes = jpeg();
    let small = announced(&alice, bytes.len()).await;
    announced(&alice, size).await;
    let third = json!({ "filename": "sea.jpg", "content_type": "image/jpeg", "size_bytes": size });
    let refused = alice.json(Method::POST, URL, &third).await.assert_status(413).json();
    assert_eq!(refused["type"], "urn:lumina:problem:over-quota");
    assert_eq!(app.ask("SELECT count(*) FROM uploads"), "3");
    // It is its photo that counts then, and its bytes go as soon as its address is worth nothing.
    assert_eq!(put(&small, &bytes).await, 200);
    confirm(&alice, &small).await.assert_status(201);
    let soon = "due_at < expires_at + interval '1 hour'";
    assert_eq!(
        app.ask(&format!("SELECT string_agg(size_bytes::text, ' ') FROM uploads WHERE {soon}")),
        bytes.len().to_string()
    );
    app.execute("UPDATE uploads SET due_at = now() WHERE photo_id IS NULL");
    announced(&alice, size).await;
}
