//! The database is stopped at once, as by a crash, and comes back.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::support::load::{Doors, Load};
use crate::support::server::Server;
use crate::support::witness::Witness;
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
async fn stopped_under_load_nobody_is_told_anything_wrong_and_nothing_is_lost() {
    let folder = cluster::scratch();
    let mut server = Server::start(folder.path());
    let app = TestApp::start_on(Database::create_on(&server.url("postgres")), |_| {}).await;
    let doors = Doors::default();
    doors.are(&[app.base()]);
    let load = Load::of(4, || app.visitor(), doors).await;
    let work = load.works();
    while load.count() < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stopping = tokio::task::spawn_blocking(move || {
        server.stop_at_once();
        server
    });
    let mut server = stopping.await.unwrap();
    while load.refused() < 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let starting = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    let _server = starting.await.unwrap();
    let back = Instant::now();
    while app.visitor().get("/health").await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    work.ends().await;
    let witness = Witness::of(&app);
    load.checks(&witness).await;
    // What was on its way is named by a removal until its time comes.
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
}
