//! The private Postgres, with real faults: processes are killed, folders are half made, paths are long or closed to
//! others.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cluster;
use diesel::prelude::*;
use diesel::sql_types::Text;
use lumina::db::private::{PrivateError, PrivatePostgres};
use rustix::process::{Pid, Signal, getpgid, kill_process, test_kill_process};

/// The folder the process under [`hold`] is to start on.
const HELD: &str = "LUMINA_TEST_HELD_FOLDER";

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    answer: String,
}

fn connect(postgres: &PrivatePostgres) -> PgConnection {
    PgConnection::establish(postgres.url()).unwrap()
}

/// What `SELECT {expression}` answers, as text.
fn ask(conn: &mut PgConnection, expression: &str) -> String {
    diesel::sql_query(format!("SELECT ({expression})::text AS answer")).get_result::<Answer>(conn).unwrap().answer
}

fn run(conn: &mut PgConnection, sql: &str) {
    diesel::sql_query(sql).execute(conn).unwrap();
}

/// The server's process, as its own file tells.
fn server_pid(data_dir: &Path) -> Pid {
    let text = fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

/// Runs as a process of its own in [`Holder`]: starts Postgres, writes a row, says so, and waits to be killed.
#[test]
#[ignore = "not a test: the process that other tests kill"]
fn hold() {
    let folder = std::env::var_os(HELD).expect("started by a test only");
    let postgres = PrivatePostgres::start(Path::new(&folder)).unwrap();
    let mut conn = connect(&postgres);
    run(&mut conn, "CREATE TABLE kept (what text)");
    run(&mut conn, "INSERT INTO kept VALUES ('committed')");
    eprintln!("held");
    std::thread::sleep(Duration::from_secs(60));
}

/// A Lumina in another process, to be killed.
struct Holder(Child);

impl Holder {
    fn start(data_dir: &Path) -> Self {
        let module = module_path!().split_once("::").unwrap().1;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture"])
            .arg(format!("{module}::hold"))
            .env(HELD, data_dir)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let held = stderr.lines().any(|line| line.unwrap() == "held");
        assert!(held, "the holder did not start");
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts again within the five seconds we promise, and finds what was committed.
fn start_again_and_find_the_row(data_dir: &Path) {
    let begin = Instant::now();
    let postgres = PrivatePostgres::start(data_dir).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(ask(&mut connect(&postgres), "SELECT what FROM kept"), "committed");
}

#[test]
fn starts_on_an_empty_folder_and_keeps_its_promises() {
    let folder = cluster::scratch();
    let data_dir = folder.path().join("not/there/yet");
    let postgres = PrivatePostgres::start(&data_dir).unwrap();
    let mut conn = connect(&postgres);
    for (setting, value) in [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
    ] {
        assert_eq!(ask(&mut conn, &format!("current_setting('{setting}')")), value, "{setting}");
    }
    let server = server_pid(&data_dir);
    assert_eq!(getpgid(Some(server)).unwrap(), server, "Ctrl-C in the terminal does not reach it");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(data_dir.clone()), 0o700);
    assert_eq!(mode(data_dir.join("postgres")), 0o700);
    drop(conn);
    postgres.stop();
    assert!(!data_dir.join("postgres/postmaster.pid").exists(), "stopped in good order");
}

#[test]
fn a_second_start_on_the_same_folder_is_refused_and_names_the_first() {
    let folder = cluster::scratch();
    let first = PrivatePostgres::start(folder.path()).unwrap();
    let second = PrivatePostgres::start(folder.path()).unwrap_err();
    let us = std::process::id();
    assert!(matches!(second, PrivateError::InUse { pid: Some(pid), .. } if pid == us));
    assert_eq!(ask(&mut connect(&first), "1"), "1", "the first is undisturbed");
    first.stop();
    PrivatePostgres::start(folder.path()).unwrap().stop();
}

#[test]
fn a_server_that_outlived_its_lumina_is_taken_over() {
    let folder = cluster::scratch();
    let holder = Holder::start(folder.path());
    let orphan = server_pid(folder.path());
    holder.kill();
    assert!(test_kill_process(orphan).is_ok(), "it outlives its Lumina");
    start_again_and_find_the_row(folder.path());
}

#[test]
fn starts_after_lumina_and_server_were_killed() {
    let folder = cluster::scratch();
    let holder = Holder::start(folder.path());
    let server = server_pid(folder.path());
    holder.kill();
    kill_process(server, Signal::KILL).unwrap();
    start_again_and_find_the_row(folder.path());
}

#[test]
fn another_process_with_the_old_number_is_left_alone() {
    let folder = cluster::scratch();
    PrivatePostgres::start(folder.path()).unwrap().stop();
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    for lock_file in ["postgres/postmaster.pid", "postgres/.s.PGSQL.5432.lock"] {
        fs::write(folder.path().join(lock_file), format!("{}\n", stranger.id())).unwrap();
    }
    let begin = Instant::now();
    PrivatePostgres::start(folder.path()).unwrap().stop();
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(stranger.try_wait().unwrap(), None, "still alive");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_server_that_dies_is_started_again() {
    let folder = cluster::scratch();
    let postgres = PrivatePostgres::start(folder.path()).unwrap();
    let killed = server_pid(folder.path());
    kill_process(killed, Signal::KILL).unwrap();
    let begin = Instant::now();
    while PgConnection::establish(postgres.url()).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_ne!(server_pid(folder.path()), killed);
}

#[test]
fn a_half_made_database_is_made_anew() {
    let folder = cluster::scratch();
    let half = folder.path().join("postgres.partial-killed");
    fs::create_dir_all(half.join("base/1")).unwrap();
    fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    let postgres = PrivatePostgres::start(folder.path()).unwrap();
    assert_eq!(ask(&mut connect(&postgres), "current_database()"), "lumina");
    assert!(!half.exists());
}

#[test]
fn a_folder_that_is_no_database_is_not_touched() {
    let folder = cluster::scratch();
    let photo = folder.path().join("postgres/holiday.jpg");
    fs::create_dir(photo.parent().unwrap()).unwrap();
    fs::write(&photo, "dear").unwrap();
    let error = PrivatePostgres::start(folder.path()).unwrap_err();
    assert!(matches!(error, PrivateError::NotADatabase(_)), "{error}");
    assert_eq!(fs::read(&photo).unwrap(), b"dear");
}

#[test]
fn files_of_a_version_that_is_not_installed_are_named() {
    let folder = cluster::scratch();
    fs::create_dir(folder.path().join("postgres")).unwrap();
    fs::write(folder.path().join("postgres/PG_VERSION"), "9\n").unwrap();
    let message = PrivatePostgres::start(folder.path()).unwrap_err().to_string();
    assert!(message.contains("made by Postgres 9"), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn long_and_odd_paths_work() {
    for name in ["x".repeat(200), "photos, all & 50% “ours”".to_owned()] {
        let folder = cluster::scratch();
        let postgres = PrivatePostgres::start(&folder.path().join(name)).unwrap();
        assert_eq!(ask(&mut connect(&postgres), "1"), "1");
    }
}

/// As root in `/root/lumina`: the server's account has no way through the folders above, and they are not opened for
/// it.
#[test]
#[cfg(target_os = "linux")]
fn root_starts_it_beneath_a_folder_closed_to_others() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = cluster::scratch();
    let closed = folder.path().join("closed");
    fs::DirBuilder::new().mode(0o700).create(&closed).unwrap();
    let data_dir = closed.join("data");
    let postgres = PrivatePostgres::start(&data_dir).unwrap();
    assert_eq!(ask(&mut connect(&postgres), "1"), "1");
    let closed = fs::metadata(&closed).unwrap();
    assert_eq!((closed.uid(), closed.mode() & 0o777), (0, 0o700));
    let database = fs::metadata(data_dir.join("postgres")).unwrap();
    assert_ne!(database.uid(), 0);
    postgres.stop();
    PrivatePostgres::start(&data_dir).unwrap().stop();
}
