//! Connections that say nothing: they are bounded, and end. With thousands: `slow_clients`.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::binary::Binary;
use crate::support::*;

/// File descriptors that the server is started with, and may have.
const SOFT: usize = 128;
const HARD: usize = 600;
/// More than there are.
const SILENT: usize = 800;

/// Whoever does not answer within this time answers nobody.
const ANSWER: Duration = Duration::from_secs(20);

const SILENT_LOGIN: &str = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
    Sec-Fetch-Site: same-origin\r\nContent-Length: 100\r\n\r\nu";

/// A connection from another address of this machine, on which something was said.
async fn say(from: [u8; 4], to: SocketAddr, text: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect(to).await?;
    stream.write_all(text.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn one_address_that_holds_connections_open_does_not_keep_others_out() {
    let (folder, database) = (cluster::scratch(), Database::create());
    let settings = [("DATABASE_URL".to_owned(), database.url())];
    let limits = format!("ulimit -Sn {SOFT}; ulimit -Hn {HARD}");
    let lumina = Binary::start_after(&limits, Stdio::null(), &folder.path().join("data"), &settings);
    let address = lumina.base.replace("http://localhost", "127.0.0.1").parse().unwrap();
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let silent = join_all((0..SILENT).map(|_| say([127, 0, 0, 2], address, SILENT_LOGIN))).await;
    let others = async {
        for _ in 0..20 {
            lumina.visitor().get("/login").await.assert_status(200);
        }
        alice.upload(jpeg()).await;
        alice.get("/metrics").await.assert_status(200).html()
    };
    let metrics = tokio::time::timeout(ANSWER, others).await.expect("others are answered");
    assert!(metrics.contains(&format!("process_max_fds {HARD}")), "the limit is raised: {metrics}");
    assert!(lumina.open_files() < HARD * 3 / 4, "{} files are open", lumina.open_files());
    drop(silent);
}

/// Every way in which a handler reads a body.
const BODIES: [(&str, &str); 7] = [
    ("/login", "application/x-www-form-urlencoded"),
    ("/register", "application/x-www-form-urlencoded"),
    ("/photos", "multipart/form-data; boundary=x"),
    ("/api/v1/auth/register", "application/json"),
    ("/api/v1/auth/token", "application/x-www-form-urlencoded"),
    ("/api/v1/auth/token", "application/json"),
    ("/api/v1/photos/", "multipart/form-data; boundary=x"),
];

#[tokio::test]
async fn a_body_that_stops_is_refused_by_every_door() {
    let app = TestApp::start_with(|config| config.body_silence = Duration::from_millis(200)).await;
    let cookie = app.user("alice").await.cookie("lumina").unwrap();
    let (to, origin) = (app.base().trim_start_matches("http://").parse().unwrap(), app.origin());
    let answers = BODIES.map(async |(path, kind)| {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {to}\r\nOrigin: {origin}\r\nCookie: lumina={cookie}\r\n\
             Content-Length: 100\r\nContent-Type: {kind}\r\n\r\n-"
        );
        let mut stream = say([127, 0, 0, 1], to, &request).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(ANSWER, stream.read_to_end(&mut answer)).await.expect(path).unwrap();
        (path, String::from_utf8_lossy(&answer).into_owned())
    });
    for (path, answer) in join_all(answers).await {
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(answer.contains("This request stopped half-way."), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_ends_with_the_answer() {
    let app = TestApp::start().await;
    let address = app.base().trim_start_matches("http://").parse().unwrap();
    // What is refused by the layers around the handlers, and what reaches one.
    let long = format!("X-Long: {}", "x".repeat(9000));
    let refused = [
        ("POST", "Host: localhost\r\nSec-Fetch-Site: same-origin", 404),
        ("POST", "Host: elsewhere.example\r\nSec-Fetch-Site: same-origin", 421),
        ("POST", "Host: localhost\r\nSec-Fetch-Site: cross-site", 403),
        ("POST", "Host: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Encoding: gzip", 415),
        ("POST", &format!("Host: localhost\r\n{long}"), 431),
        ("OPTIONS", "Host: localhost\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST", 404),
    ];
    let lengths = ["Content-Length: 100", "Transfer-Encoding: chunked"];
    // All at once: each takes the time in which a client may read its answer.
    let cases = refused.into_iter().flat_map(|it| lengths.map(|length| (it, length)));
    join_all(cases.map(async |((method, head, status), length)| {
        let request = format!("{method} /nowhere HTTP/1.1\r\n{head}\r\n{length}\r\n\r\n");
        let mut stream = say([127, 0, 0, 1], address, &request).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(ANSWER, stream.read_to_end(&mut answer)).await;
        read.unwrap_or_else(|_| panic!("{request}")).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}{answer}");
    }))
    .await;
}
