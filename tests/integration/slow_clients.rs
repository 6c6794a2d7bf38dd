//! Thousands who send or read as slowly as they can: each is cut off by a deadline, and nobody else notices. Only where
//! `./dev test --chaos` runs, as deadlines take their time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::binary::Binary;
use crate::support::*;

/// Connections that stop in their head, in their body, and while they read. The last take megabytes of the kernel's each.
const HEADS: usize = 6_000;
const BODIES: usize = 3_700;
const READERS: usize = 300;

/// By when all of them are cut off.
const DEADLINE: Duration = Duration::from_secs(150);

#[tokio::test]
async fn ten_thousand_slow_connections_hurt_nobody_and_end() {
    if std::env::var_os("LUMINA_CHAOS").is_none() {
        eprintln!("SKIPPED: ./dev test --chaos runs this");
        return;
    }
    let (folder, database) = (cluster::scratch(), Database::create());
    let settings = [("DATABASE_URL".to_owned(), database.url()), ("LOG_LEVEL".to_owned(), "error".to_owned())];
    let lumina = Binary::start_with(&folder.path().join("data"), &settings);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let large = Upload::new().large_file("large.jpg", &jpeg(), 40_000_000);
    let large = alice.send(alice.upload_request(large).header("hx-request", "true")).await.assert_status(200);
    let large = large.photos().remove(0).at("original");
    let (idle, files, memory) = (p99(&alice).await, lumina.open_files(), lumina.memory());

    let (address, cookie) = (lumina.base.replace("http://localhost", "127.0.0.1"), alice.cookie("lumina").unwrap());
    let body = format!(
        "POST /photos HTTP/1.1\r\nHost: {host}\r\nOrigin: {base}\r\nCookie: lumina={cookie}\r\nContent-Length: 1000000\r\n\
         Content-Type: {kind}\r\n\r\n{start}",
        host = lumina.base.trim_start_matches("http://"),
        base = lumina.base,
        kind = Upload::content_type(),
        start = String::from_utf8_lossy(&Upload::new().file("a.jpg", "beginning").into_bytes()[..160]),
    );
    let read = format!("GET {large} HTTP/1.1\r\nHost: localhost\r\nCookie: lumina={cookie}\r\n\r\n");
    let mut readers = join_all((0..READERS).map(|_| say(&address, &read))).await;
    let mut slow = Vec::new();
    for chunk in 0..(HEADS + BODIES) / 100 {
        let text = if chunk < BODIES / 100 { body.as_str() } else { "GET / HTTP/1.1\r\nHost: localhost\r\n" };
        slow.extend(join_all((0..100).map(|_| say_from(chunk % 4 + 2, &address, text))).await);
    }
    let (busy, open, more) = (p99(&alice).await, lumina.open_files(), lumina.memory());
    println!(
        "p99 of the gallery: {idle:?} idle, {busy:?} with {open} open files; memory {memory} KiB, then {more} KiB"
    );

    let begun = Instant::now();
    while lumina.open_files() > files + 20 {
        assert!(begun.elapsed() < DEADLINE, "{} files are open, {files} before", lumina.open_files());
        // A byte a second.
        let _ = join_all(readers.iter_mut().map(|reader| reader.read_u8())).await;
        alice.get("/photos").await.assert_status(200);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    println!("all cut off after {:?}; memory {} KiB", begun.elapsed(), lumina.memory());
    assert!(busy < idle * 2 + Duration::from_millis(20), "{idle:?} idle, {busy:?} meanwhile");
    drop(slow);
}

/// Readers who take nothing: what was read for them is given back to the system when they are gone.
const STALLED_READERS: usize = 2_500;

/// In KiB, a minute after the last of them was cut off.
const MEMORY_AFTERWARDS: u64 = 100 * 1024;

#[tokio::test]
async fn memory_is_given_back_after_thousands_of_slow_readers() {
    let Some((lumina, alice, _kept)) = started().await else { return };
    let large = Upload::new().large_file("large.jpg", &jpeg(), 30_000_000);
    let large = alice.send(alice.upload_request(large).header("hx-request", "true")).await.assert_status(200);
    let large = large.photos().remove(0).at("original");
    let (files, memory) = (lumina.open_files(), lumina.memory());
    let (address, cookie) = (lumina.base.replace("http://localhost", "127.0.0.1"), alice.cookie("lumina").unwrap());
    let read = format!("GET {large} HTTP/1.1\r\nHost: localhost\r\nCookie: lumina={cookie}\r\n\r\n");
    let mut readers = Vec::new();
    for _ in 0..STALLED_READERS / 100 {
        readers.extend(join_all((0..100).map(|_| say(&address, &read))).await);
    }
    let most = lumina.memory();
    all_are_cut_off(&lumina, files).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    println!("memory: {memory} KiB, then {most} KiB, a minute after the last reader {} KiB", lumina.memory());
    assert!(lumina.memory() < MEMORY_AFTERWARDS, "{} KiB", lumina.memory());
    drop(readers);
}

/// Silent in the middle of a body of each kind, as many as one address may have.
const SILENT: usize = 1_500;

#[tokio::test]
async fn silent_bodies_of_every_kind_end_by_the_deadline() {
    let Some((lumina, alice, _kept)) = started().await else { return };
    let address = lumina.base.replace("http://localhost", "127.0.0.1");
    let files = lumina.open_files();
    let kinds = [
        ("/login", "Content-Length: 100", "application/x-www-form-urlencoded"),
        ("/login", "Transfer-Encoding: chunked", "application/x-www-form-urlencoded"),
        ("/api/v1/auth/token", "Content-Length: 100", "application/json"),
        ("/photos", "Content-Length: 100", "multipart/form-data; boundary=x"),
        ("/nowhere", "Content-Length: 100", "text/plain"),
        ("/nowhere", "Transfer-Encoding: chunked", "text/plain"),
    ];
    let mut silent = Vec::new();
    for (path, length, kind) in kinds.iter().cycle().take(SILENT) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n{length}\r\nContent-Type: {kind}\r\n\r\n"
        );
        silent.push(say(&address, &head).await);
    }
    alice.get("/photos").await.assert_status(200);
    all_are_cut_off(&lumina, files).await;
    drop(silent);
}

/// The program with somebody signed in, where these tests are to run.
async fn started() -> Option<(Binary, Client, impl Sized)> {
    if std::env::var_os("LUMINA_CHAOS").is_none() {
        eprintln!("SKIPPED: ./dev test --chaos runs this");
        return None;
    }
    let (folder, database) = (cluster::scratch(), Database::create());
    let settings = [("DATABASE_URL".to_owned(), database.url()), ("LOG_LEVEL".to_owned(), "error".to_owned())];
    let lumina = Binary::start_with(&folder.path().join("data"), &settings);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    Some((lumina, alice, (folder, database)))
}

async fn say(address: &str, text: &str) -> TcpStream {
    say_from(1, address, text).await
}

/// From one of this machine's addresses: each may have only so many connections.
async fn say_from(machine: usize, address: &str, text: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, u8::try_from(machine).unwrap()], 0).into()).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

async fn all_are_cut_off(lumina: &Binary, files_before: usize) {
    let begun = Instant::now();
    while lumina.open_files() > files_before + 20 {
        assert!(begun.elapsed() < DEADLINE, "{} files are open, {files_before} before", lumina.open_files());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    println!("all cut off after {:?}", begun.elapsed());
}

/// Of the gallery.
async fn p99(alice: &Client) -> Duration {
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        alice.get("/photos").await.assert_status(200);
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() * 99 / 100]
}
