//! One throwaway Postgres for all tests of a run, although every test may be a process of its own (cargo-nextest) or all
//! of them threads of one (cargo test).
//!
//! Whoever comes first starts a *keeper*: this binary again, running only [`keep`], which owns the server. Everyone holds
//! a shared lock on `users` for as long as they live. When nobody has held it for a while, the keeper ends the server,
//! removes its files and goes. The kernel gives locks back however a process dies, so a run that was killed leaves nothing
//! for ever; should the keeper itself be killed, its server notices within a minute that the next keeper has removed its
//! files, and ends. Runs at the same time share the server, each with databases of its own.

use std::fs::{self, File, TryLockError};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::server::Server;

/// Tells the keeper its folder.
const FOLDER: &str = "LUMINA_TEST_CLUSTER";
/// Bytes of room that make a file system in memory preferable: a run needs a tenth of it.
const PLENTY: u64 = 4 << 30;
/// How long nobody must have used the server before it ends.
const IDLE: Duration = Duration::from_secs(20);

/// The address of the database `postgres` of the shared server, which stays up for as long as this process lives; or
/// `DATABASE_URL`, when it is set.
pub fn url() -> &'static str {
    static GIVEN: OnceLock<Option<String>> = OnceLock::new();
    let given = GIVEN.get_or_init(|| std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty()));
    given.as_deref().unwrap_or_else(|| &joined().url)
}

/// A folder for servers and programs of a test's own. Unlike a temporary folder elsewhere it is swept up even after we were
/// killed; and a Postgres that outlived us ends when its files go.
pub fn scratch() -> TempDir {
    let scratch = tempfile::Builder::new().prefix("own").tempdir_in(&joined().folder).unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o711)).unwrap();
    scratch
}

/// A use of the shared server.
struct Joined {
    folder: PathBuf,
    url: String,
    /// Locked by us, shared, until the process ends.
    _users: File,
}

/// One folder for each user and target directory. Not in there, because a socket's path must be short; and in memory where
/// there is plenty, because our tests kill programs and never cut the power, so that syncing to a disk would only cost time.
fn folder() -> PathBuf {
    let in_memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(in_memory).map_or(0, |it| it.f_bavail * it.f_frsize);
    let parent = if room > PLENTY { in_memory.to_owned() } else { std::env::temp_dir() };
    let us = rustix::process::geteuid().as_raw();
    let mut hash = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(env!("CARGO_TARGET_TMPDIR"), &mut hash);
    let hash = std::hash::Hasher::finish(&hash) as u32;
    let folder = parent.join(format!("lumina-tests-{us}-{hash:08x}"));
    fs::DirBuilder::new().recursive(true).mode(0o711).create(&folder).unwrap();
    assert_eq!(fs::symlink_metadata(&folder).unwrap().uid(), us, "{folder:?} belongs to somebody else");
    folder
}

/// Becomes a user of the server, starting it when it does not run.
fn joined() -> &'static Joined {
    static JOINED: OnceLock<Joined> = OnceLock::new();
    JOINED.get_or_init(|| {
        let folder = folder();
        let users = open(&folder, "users");
        // Waits while a keeper that has just decided to go does so.
        users.lock_shared().unwrap();
        let door = open(&folder, "door");
        door.lock().unwrap();
        let nobody_keeps = open(&folder, "keeper").try_lock_shared().is_ok();
        if nobody_keeps {
            start_keeper(&folder);
        }
        let url = fs::read_to_string(folder.join("url")).unwrap();
        Joined { folder, url, _users: users }
    })
}

/// Starts the keeper and waits until its server answers.
#[expect(clippy::zombie_processes, reason = "it outlives us")]
fn start_keeper(folder: &Path) {
    let test = format!("{}::keep", module_path!().split_once("::").unwrap().1);
    let mut keeper = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", &test])
        .env(FOLDER, folder)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C ends the tests; the keeper sees that they have gone.
        .process_group(0)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(keeper.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut before = Vec::new();
    let ready = said.by_ref().inspect(|line| before.push(line.clone())).any(|line| line == "ready");
    assert!(ready, "the tests' Postgres did not start:\n{}", before.join("\n"));
}

/// The keeper's whole life.
#[test]
#[ignore = "not a test: the process that keeps the tests' Postgres"]
fn keep() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let keeper = open(&folder, "keeper");
    keeper.try_lock().expect("one keeper at a time");
    remove_leftovers(&folder);
    let server = Server::start(&folder);
    fs::write(folder.join("url"), server.url("postgres")).unwrap();
    eprintln!("ready");
    let users = open(&folder, "users");
    let mut idle = Duration::ZERO;
    while idle < IDLE {
        std::thread::sleep(Duration::from_secs(1));
        match users.try_lock() {
            Ok(()) => idle += Duration::from_secs(1),
            Err(TryLockError::WouldBlock) => idle = Duration::ZERO,
            Err(TryLockError::Error(error)) => panic!("{error}"),
        }
        if idle < IDLE {
            users.unlock().unwrap();
        }
    }
    // From here on newcomers wait for our end.
    drop(server);
    remove_leftovers(&folder);
    std::process::exit(0);
}

/// What is in there while nobody uses it belonged to somebody who was killed.
fn remove_leftovers(folder: &Path) {
    for old in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        end_program(&old.path().join("data/lock"));
        // A Postgres without its Lumina may still be writing; it ends when it misses its files.
        let _ = fs::remove_dir_all(old.path());
    }
}

/// Ends a Lumina that outlived its test: its lock file says who it is, as long as it is locked.
fn end_program(lock: &Path) {
    let Ok(file) = File::open(lock) else { return };
    let pid = fs::read_to_string(lock).ok().and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?));
    if let (Err(TryLockError::WouldBlock), Some(pid)) = (file.try_lock(), pid) {
        let _ = kill_process(pid, Signal::TERM);
        let _ = file.lock();
    }
}

fn open(folder: &Path, name: &str) -> File {
    File::options().create(true).truncate(false).write(true).open(folder.join(name)).unwrap()
}
