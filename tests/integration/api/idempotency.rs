//! Uploads that are sent again because their answer was lost.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use crate::support::images::{another, broken_jpeg};
use crate::support::*;

const PHOTOS: &str = "/api/v1/photos/";
const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

async fn send(program: &Program, key: &str, upload: Upload) -> Answer {
    let request = program.request(Method::POST, PHOTOS).header(CONTENT_TYPE, Upload::content_type());
    program.send(request.header("idempotency-key", key).body(upload.into_body())).await
}

fn form(bytes: &[u8]) -> Upload {
    Upload::new().hashtags("sea").file("a.jpg", bytes)
}

#[tokio::test]
async fn the_same_request_under_the_same_key_gets_the_same_answer() {
    let app = TestApp::start().await;
    let browser = app.user("alice").await;
    let alice = app.program_of("alice").await;
    let bytes = jpeg();
    let first = send(&alice, KEY, form(&bytes)).await.assert_status(201);
    let photo = Photo { id: first.json()["id"].as_str().unwrap().to_owned() };
    browser.post(&photo.page(), &[("title", "Changed since")]).await.assert_status(303);
    // As the draft writes it, in quotes, too.
    for key in [KEY.to_owned(), format!("\"{KEY}\"")] {
        let again = send(&alice, &key, form(&bytes)).await.assert_status(201);
        assert_eq!((&again.bytes, again.location()), (&first.bytes, first.location()));
        assert_eq!(again.header("content-type"), first.header("content-type"));
    }
    alice.delete(&format!("{PHOTOS}{}", photo.id)).await.assert_status(204);
    assert_eq!(send(&alice, KEY, form(&bytes)).await.assert_status(201).bytes, first.bytes);
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "0", "what was deleted since does not come back");
}

#[tokio::test]
async fn a_key_that_came_with_another_request_is_refused_and_that_of_another_user_is_another() {
    let app = TestApp::start().await;
    app.user("alice").await;
    app.user("bob").await;
    let (alice, bob) = (app.program_of("alice").await, app.program_of("bob").await);
    let bytes = jpeg();
    send(&alice, KEY, form(&bytes)).await.assert_status(201);
    for other in [
        form(&another(jpeg())),
        Upload::new().hashtags("sea").file("b.jpg", bytes.clone()),
        Upload::new().hashtags("lake").file("a.jpg", bytes.clone()),
    ] {
        let problem = send(&alice, KEY, other).await.assert_status(422).json();
        assert_eq!(problem["type"], "urn:lumina:problem:other-request");
    }
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    send(&bob, KEY, form(&another(jpeg()))).await.assert_status(201);
}

#[tokio::test]
async fn of_many_at_once_one_does_it_and_the_others_wait_or_get_its_answer() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let bytes = jpeg();
    let sent = (0..8).map(|_| send(&alice, KEY, form(&bytes)));
    let answers = futures_util::future::join_all(sent).await;
    assert!(answers.iter().any(|answer| answer.status == 201));
    let photo = answers.iter().find(|answer| answer.status == 201).unwrap().bytes.clone();
    for answer in answers {
        if answer.status == 409 {
            assert_eq!(answer.json()["type"], "urn:lumina:problem:in-progress");
            assert_eq!(answer.header("retry-after"), "1");
        } else {
            assert_eq!(answer.assert_status(201).bytes, photo);
        }
    }
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    assert_eq!(send(&alice, KEY, form(&bytes)).await.assert_status(201).bytes, photo);
}

#[tokio::test]
async fn a_key_is_free_again_after_a_refusal_or_a_failure() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    send(&alice, KEY, form(&broken_jpeg())).await.assert_status(422);
    send(&alice, KEY, form(b"no photo")).await.assert_status(415);
    let bytes = jpeg();
    app.execute("ALTER TABLE photos RENAME COLUMN lens TO gone");
    send(&alice, KEY, form(&bytes)).await.assert_status(500);
    app.execute("ALTER TABLE photos RENAME COLUMN gone TO lens");
    send(&alice, KEY, form(&bytes)).await.assert_status(201);
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
}

/// The process dies between keeping the photo and answering; or before.
#[tokio::test]
async fn whoever_died_at_it_is_followed_by_the_next_to_ask() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let bytes = jpeg();
    let first = send(&alice, KEY, form(&bytes)).await.assert_status(201).json();
    app.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, alive_until = now() + interval '20 s'");
    send(&alice, KEY, form(&bytes)).await.assert_status(409);
    app.execute("UPDATE idempotency_keys SET alive_until = now() - interval '1 s'");
    let again = send(&alice, KEY, form(&bytes)).await.assert_status(201).json();
    assert_eq!(again, first, "kept by the try before, but never told: still new");
    app.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, alive_until = now() - interval '1 s'");
    app.execute("DELETE FROM photo_hashtags; DELETE FROM photos");
    let kept = send(&alice, KEY, form(&bytes)).await.assert_status(201).json();
    assert_eq!((kept["sha256"].clone(), kept["hashtags"].clone()), (first["sha256"].clone(), json!(["sea"])));
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let bytes = jpeg();
    let age = "UPDATE idempotency_keys SET created_at = now() - interval '25 h', alive_until = now() - interval '1 s'";
    send(&alice, KEY, form(&bytes)).await.assert_status(201);
    app.execute(age);
    send(&alice, KEY, form(&bytes)).await.assert_status(200);
    send(&alice, KEY, form(&bytes)).await.assert_status(200);
    assert_eq!(app.ask("SELECT count(*) FROM idempotency_keys"), "1");
    app.execute(age);
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.ask("SELECT count(*) FROM idempotency_keys"), "0");
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_before_anything_is_kept() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    for key in ["", "\"", "\"\"", "a\"b", &"x".repeat(256)] {
        let problem = send(&alice, key, form(&jpeg())).await.assert_status(400).json();
        assert_eq!(problem["type"], "urn:lumina:problem:bad-request", "{key}");
    }
    let two = alice.request(Method::POST, PHOTOS).header(CONTENT_TYPE, Upload::content_type());
    let two = two.header("idempotency-key", "a").header("idempotency-key", "b").body(form(&jpeg()).into_body());
    alice.send(two).await.assert_status(400);
    assert!(app.stored_files().is_empty());
}

#[tokio::test]
async fn a_confirmation_under_a_key_is_answered_the_same() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let bytes = jpeg();
    let new = json!({ "filename": "a.jpg", "content_type": "image/jpeg", "size_bytes": bytes.len() });
    let target = alice.json(Method::POST, "/api/v1/photos/upload-url", &new).await.assert_status(200).json();
    let confirm = async |hashtags: &str| {
        let request = alice.request(Method::POST, "/api/v1/photos/confirm").header("idempotency-key", KEY);
        let body = json!({ "key": target["key"], "hashtags": hashtags }).to_string();
        alice.send(request.header(CONTENT_TYPE, "application/json").body(body)).await
    };
    confirm("sea").await.assert_status(422).assert_says("Nothing was put");
    let path = target["upload_url"].as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
    let visitor = app.visitor();
    visitor.send(visitor.request(Method::PUT, &path).body(bytes)).await.assert_status(200);
    let first = confirm("sea").await.assert_status(201);
    let again = confirm("sea").await.assert_status(201);
    assert_eq!((again.bytes.as_slice(), again.location()), (first.bytes.as_slice(), first.location()));
    confirm("lake").await.assert_status(422).assert_says("other-request");
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
}
