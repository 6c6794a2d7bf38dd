//! The database is stopped at once, as by a crash, and comes back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::support::server::Server;
use crate::support::*;

#[tokio::test]
async fn pages_wait_for_the_database_and_nobody_is_signed_out() {
    let folder = cluster::scratch();
    let mut server = Server::start(folder.path());
    let app = TestApp::start_on(Database::create_on(&server.url("postgres")), |_| {}).await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let photo = alice.upload_tagged(bytes.clone(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let cookie = alice.cookie("lumina");
    server.stop_at_once();

    let shared = [format!("/s/{token}"), format!("/i/{token}")];
    let own = [photo.page(), photo.at("original"), photo.at("small")];
    let pages = ["/photos", "/hashtags", "/account", "/", "/u/alice", "/photos?hashtag=sea"].map(str::to_owned);
    let read = join_all(pages.iter().chain(&own).chain(&shared).map(async |path| {
        let asked = Instant::now();
        let answer = alice.get(path).await.assert_status(503);
        assert!(asked.elapsed() < Duration::from_secs(10), "{path} took {:?}", asked.elapsed());
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1, "{path}");
        assert!(answer.headers.get("set-cookie").is_none(), "{path}: the cookie is left alone");
        answer.assert_says("Back in a moment").assert_says("Your photos are safe").assert_silent_about("onnection to");
    }));
    let programs = async {
        let json = alice.get_with("/photos", &[("accept", "application/json")]).await.assert_status(503);
        assert_eq!(json.json()["status"], 503);
    };
    let script = async { alice.get_with("/photos", &[("hx-request", "true")]).await.assert_status(503) };
    let health = async {
        let health = app.visitor().get("/health").await.assert_status(503);
        assert!(!health.header("retry-after").is_empty());
        assert_ne!(health.json()["status"], "ok");
    };
    tokio::join!(read, programs, script, health);
    app.visitor().get("/login").await.assert_status(200);
    let login = [("username", "alice"), ("password", PASSWORD)];
    let (visitor, delete) = (app.visitor(), photo.at("delete"));
    let changes = tokio::join!(
        visitor.post("/login", &login),
        alice.post("/logout", &[]),
        alice.post(&delete, &[]),
        alice.post_upload(Upload::new().file("a.jpg", jpeg())),
        visitor.register("bob"),
    );
    for answer in [changes.0, changes.1, changes.2, changes.3, changes.4] {
        answer.assert_status(503);
    }
    assert_eq!(app.stored_files().len(), 4, "nothing of the refused upload stays");

    server.start_again();
    let back = Instant::now();
    while alice.get("/health").await.status != 200 || alice.get("/photos").await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10), "recovers by itself");
    }
    assert_eq!(alice.cookie("lumina"), cookie);
    alice.get("/photos").await.assert_photos(&[&photo]);
    assert_eq!(alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
    alice.upload(jpeg()).await;
}

#[tokio::test]
async fn stopped_under_load_every_answered_upload_is_kept() {
    let folder = cluster::scratch();
    let mut server = Server::start(folder.path());
    let app = TestApp::start_on(Database::create_on(&server.url("postgres")), |_| {}).await;
    let alice = app.user("alice").await;
    let (stopping, stopped) = tokio::sync::watch::channel(false);
    let uploads = (0..4).map(|_| {
        let (alice, mut stopped) = (alice.clone(), stopped.clone());
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while !*stopped.borrow_and_update() {
                let bytes = jpeg();
                let upload = Upload::new().file("a.jpg", bytes.clone());
                let answer = alice.send(alice.upload_request(upload).header("hx-request", "true")).await;
                match answer.status {
                    200 => kept.extend(answer.photos().into_iter().map(|photo| (photo, bytes.clone()))),
                    status => assert_eq!(status, 503, "{answer:?}"),
                }
            }
            kept
        })
    });
    let uploads: Vec<_> = uploads.collect();
    while app.ask("SELECT count(*) FROM photos").parse::<u32>().unwrap() < 20 {
        tokio::task::yield_now().await;
    }
    let server = tokio::task::spawn_blocking(move || {
        server.stop_at_once();
        server
    });
    let mut server = server.await.unwrap();
    stopping.send(true).unwrap();
    let mut kept = Vec::new();
    for upload in uploads {
        kept.extend(upload.await.unwrap());
    }
    server.start_again();
    let back = Instant::now();
    while alice.get("/health").await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10));
    }
    for (photo, bytes) in &kept {
        assert_eq!(&alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
    }
    // What was on its way is named by a removal until its time comes.
    app.execute("UPDATE removals SET due_at = now()");
    app.state().album.sweep().await.unwrap();
    let rows = app.ask("SELECT count(*) FROM photos").parse::<usize>().unwrap();
    assert!(rows >= kept.len());
    assert_eq!(app.stored_files().len(), rows * 4);
}
