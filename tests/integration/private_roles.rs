//! Who may do what in the private Postgres, and who may read its files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use lumina::db::private::{self, PrivatePostgres};

use crate::support::cluster;
use crate::support::db::{ask, connect};
use crate::support::server::Server;

/// The account of this name.
fn account(name: &str) -> Option<u32> {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// All accounts that own something in there.
fn owners(folder: &Path) -> BTreeSet<u32> {
    let mut owners = BTreeSet::from([fs::symlink_metadata(folder).unwrap().uid()]);
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        owners.insert(entry.metadata().unwrap().uid());
        if entry.file_type().unwrap().is_dir() {
            owners.append(&mut self::owners(&entry.path()));
        }
    }
    owners
}

#[test]
fn lumina_may_do_nothing_that_takes_a_superuser() {
    let folder = cluster::scratch();
    let postgres = PrivatePostgres::start(folder.path()).unwrap();
    let mut conn = connect(postgres.url());
    assert_eq!(ask(&mut conn, "current_user || current_setting('is_superuser')"), "luminaoff");
    let proof = folder.path().join("proof");
    let proof = proof.display();
    for statement in [
        &format!("COPY (SELECT 1) TO PROGRAM 'touch {proof}'"),
        &format!("COPY (SELECT 1) TO '{proof}'"),
        "CREATE TABLE t (line text); COPY t FROM PROGRAM 'id'",
        "CREATE TABLE t (line text); COPY t FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('PG_VERSION')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/passwd')",
        &format!("SELECT lo_export(lo_from_bytea(0, 'x'), '{proof}')"),
        "LOAD '/usr/lib/x86_64-linux-gnu/libc.so.6'",
        "CREATE FUNCTION system(cstring) RETURNS int AS '/lib/x86_64-linux-gnu/libc.so.6', 'system' LANGUAGE c STRICT",
        "CREATE EXTENSION adminpack",
        "ALTER SYSTEM SET archive_command = 'id'",
        "SET session_preload_libraries = 'x'",
        "SELECT pg_reload_conf()",
        "CREATE ROLE other SUPERUSER",
        "ALTER ROLE lumina SUPERUSER",
        "SET ROLE lumina_superuser",
        "SET SESSION AUTHORIZATION lumina_superuser",
        "SELECT rolpassword FROM pg_authid",
        "UPDATE pg_authid SET rolsuper = true",
    ] {
        conn.batch_execute("BEGIN").unwrap();
        assert!(conn.batch_execute(statement).is_err(), "{statement}");
        conn.batch_execute("ROLLBACK").unwrap();
    }
    assert!(!folder.path().join("proof").exists());
    // All that Lumina does it may.
    lumina::db::migrate(&mut conn).unwrap();
    assert_eq!(ask(&mut conn, "SELECT count(*) FROM instance"), "1");
}

#[test]
fn nobody_is_let_in_who_cannot_read_the_password() {
    let folder = cluster::scratch();
    let postgres = PrivatePostgres::start(folder.path()).unwrap();
    let url = postgres.url();
    connect(url);
    let file = folder.path().join("postgres_password");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&file).unwrap();
    let secret = secret.trim().rsplit(':').next().unwrap();
    assert!(secret.len() >= 32 && !url.contains(secret), "the address tells where it is, not what it is");
    let without = url.split("&passfile").next().unwrap();
    let others =
        ["lumina_superuser", "postgres", "root"].map(|role| url.replace("user=lumina", &format!("user={role}")));
    let wrong = format!("{without}&password=wrong");
    for refused in [without, &wrong].into_iter().chain(others.iter().map(String::as_str)) {
        assert!(PgConnection::establish(refused).is_err(), "{refused}");
    }
    postgres.stop();
    // One that was lost is made anew.
    fs::remove_file(&file).unwrap();
    let postgres = PrivatePostgres::start(folder.path()).unwrap();
    connect(postgres.url());
    assert!(!fs::read_to_string(&file).unwrap().contains(secret));
}

/// As 0.1.0 left it: the superuser `lumina`, who owns everything, everybody let in, and when root started it the files of
/// the account `postgres`.
#[test]
fn the_data_folder_of_an_older_version_is_taken_over() {
    let folder = cluster::scratch();
    let data_dir = folder.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    let mut old = Server::start(folder.path());
    let files = old.socket().parent().unwrap().to_owned();
    connect(&old.url("postgres")).batch_execute("CREATE DATABASE lumina").unwrap();
    let mut conn = connect(&old.url("lumina"));
    lumina::db::migrate(&mut conn).unwrap();
    conn.batch_execute(
        "INSERT INTO users (username, email) VALUES ('alice', 'alice@example.org');
         CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('fine');
         CREATE TABLE other.kept (id serial PRIMARY KEY, number int GENERATED ALWAYS AS IDENTITY, mood other.mood);
         CREATE VIEW other.seen AS SELECT id FROM other.kept",
    )
    .unwrap();
    let access = fs::read(files.join("pg_hba.conf")).unwrap();
    drop(conn);
    // Killed, with its files as they were at that moment.
    old.stop_at_once();
    fs::rename(&files, data_dir.join("postgres")).unwrap();

    let postgres = PrivatePostgres::start(&data_dir).unwrap();
    let mut conn = connect(postgres.url());
    assert_eq!(ask(&mut conn, "current_user || current_setting('is_superuser')"), "luminaoff");
    assert_eq!(ask(&mut conn, "SELECT username FROM users"), "alice");
    let superusers = "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper";
    assert_eq!(ask(&mut conn, superusers), "lumina_superuser");
    for (table, owner, namespace) in [
        ("class", "relowner", "relnamespace"),
        ("proc", "proowner", "pronamespace"),
        ("type", "typowner", "typnamespace"),
    ] {
        let not_ours = format!(
            "SELECT count(*) FROM pg_{table} WHERE {owner} <> 'lumina'::regrole AND {namespace}::regnamespace::text IN ('public', 'other')"
        );
        assert_eq!(ask(&mut conn, &not_ours), "0", "{table}");
    }
    // It can still be changed by migrations.
    conn.batch_execute(
        "ALTER TABLE users ADD COLUMN more int; DROP SCHEMA other CASCADE; DROP FUNCTION count_photos CASCADE",
    )
    .unwrap();
    assert_eq!(
        fs::read(data_dir.join("postgres/pg_hba.conf")).unwrap(),
        access,
        "the older version starts on it again"
    );
    drop(conn);
    postgres.stop();
    let again = PrivatePostgres::start(&data_dir).unwrap();
    assert_eq!(ask(&mut connect(again.url()), "SELECT username FROM users"), "alice");
    if rustix::process::geteuid().is_root() {
        let ours = account("lumina-postgres").expect("an account of our own");
        assert_eq!(owners(&data_dir.join("postgres")), BTreeSet::from([ours]));
    }
}

#[test]
fn root_shares_the_account_of_its_server_with_nobody() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = cluster::scratch();
    PrivatePostgres::start(folder.path()).unwrap().stop();
    let owners = owners(&folder.path().join("postgres"));
    assert_eq!(owners, BTreeSet::from([account("lumina-postgres").unwrap()]));
    for shared in ["root", "postgres", "nobody", "daemon"].map(account).into_iter().flatten() {
        assert!(!owners.contains(&shared));
    }
    // Files of whoever owns the data folder stay theirs: root is only working for them.
    let theirs = cluster::scratch();
    PrivatePostgres::start(theirs.path()).unwrap().stop();
    let own = std::process::Command::new("chown").args(["-R", "65532:65532"]).arg(theirs.path()).status().unwrap();
    assert!(own.success());
    PrivatePostgres::start(theirs.path()).unwrap().stop();
    assert_eq!(self::owners(&theirs.path().join("postgres")), BTreeSet::from([65_532]));
    // What somebody put in there with another file's second name is not given away.
    let (other, inside) = (folder.path().join("other"), folder.path().join("postgres/planted"));
    fs::write(&other, "").unwrap();
    fs::hard_link(&other, &inside).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("postgres/link")).unwrap();
    for path in [&other, &folder.path().join("postgres")] {
        std::os::unix::fs::chown(path, Some(65_530), None).unwrap();
    }
    PrivatePostgres::start(folder.path()).unwrap().stop();
    assert_eq!(fs::metadata(&other).unwrap().uid(), 65_530);
    assert_eq!(fs::metadata("/etc/passwd").unwrap().uid(), 0);
}

#[test]
fn what_needs_a_superuser_is_done_while_no_server_runs() {
    let folder = cluster::scratch();
    private::as_superuser(folder.path(), "CREATE ROLE helper\nALTER ROLE lumina CREATEDB").unwrap();
    let error = private::as_superuser(folder.path(), "SELECT 1/0").unwrap_err().to_string();
    assert!(error.contains("division by zero"), "{error}");
    let postgres = PrivatePostgres::start(folder.path()).unwrap();
    let mut conn = connect(postgres.url());
    assert_eq!(ask(&mut conn, "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'lumina'"), "true");
    assert!(private::as_superuser(folder.path(), "SELECT 1").is_err(), "it is in use");
}
