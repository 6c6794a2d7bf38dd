//! The first account is an admin's: where strangers can reach the server it takes the setup link, and a storage of another
//! database stops the start. Otherwise an unmounted disk would make an empty album whose admin is the next stranger.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use lumina::config::Registration;
use reqwest::Method;
use serde_json::json;

use crate::support::binary::Binary;
use crate::support::db::ask;
use crate::support::oidc::{self, LyingProvider};
use crate::support::s3::S3Server;
use crate::support::*;

const PUBLIC: &str = "https://photos.example";

fn users(app: &TestApp) -> String {
    app.ask("SELECT coalesce(string_agg(username || ' ' || role, ', ' ORDER BY id), '') FROM users")
}

#[tokio::test]
async fn at_a_public_address_no_stranger_makes_the_first_account() {
    let provider = LyingProvider::start().await;
    let mut app = TestApp::start_at(PUBLIC).await;
    app.restart_with(|config| config.oidc = Some(oidc::config(&provider.issuer))).await;
    let stranger = app.visitor();
    for secret in ["", "wrong"] {
        let refused = stranger.register_with("mallory", secret).await.assert_status(403);
        refused.assert_says("setup link").assert_says("the log");
        let new = json!({ "username": "m", "email": "m@example.org", "password": PASSWORD, "invitation": secret });
        let answer = stranger.send(stranger.json(Method::POST, "/api/v1/auth/register", &new)).await;
        assert!(answer.assert_status(403).json()["detail"].as_str().unwrap().contains("setup link"));
        let page = stranger.get(&format!("/register?invitation={secret}")).await.assert_status(200);
        page.assert_says("setup link").assert_silent_about("name=\"password\"");
        let begin = format!("/login/oidc?invitation={secret}");
        let sent = stranger.get_with(&begin, &[("host", "photos.example")]).await.assert_status(303);
        let back = stranger.get(&format!("/login/oidc/callback?{}", provider.let_in(sent.location()))).await;
        back.assert_status(403).assert_says("setup link");
    }
    assert_eq!(users(&app), "");
    // The link works however registration is configured, once.
    app.restart_with(|config| config.registration = Some(Registration::Closed)).await;
    let link = app.setup_link().unwrap().to_owned();
    let secret = app.setup_secret();
    assert!(secret.len() >= 32 && link.starts_with(PUBLIC), "{link}");
    let owner = app.visitor();
    let page = owner.get(link.strip_prefix(PUBLIC).unwrap()).await.assert_status(200).assert_says("first account");
    assert_eq!(page.field("invitation"), secret);
    owner.register_with("root", &secret).await.assert_status(303);
    assert_eq!(users(&app), "root admin");
    app.visitor().register_with("mallory", &secret).await.assert_status(403).assert_says("closed");
    app.restart_with(|config| config.registration = None).await;
    assert_eq!(app.setup_link(), None);
    app.visitor().register("alice").await.assert_status(303);
    assert_eq!(users(&app), "root admin, alice user");
}

#[tokio::test]
async fn the_setup_link_lets_one_in_and_is_the_same_at_each_start() {
    let mut app = TestApp::start_at(PUBLIC).await;
    let secret = app.setup_secret();
    app.restart_with(|config| config.registration = Some(Registration::Invitation)).await;
    assert_eq!(app.setup_secret(), secret);
    let names: Vec<_> = (0..8).map(|n| format!("user{n}")).collect();
    let (app, secret) = (&app, &secret);
    let tries = names.iter().map(|name| async move { app.visitor().register_with(name, secret).await.status });
    let mut statuses = join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403, 403, 403, 403, 403, 403, 403]);
    assert_eq!(app.ask("SELECT count(*) FROM users WHERE role = 'admin'"), "1");
}

#[tokio::test]
async fn on_this_machine_the_first_account_takes_no_link() {
    for address in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080", "http://album.localhost"] {
        let app = TestApp::start_at(address).await;
        assert_eq!(app.setup_link(), None, "{address}");
        app.visitor().register("root").await.assert_status(303);
        assert_eq!(users(&app), "root admin");
    }
    for address in ["http://192.168.1.5:8080", "http://nas", "http://localhost.example", "http://[fd00::1]"] {
        assert!(TestApp::start_at(address).await.setup_link().is_some(), "{address}");
    }
}

/// The real program on this database and folder, at a public address.
fn lumina(database: &Database, data_dir: &Path) -> Command {
    let mut command = Binary::command();
    command.env("DATABASE_URL", database.url()).env("DATA_DIR", data_dir).env("BIND", "127.0.0.1:0");
    command.env("PUBLIC_URL", PUBLIC).env("LOG_LEVEL", "off").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it says until it is ready.
fn says_at_start(child: &mut Child) -> String {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    for line in stdout.lines().map_while(Result::ok) {
        said.push_str(&line);
        said.push('\n');
        if line.starts_with("Lumina is ready") {
            return said;
        }
    }
    panic!("it did not start: {said}");
}

#[tokio::test]
async fn the_program_prints_the_setup_link_until_there_is_an_account() {
    let (database, folder) = (Database::create(), cluster::scratch());
    let data_dir = folder.path().join("data");
    let printed = |last: bool| {
        let mut child = lumina(&database, &data_dir).spawn().unwrap();
        let said = says_at_start(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said.contains("https://photos.example/register?invitation="), !last, "{said}");
        said
    };
    assert_eq!(printed(false), printed(false));
    let mut add = lumina(&database, &data_dir);
    let mut add = add.args(["user", "add", "root", "root@example.org"]).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut add.stdin.take().unwrap(), format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(add.wait().unwrap().success());
    assert_eq!(ask(&mut database.connect(), "SELECT username || role FROM users"), "rootadmin");
    printed(true);
}

#[tokio::test]
async fn a_storage_of_another_database_stops_the_start() {
    let bucket = S3Server::start();
    for s3 in [None, Some(bucket.config())] {
        let (first, second, folder) = (Database::create(), Database::create(), cluster::scratch());
        second.connect().batch_execute("UPDATE instance SET id = gen_random_uuid()").unwrap();
        let data_dir = folder.path().join("data");
        let start = |database: &Database| {
            let mut command = lumina(database, &data_dir);
            command.envs(s3.as_ref().map(kept::s3_settings).unwrap_or_default());
            command
        };
        let mut child = start(&first).spawn().unwrap();
        says_at_start(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        let objects = |folder: &Path| kept_files(folder);
        let before = objects(&data_dir);
        let refused = kept::output(start(&second)).await;
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{words}");
        let id = |database: &Database| ask(&mut database.connect(), "SELECT id FROM instance");
        for part in [&id(&first), &id(&second), "DATA_DIR", "restore", "empty bucket", "object instance"] {
            assert!(words.contains(part), "{part} is missing in {words}");
        }
        assert_eq!(objects(&data_dir), before, "nothing was changed");
        let mut child = start(&first).spawn().unwrap();
        says_at_start(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn who_listens_on_all_addresses_prints_the_setup_link_though_nothing_is_configured() {
    for (bind, public_url, takes_link) in
        [("0.0.0.0:0", None, true), ("127.0.0.1:0", None, false), ("0.0.0.0:0", Some("http://localhost:8080"), false)]
    {
        let (database, folder) = (Database::create(), cluster::scratch());
        let mut command = lumina(&database, &folder.path().join("data"));
        command.env("BIND", bind).env_remove("PUBLIC_URL");
        command.envs(public_url.map(|url| ("PUBLIC_URL", url)));
        let mut child = command.spawn().unwrap();
        let said = says_at_start(&mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(said.contains("/register?invitation="), takes_link, "{bind} {public_url:?}: {said}");
    }
}

#[tokio::test]
async fn a_storage_without_the_photos_of_the_database_stops_the_start() {
    let (database, folder) = (Database::create(), cluster::scratch());
    let data_dir = folder.path().join("data");
    let settings = [("DATABASE_URL".to_owned(), database.url())];
    let running = Binary::start_with(&data_dir, &settings);
    let alice = running.visitor();
    alice.register("alice").await.assert_status(303);
    alice.post_upload(Upload::new().file("a.jpg", jpeg())).await.assert_status(303);
    drop(running);
    // As when its disk is not mounted.
    let disk = folder.path().join("disk");
    std::fs::rename(&data_dir, &disk).unwrap();
    std::fs::create_dir(&data_dir).unwrap();
    let refused = kept::output(lumina(&database, &data_dir)).await;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("is empty") && words.contains("not mounted"), "{words}");
    assert!(!data_dir.join("instance").exists(), "it is not claimed");
    // Nothing but the note whose it is may be missing: an older version did not write one.
    std::fs::remove_dir_all(&data_dir).unwrap();
    std::fs::rename(&disk, &data_dir).unwrap();
    std::fs::remove_file(data_dir.join("instance")).unwrap();
    let mut child = lumina(&database, &data_dir).spawn().unwrap();
    says_at_start(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(data_dir.join("instance").exists());
}

/// Every file below a folder, with its size. Without the lock: it holds a process id, which has four digits or six.
fn kept_files(folder: &Path) -> Vec<(String, u64)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.metadata().unwrap() {
                data if data.is_dir() => folders.push(entry.path()),
                _ if entry.file_name() == "lock" => {}
                data => files.push((entry.path().display().to_string(), data.len())),
            }
        }
    }
    files.sort();
    files
}
