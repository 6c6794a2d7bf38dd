//! What the README shows works as it is written there.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::support::binary::{Binary, free_port};
use crate::support::*;

const README: &str = include_str!("../../README.md");

/// Its blocks of code in this language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let begin = format!("```{language}\n");
    README.split("\n```\n").filter_map(move |text| Some(text.rsplit_once(begin.as_str())?.1))
}

/// The one of these blocks with these words in it.
fn block(language: &str, words: &str) -> &'static str {
    let mut found = blocks(language).filter(|block| block.contains(words));
    let block = found.next().unwrap_or_else(|| panic!("no block of {language} says {words}"));
    assert_eq!(found.next(), None, "{words}");
    block
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_calls_that_it_shows_work_as_written() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("photo.jpg"), jpeg()).unwrap();
    let calls = block("sh", "curl").replace("http://localhost:8080", app.base());
    // As typed, but that an error ends it.
    let script = format!("set -euo pipefail\ncurl() {{ command curl -sS --fail-with-body \"$@\"; }}\n{calls}");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(folder.path());
    let Output { status, stdout, stderr } = run(command).await;
    let said = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(status.success(), "{said}");
    assert!(said.contains("photo.jpg") && said.contains("sea"), "{said}");
    assert_eq!(app.ask("SELECT count(*) FROM photos JOIN photo_hashtags ON photo_id = photos.id"), "1");
}

#[test]
fn every_command_that_it_shows_is_one() {
    let lines = blocks("sh").flat_map(str::lines).filter_map(|line| line.strip_prefix("lumina "));
    let inline = README.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("lumina "));
    let mut seen = 0;
    for line in lines.chain(inline) {
        let words = line.split('#').next().unwrap().split_whitespace();
        // Words in capitals stand for others.
        let output = Binary::command().args(words).arg("--help").output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn every_setting_that_it_sets_is_one() {
    let variables = blocks("sh").flat_map(str::split_whitespace).filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_').then_some((name, value))
    });
    let mut seen = 0;
    for (name, value) in variables.filter(|(name, _)| !["TOKEN", "COMMIT"].contains(name)) {
        let output = Binary::command().arg("config").env(name, value.replace('…', "x")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        // A part of a group may lack the rest.
        assert!(!said.contains("is not a setting") && !said.contains("must be"), "{name}: {said}");
        seen += 1;
    }
    assert!(seen > 8, "{seen}");
}

/// nginx with the README's `server`, on a port of its own and without a certificate.
struct Nginx(Child);

impl Nginx {
    fn start(folder: &Path, port: u16, app: &str, change: impl Fn(String) -> String) -> Self {
        let server = change(block("nginx", "proxy_pass").to_owned());
        let lines = server.lines().filter(|line| !line.trim_start().starts_with("ssl_certificate"));
        let server: String = lines.map(|line| format!("{line}\n")).collect();
        assert!(server.contains("listen 443 ssl;") && server.contains("proxy_pass http://127.0.0.1:8080;"), "{server}");
        let server = server.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"));
        let server = server.replace("http://127.0.0.1:8080", app);
        let here = folder.display();
        // Root's files are read by root alone.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/{name};"))
            .concat();
        let file = folder.join("nginx.conf");
        let text = format!(
            "daemon off; {user} pid {here}/pid; error_log {here}/error.log;\nevents {{}}\nhttp {{\n\
             access_log off; {temporary}\n{server}}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("nginx");
        // Debian keeps it where only root's PATH leads.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        command.arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"));
        let nginx = Self(command.stdin(Stdio::null()).spawn().unwrap());
        let begun = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = std::fs::read_to_string(folder.join("error.log")).unwrap_or_default();
            assert!(begun.elapsed().as_secs() < 10, "nginx does not start: {log}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}

/// A JPEG of so many bytes.
fn jpeg_of(size: usize) -> Vec<u8> {
    let mut bytes = images::another(jpeg());
    bytes.resize(size, 0);
    bytes
}

#[tokio::test]
async fn the_proxy_that_it_shows_lets_the_largest_file_through_and_nothing_of_the_rest_is_lost() {
    const MIB: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let public = format!("http://127.0.0.1:{port}");
    let app = TestApp::start_with(|config| {
        config.limits.upload_mib = 2;
        config.trusted_proxies = vec!["127.0.0.1".parse::<std::net::IpAddr>().unwrap().into()];
    })
    .await;
    // As shown, and with the figure that the README names for proxies that need one.
    let says = "limits.upload_mib` + 1 MiB";
    assert!(README.contains(says), "{says}");
    for (number, limit) in ["client_max_body_size 0;", "client_max_body_size 3m;"].into_iter().enumerate() {
        let nginx = Nginx::start(folder.path(), port, app.base(), |server| {
            assert!(server.contains("client_max_body_size 0;"), "{server}");
            server.replace("client_max_body_size 0;", limit)
        });
        let alice = Client::new(&public, &app.origin());
        alice.register(&format!("alice{number}")).await.assert_status(303);
        let names = "#abcdefgh ".repeat(1600);
        let form = Upload::new().hashtags(&names[..9]).field("other", &names).file(&"x".repeat(250), jpeg_of(2 * MIB));
        alice.post_upload(form).await.assert_status(303);
        let over = Upload::new().file("large.jpg", jpeg_of(2 * MIB + 1));
        alice.post_upload(over).await.assert_status(413).assert_says("larger than 2 MiB");
        alice.get("/photos").await.assert_status(200).photos().first().expect("it is there");
        drop(nginx);
    }
    let addresses = app.ask("SELECT count(DISTINCT owner_id) FROM photos");
    assert_eq!(addresses, "2");
}
