//! Thousands who send or read as slowly as they can: each is cut off by a deadline, and nobody else notices. Only where
//! `./dev test --chaos` runs, as deadlines take their time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    let say = async |text: &str| {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    };
    let mut readers = join_all((0..READERS).map(|_| say(&read))).await;
    let mut slow = Vec::new();
    for chunk in 0..(HEADS + BODIES) / 100 {
        let text = if chunk < BODIES / 100 { body.as_str() } else { "GET / HTTP/1.1\r\nHost: localhost\r\n" };
        slow.extend(join_all((0..100).map(|_| say(text))).await);
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
