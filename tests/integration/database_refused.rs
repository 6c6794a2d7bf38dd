//! A configured database that cannot be used: said at once, with what to do and without its password. One that is not there
//! yet is waited for.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::support::binary::Binary;
use crate::support::db::{self, ask};
use crate::support::server::Server;
use crate::support::*;

const SECRET: &str = "must-not-be-seen";

/// Runs a command to its end, which has to come by itself and badly. Answers what it says.
fn refused(data_dir: &Path, url: &str, arguments: &[&str]) -> String {
    let mut command = Binary::command();
    command.args(arguments).env("DATABASE_URL", url).env("DATA_DIR", data_dir).env("BIND", "127.0.0.1:0");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            let said = child.wait_with_output().unwrap();
            panic!("{arguments:?} waits: {}", String::from_utf8_lossy(&said.stderr));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let said = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(!status.success(), "{arguments:?}: {said}");
    assert!(!said.contains(SECRET), "{said}");
    said
}

/// The address of another database on the tests' server, for somebody else.
fn url(database: &str, login: &str, more: &str) -> String {
    let url = cluster::url();
    let host = url.split_once("host=").unwrap().1.split('&').next().unwrap();
    format!("postgres:///{database}?host={host}&user={login}&password={SECRET}{more}")
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = cluster::scratch();
    let data_dir = started(folder.path());
    (folder, data_dir)
}

/// The data folder of an instance that was started before: no command but `serve` goes on without.
fn started(folder: &Path) -> PathBuf {
    let data_dir = folder.join("data");
    std::fs::create_dir(&data_dir).unwrap();
    std::fs::write(data_dir.join("lock"), "").unwrap();
    data_dir
}

#[test]
fn a_database_that_will_never_let_us_in_ends_the_start_with_the_reason() {
    let (_folder, data_dir) = scratch();
    let closed = format!("postgres://lumina:{SECRET}@127.0.0.1:1/lumina?sslmode=require");
    for (url, reasons) in [
        (url("nowhere", "lumina", ""), ["database \"nowhere\" does not exist", "CREATE DATABASE"]),
        (url("postgres", "nobody_here", ""), ["role \"nobody_here\" does not exist", "CREATE ROLE"]),
        (closed, ["sslmode", "postgres-tls"]),
        (url("postgres", "lumina", "&passwrd=x"), ["invalid URI query parameter", "Correct database_url"]),
    ] {
        for arguments in [&["serve"][..], &["migrate"], &["user", "list"], &["doctor"]] {
            let said = refused(&data_dir, &url, arguments);
            assert!(reasons.iter().all(|reason| said.contains(reason)), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn a_wrong_password_ends_the_start_with_the_reason() {
    let folder = cluster::scratch();
    let server = Server::start(folder.path());
    let mut conn = db::connect(&server.url("postgres"));
    conn.batch_execute("CREATE ROLE guest LOGIN PASSWORD 'right'").unwrap();
    conn.batch_execute("CREATE DATABASE guest OWNER guest").unwrap();
    let rules = PathBuf::from(ask(&mut conn, "current_setting('hba_file')"));
    std::fs::write(&rules, "local all lumina trust\nlocal all all scram-sha-256\n").unwrap();
    conn.batch_execute("SELECT pg_reload_conf()").unwrap();
    let data_dir = started(folder.path());
    let with = |password: &str| server.url("guest").replace("user=lumina", &format!("user=guest&password={password}"));
    // The server reads its rules anew when it gets around to it.
    let begun = Instant::now();
    while diesel::Connection::establish(&with("wrong")).map(|_: diesel::PgConnection| ()).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "everyone is let in");
    }
    for arguments in [&["serve"][..], &["migrate"], &["doctor"]] {
        let said = refused(&data_dir, &with(SECRET), arguments);
        assert!(
            said.contains("password authentication failed") && said.contains("Correct the user or the password"),
            "{said}"
        );
    }
    let without = server.url("guest").replace("user=lumina", "user=guest");
    let said = refused(&data_dir, &without, &["serve"]);
    assert!(said.contains("no password supplied") && said.contains("Put the password into database_url"), "{said}");
    let right = Binary::command().arg("migrate").env("DATABASE_URL", with("right")).env("DATA_DIR", &data_dir).output();
    assert!(right.as_ref().unwrap().status.success(), "{right:?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_yet_is_waited_for() {
    let folder = cluster::scratch();
    let mut server = Server::start(folder.path());
    let (url, data_dir) = (server.url("postgres"), folder.path().join("data"));
    server.stop_at_once();
    let (data, log) = (data_dir.clone(), data_dir.with_extension("log"));
    let starting = tokio::task::spawn_blocking(move || Binary::start_with(&data, &[("DATABASE_URL", url.as_str())]));
    let begun = Instant::now();
    while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains("waiting for the database")) {
        assert!(begun.elapsed() < Duration::from_secs(20) && !starting.is_finished(), "it says that it waits");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.start_again();
    starting.await.unwrap().visitor().get("/login").await.assert_status(200);
}

#[test]
fn a_database_of_a_newer_lumina_is_touched_by_no_command() {
    let (folder, data_dir) = scratch();
    let database = Database::create();
    let mut conn = database.connect();
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231235959')").unwrap();
    let backup = folder.path().join("backup").display().to_string();
    let next = folder.path().join("next.yaml");
    std::fs::write(&next, format!("data_dir: {:?}\n", folder.path().join("next"))).unwrap();
    let next = next.display().to_string();
    for arguments in [
        &["serve"][..],
        &["migrate"],
        &["user", "list"],
        &["renditions"],
        &["doctor"],
        &["doctor", "--repair"],
        &["backup", &backup],
        &["storage", "copy", "--to", &next],
    ] {
        let said = refused(&data_dir, &database.url(), arguments);
        for part in ["newer Lumina", "29991231235959", lumina::VERSION, &lumina::db::newest_migration()] {
            assert!(said.contains(part), "{arguments:?} does not say {part}: {said}");
        }
    }
}

#[test]
fn a_database_that_is_not_in_unicode_is_refused() {
    let (_folder, data_dir) = scratch();
    let database = Database::create();
    let mut server = db::connect(cluster::url());
    let name = database.name();
    server.batch_execute(&format!("DROP DATABASE {name}")).unwrap();
    server.batch_execute(&format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")).unwrap();
    for arguments in [&["serve"][..], &["migrate"], &["doctor"]] {
        let said = refused(&data_dir, &database.url(), arguments);
        assert!(said.contains("LATIN1") && said.contains("ENCODING 'UTF8'"), "{said}");
    }
    assert_eq!(ask(&mut database.connect(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

/// The statement that a complaint ends with.
fn advised(said: &str) -> &str {
    let begin = said.find("GRANT ").unwrap_or_else(|| panic!("{said}"));
    said[begin..].trim().trim_end_matches(']')
}

#[test]
fn rights_that_a_role_lacks_are_named_as_the_statement_that_gives_them() {
    let (_folder, data_dir) = scratch();
    let database = Database::empty();
    let mut conn = database.connect();
    let guest = format!("guest-{}", database.name());
    conn.batch_execute(&format!("CREATE ROLE \"{guest}\" LOGIN")).unwrap();
    let as_guest = url(database.name(), &guest, "");
    let refused = |arguments: &[&str]| {
        let said = refused(&data_dir, &as_guest, arguments);
        assert!(said.contains(&guest), "{said}");
        said
    };
    // Since Postgres 15 nobody but a database's owner may make anything in its schema.
    for arguments in [&["serve"][..], &["migrate"], &["doctor"]] {
        refused(arguments);
    }
    conn.batch_execute(advised(&refused(&["migrate"]))).unwrap();
    let migrated = Binary::command().arg("migrate").env("DATABASE_URL", &as_guest).env("DATA_DIR", &data_dir).output();
    assert!(migrated.as_ref().unwrap().status.success(), "{migrated:?}");

    // Another one, migrated by somebody else.
    let others = Database::create();
    let mut conn = others.connect();
    let as_guest = url(others.name(), &guest, "");
    let said = self::refused(&data_dir, &as_guest, &["serve"]);
    conn.batch_execute(advised(&said)).unwrap();
    let served = Binary::command().arg("migrate").env("DATABASE_URL", &as_guest).env("DATA_DIR", &data_dir).output();
    assert!(served.as_ref().unwrap().status.success(), "{served:?}");
    conn.batch_execute(
        "GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC; \
         DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)",
    )
    .unwrap();
    let said = self::refused(&data_dir, &as_guest, &["serve"]);
    assert!(said.contains("belongs to the role \"lumina\"") && said.contains("ALTER TABLE"), "{said}");
    conn.batch_execute(&format!("DROP OWNED BY \"{guest}\"")).unwrap();
    database.connect().batch_execute(&format!("DROP OWNED BY \"{guest}\"; DROP ROLE \"{guest}\"")).unwrap();
}
