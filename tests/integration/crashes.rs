//! The real program with its private Postgres, killed at any moment and started again; and stopped in good order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rand::Rng;
use reqwest::Body;
use sha2::{Digest, Sha256};

use crate::support::binary::Binary;
use crate::support::db::{ask, connect, private_url};
use crate::support::*;

/// How often it is killed.
const KILLS: u32 = 5;

/// What the program has promised: the photos it acknowledged by the hash of their bytes, and those it deleted.
#[derive(Default)]
struct Promised {
    kept: BTreeMap<String, String>,
    deleted: BTreeSet<String>,
    /// Whose deletion was sent and not answered: either is right.
    unknown: BTreeSet<String>,
}

#[tokio::test]
async fn killed_at_any_moment_it_starts_again_with_every_acknowledged_photo() {
    let folder = cluster::scratch();
    let data_dir = folder.path().join("data");
    let promised = Arc::new(Mutex::new(Promised::default()));
    let mut lumina = Binary::start(&data_dir);
    let mut alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    for _ in 0..KILLS {
        let before = promised.lock().unwrap().kept.len();
        let workers: Vec<_> =
            (0..3).map(|_| tokio::spawn(upload_until_killed(alice.clone(), Arc::clone(&promised)))).collect();
        let moment = rand::rng().random_range(50..900);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        // However busy the machine is: something was acknowledged that can be lost.
        while promised.lock().unwrap().kept.len() < before + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        lumina.kill();
        for worker in workers {
            worker.await.unwrap();
        }
        let started = Instant::now();
        lumina = Binary::start(&data_dir);
        assert!(started.elapsed() < Duration::from_secs(5), "it took {:?} to come back", started.elapsed());
        alice = alice.moved_to_base(&lumina.base);
        nothing_is_lost(&alice, &data_dir, &promised).await;
    }
    assert!(promised.lock().unwrap().kept.len() > 10, "something was uploaded");
    nothing_lingers(lumina, &data_dir).await;
}

/// Uploads photos, each another, and deletes some, until the connection breaks.
async fn upload_until_killed(alice: Client, promised: Arc<Mutex<Promised>>) {
    loop {
        let bytes = png();
        let sha256 = hex(&Sha256::digest(&bytes));
        let upload = Upload::new().hashtags("sea").file("a.png", bytes);
        let Ok(answer) = alice.try_send(alice.upload_request(upload).header("hx-request", "true")).await else {
            return;
        };
        let photo = answer.assert_status(200).photos().remove(0);
        promised.lock().unwrap().kept.insert(photo.id.clone(), sha256);
        if rand::rng().random_bool(0.3) {
            promised.lock().unwrap().unknown.insert(photo.id.clone());
            let Ok(answer) = alice.try_send(alice.form(&photo.at("delete"), &[])).await else { return };
            answer.assert_status(303);
            let mut promised = promised.lock().unwrap();
            promised.unknown.remove(&photo.id);
            promised.kept.remove(&photo.id);
            promised.deleted.insert(photo.id);
        }
    }
}

/// Every promise is kept, by the rows and files themselves and by the front door.
async fn nothing_is_lost(alice: &Client, data_dir: &Path, promised: &Mutex<Promised>) {
    let (kept, deleted, unknown) = {
        let promised = promised.lock().unwrap();
        (promised.kept.clone(), promised.deleted.clone(), promised.unknown.clone())
    };
    let rows = rows(data_dir);
    for (id, sha256) in &kept {
        match rows.get(id) {
            Some(row) => assert_eq!(row, sha256, "{id}"),
            None => assert!(unknown.contains(id), "{id} was acknowledged and is gone"),
        }
    }
    for (id, sha256) in &rows {
        let original = std::fs::read(original(data_dir, id)).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(hex(&Sha256::digest(&original)), *sha256, "{id}");
    }
    for id in &deleted {
        assert!(!rows.contains_key(id), "{id} was deleted");
        alice.get(&format!("/photos/{id}/original")).await.assert_status(404);
    }
    for id in rows.keys().rev().take(5) {
        for what in ["original", "small", "large"] {
            alice.get(&format!("/photos/{id}/{what}")).await.assert_status(200);
        }
    }
    // Whatever is stored is named by a row, so that it is served or swept up.
    let named = ask(&mut database(data_dir), "SELECT string_agg(photo_id::text, ' ') FROM removals");
    let named: BTreeSet<_> = named.split_whitespace().collect();
    for id in stored(data_dir).keys() {
        assert!(rows.contains_key(id) || named.contains(id.as_str()), "{id} is stored and nothing names it");
    }
    let temporary = files_below(&data_dir.join("tmp"));
    assert!(temporary.is_empty(), "left by a killed upload: {temporary:?}");
}

/// When all time to undo is over, exactly the photos' files are left.
async fn nothing_lingers(mut lumina: Binary, data_dir: &Path) {
    diesel::connection::SimpleConnection::batch_execute(&mut database(data_dir), "UPDATE removals SET due_at = now()")
        .unwrap();
    lumina.kill();
    // The sweeper works at the start.
    let lumina = Binary::start(data_dir);
    let mut conn = database(data_dir);
    let begin = Instant::now();
    while ask(&mut conn, "SELECT count(*) FROM removals") != "0" {
        assert!(begin.elapsed() < Duration::from_secs(20), "the sweeper does not finish");
        tokio::task::yield_now().await;
    }
    let rows = rows(data_dir);
    let stored = stored(data_dir);
    assert_eq!(stored.keys().collect::<Vec<_>>(), rows.keys().collect::<Vec<_>>());
    assert!(stored.values().all(|files| *files == 4));
    drop(lumina);
    assert!(!data_dir.join("postgres/postmaster.pid").exists(), "its database stopped with it");
}

fn database(data_dir: &Path) -> diesel::PgConnection {
    connect(&private_url(data_dir))
}

/// The photos' ids and hashes, read past the program.
fn rows(data_dir: &Path) -> BTreeMap<String, String> {
    let rows = ask(&mut database(data_dir), "SELECT string_agg(id || '=' || encode(sha256, 'hex'), ' ') FROM photos");
    rows.split_whitespace().map(|row| row.split_once('=').unwrap()).map(|(id, hash)| (id.into(), hash.into())).collect()
}

/// How many files are stored of each photo.
fn stored(data_dir: &Path) -> BTreeMap<String, usize> {
    let mut stored = BTreeMap::new();
    for path in files_below(&data_dir.join("photos")) {
        let photo = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        *stored.entry(photo).or_default() += 1;
    }
    stored
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn original(data_dir: &Path, id: &str) -> PathBuf {
    data_dir.join("photos").join(&id[id.len() - 2..]).join(id).join("original")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn sigterm_finishes_what_runs_and_stops_the_database() {
    let folder = cluster::scratch();
    let data_dir = folder.path().join("data");
    let mut lumina = Binary::start(&data_dir);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    // An upload whose end comes only when we say so.
    let bytes = jpeg();
    let whole = Upload::new().file("a.jpg", bytes.clone()).into_bytes();
    let (head, tail) = whole.split_at(300);
    let (go_on, waiting) = tokio::sync::oneshot::channel::<()>();
    let (head, tail) = (head.to_vec(), tail.to_vec());
    let body = futures_util::stream::iter([Ok(head)]).chain(futures_util::stream::once(async move {
        waiting.await.unwrap();
        std::io::Result::Ok(tail)
    }));
    let request = alice.upload_request(Upload::new()).header("hx-request", "true").body(Body::wrap_stream(body));
    let sending = tokio::spawn({
        let alice = alice.clone();
        async move { alice.send(request).await }
    });
    let begin = Instant::now();
    while files_below(&data_dir.join("tmp")).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(10), "the upload did not begin");
        tokio::task::yield_now().await;
    }
    lumina.terminate();
    while lumina.visitor().try_send(alice.request(reqwest::Method::GET, "/health")).await.is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(10), "it takes new requests after SIGTERM");
    }
    assert!(lumina.runs(), "it waits for the upload");
    go_on.send(()).unwrap();
    let photo = sending.await.unwrap().assert_status(200).photos().remove(0);
    drop(alice);
    let ending = Instant::now();
    assert!(lumina.wait().success());
    assert!(ending.elapsed() < Duration::from_secs(30), "{:?}", ending.elapsed());
    assert!(!data_dir.join("postgres/postmaster.pid").exists(), "the database is down");
    let again = Binary::start(&data_dir);
    let alice = again.visitor();
    alice.log_in("alice", PASSWORD).await.assert_status(303);
    assert_eq!(alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
}

#[tokio::test]
async fn a_second_one_on_the_same_folder_is_refused() {
    let folder = cluster::scratch();
    let data_dir = folder.path().join("data");
    let lumina = Binary::start(&data_dir);
    let second = Binary::command().env("DATA_DIR", &data_dir).env("BIND", "127.0.0.1:0").output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another Lumina") && said.contains("DATA_DIR"), "{said}");
    lumina.visitor().get("/health").await.assert_status(200);
}
