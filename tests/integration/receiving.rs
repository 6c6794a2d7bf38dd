//! What people send is bounded while it arrives, and not when all of it lies here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::images::noise;
use crate::support::*;

const MIB: u64 = 1 << 20;

fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|it| it.len())
        .sum()
}

/// The most bytes that lie in the folder for temporary files while `work` is done.
async fn most_parked<T>(app: &TestApp, work: impl Future<Output = T>) -> (u64, T) {
    let (folder, done) = (app.data_dir().join("tmp"), Arc::new(AtomicBool::new(false)));
    let until = Arc::clone(&done);
    let watching = std::thread::spawn(move || {
        let mut most = 0;
        while !until.load(SeqCst) {
            most = most.max(bytes_in(&folder));
            std::thread::sleep(Duration::from_micros(200));
        }
        most
    });
    let outcome = work.await;
    done.store(true, SeqCst);
    (watching.join().unwrap(), outcome)
}

#[tokio::test]
async fn one_request_parks_no_more_than_the_quota_has_left_and_one_file() {
    let app = TestApp::start_with(|config| config.limits.upload_mib = 1).await;
    let alice = app.user("alice").await;
    app.execute("UPDATE users SET quota_mib = 1");
    let first = noise(500);
    let photo = alice.upload(first.clone()).await;
    // The last one is here already, however full it is: its bytes are hashed though there is no room for them.
    let form = (0..30).fold(Upload::new().hashtags("sea"), |form, _| form.file("noise.png", noise(500)));
    let (most, answer) = most_parked(&app, alice.post_upload(form.file("first.png", first))).await;
    assert!(most <= 2 * MIB, "{most} bytes were parked");
    answer.assert_status(413).assert_says("There is no room for this photo").assert_silent_about("first.png");
    alice.get("/photos").await.assert_photos(&[&photo]);
    alice.get("/photos?hashtag=sea").await.assert_photos(&[&photo]);
    assert_eq!(bytes_in(&app.data_dir().join("tmp")), 0);
}

#[tokio::test]
async fn many_requests_of_one_person_park_no_more_than_one_person_may() {
    let app = TestApp::start_with(|config| (config.limits.upload_mib, config.limits.staged_mib) = (1, 2)).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let uploads = (0..4).map(|_| {
        let form = (0..6).fold(Upload::new(), |form, _| form.file("noise.png", noise(500)));
        alice.post_upload(form)
    });
    let (most, answers) = most_parked(&app, join_all(uploads)).await;
    assert!(most <= 2 * MIB, "{most} bytes were parked");
    assert!(answers.iter().any(|answer| answer.status == 413), "{answers:?}");
    for answer in answers.into_iter().filter(|answer| answer.status != 303) {
        answer.assert_status(413).assert_says("more than you may send at a time: 2 MiB");
    }
    let kept: u32 = app.ask("SELECT count(*) FROM photos").parse().unwrap();
    assert!((2..24).contains(&kept), "{kept}");
    // What is over counts no more, and others never did.
    alice.upload(noise(500)).await;
    bob.upload(noise(500)).await;
}

async fn announce(program: &Program, size: usize) -> Answer {
    let wanted = json!({ "filename": "a.png", "content_type": "image/png", "size_bytes": size });
    program.json(Method::POST, "/api/v1/photos/upload-url", &wanted).await
}

fn put(ticket: &Value, body: impl Into<Body>) -> reqwest::RequestBuilder {
    reqwest::Client::new().put(ticket["upload_url"].as_str().unwrap()).body(body)
}

#[tokio::test]
async fn an_announced_upload_is_sent_by_one_request_at_a_time() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let file = noise(100);
    let ticket = announce(&alice, file.len()).await.assert_status(200).json();
    let (send, receive) = mpsc::channel::<std::io::Result<Bytes>>(1);
    let body = stream::unfold(receive, |mut receive| async { receive.recv().await.map(|chunk| (chunk, receive)) });
    let first = tokio::spawn(put(&ticket, Body::wrap_stream(body)).send());
    let (begin, end) = file.split_at(10);
    send.send(Ok(Bytes::copy_from_slice(begin))).await.unwrap();
    while std::fs::read_dir(app.data_dir().join("tmp")).unwrap().next().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let others = join_all((0..20).map(|_| put(&ticket, file.clone()).send())).await;
    assert!(others.into_iter().all(|other| other.unwrap().status() == 409));
    send.send(Ok(Bytes::copy_from_slice(end))).await.unwrap();
    drop(send);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    assert_eq!(put(&ticket, file.clone()).send().await.unwrap().status(), 200, "one after the other");
    let confirmed = alice.json(Method::POST, "/api/v1/photos/confirm", &json!({ "key": ticket["key"] })).await;
    confirmed.assert_status(201);
}

#[tokio::test]
async fn announced_uploads_that_wait_are_bounded_by_their_bytes() {
    let app = TestApp::start_with(|config| (config.limits.upload_mib, config.limits.staged_mib) = (1, 2)).await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    for _ in 0..2 {
        announce(&alice, MIB as usize).await.assert_status(200);
    }
    let refused = announce(&alice, 1).await.assert_status(409).json();
    assert!(refused["detail"].as_str().unwrap().starts_with("Uploads of 2 MiB wait to be confirmed"), "{refused}");
    app.execute("UPDATE uploads SET due_at = now()");
    announce(&alice, 1).await.assert_status(200);
}

#[tokio::test]
async fn every_part_of_a_form_counts() {
    let app = TestApp::start_with(|config| config.limits.files_per_upload = 3).await;
    let alice = app.user("alice").await;
    let empty = |count| (0..count).fold(Upload::new(), |form, _| form.file("", b""));
    alice.post_upload(empty(1).file("a.jpg", jpeg())).await.assert_status(303);
    let refused = alice.post_upload(empty(50).file("b.jpg", jpeg())).await;
    refused.assert_status(413).assert_says("At most 3 files");
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    let fields =
        |count, text: &str| (0..count).fold(Upload::new(), |form, _| form.hashtags(text)).file("c.jpg", jpeg());
    alice.post_upload(fields(101, "")).await.assert_status(413).assert_says("at most 100 fields");
    alice.post_upload(fields(3, &"x".repeat(6000))).await.assert_status(413);
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    let tags = (0..50).fold(Upload::new(), |form, number| form.hashtags(&format!("t{number}")));
    alice.post_upload(tags.file("c.jpg", jpeg())).await.assert_status(303);
    assert_eq!(app.ask("SELECT count(*) FROM photo_hashtags"), "50");
}
