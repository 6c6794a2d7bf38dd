//! Our own Postgres, for people who configured none: its files live in `data_dir/postgres`, it starts and stops with
//! Lumina, and only we can reach it.
//!
//! What it promises:
//! - It listens on a unix socket inside its own folder (mode 0700) and nowhere else. Inside that wall it trusts
//!   everyone, so there is no password to leak.
//! - One Lumina a folder: an exclusive `flock` on `data_dir/lock`, which the kernel gives back however we die.
//! - What was committed stays: fsync is on, a half-made folder never gets the real name, and a server that outlived a
//!   killed Lumina is shut down before the next one starts on the same files.
//! - A thread watches the server and starts it again should it die, so nobody has to call anything.
//! - Started by root, the server runs as an unprivileged account, and no folder is opened wider for it (see
//!   `account.rs`).
//!
//! Why our own code over the installed programs: the embedding crates download Postgres at run time, switch fsync off
//! or refuse root. Everything here blocks; call it before the async server starts and after it ended.

mod account;
mod cluster;
mod error;
mod programs;
mod server;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

pub use error::PrivateError;

use crate::config::create_private_dir;
use cluster::Cluster;
use server::Server;

/// How often the watching thread looks whether the server still lives.
const GLANCE: Duration = Duration::from_millis(500);
/// The longest pause between two tries to start a dead server again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A running private Postgres. Dropping it shuts it down as [`PrivatePostgres::stop`] does.
#[derive(Debug)]
pub struct PrivatePostgres {
    url: String,
    /// Dropping the sender tells the watching thread to shut the server down and end.
    watch: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    /// The open folder: the URL may go through this descriptor.
    _folder: File,
    /// Fields are dropped in order: the lock goes last, when the server is gone.
    _lock: File,
}

impl PrivatePostgres {
    /// Starts the server in `data_dir/postgres` and returns when it answers and holds a database named `lumina`. Makes
    /// `data_dir` (mode 0700) and the server's files when they are not there. Blocks: about a second the first time, a
    /// tenth of one later; up to four more when a server left over from a killed Lumina has to be shut down first.
    ///
    /// # Errors
    /// [`PrivateError`], whose text is meant for the person at the terminal.
    pub fn start(data_dir: &Path) -> Result<Self, PrivateError> {
        create_private_dir(data_dir).map_err(PrivateError::at(data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(PrivateError::at(data_dir))?;
        let lock = lock(&data_dir)?;
        let cluster = Cluster::open(&data_dir)?;
        let folder = File::open(&cluster.folder).map_err(PrivateError::at(&cluster.folder))?;
        let url = cluster::url(&cluster.folder, &folder, "lumina")?;
        let maintenance_url = cluster::url(&cluster.folder, &folder, "postgres")?;
        let server = Server::start(&cluster)?;
        let (sender, receiver) = mpsc::channel();
        // From here on the thread owns the server: should anything below fail, dropping the sender shuts it down.
        let thread = thread::Builder::new()
            .name("private-postgres".into())
            .spawn(move || watch(&cluster, server, &receiver))
            .map_err(PrivateError::at(&data_dir))?;
        let postgres = Self { url, watch: Some((sender, thread)), _folder: folder, _lock: lock };
        server::create_database(&maintenance_url, "lumina")?;
        Ok(postgres)
    }

    /// The address of the database `lumina` for libpq. It holds no secret and works as long as this process lives (a long
    /// path is reached through one of our open descriptors).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Shuts the server down in good order and waits until it is gone. It closes remaining connections; transactions
    /// not yet committed are rolled back.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.watch.take() {
            drop(sender);
            if thread.join().is_err() {
                tracing::error!("the thread that watches the private Postgres panicked");
            }
        }
    }
}

/// Starts the server again whenever it dies, until the other end of `stop` is dropped; then shuts it down.
fn watch(cluster: &Cluster, mut server: Server, stop: &Receiver<()>) {
    let mut pause = GLANCE;
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(pause) {
        let Some(how) = server.exited() else {
            continue;
        };
        tracing::error!("the private Postgres ended ({how}); starting it again");
        match Server::start(cluster) {
            Ok(again) => {
                server = again;
                pause = GLANCE;
                tracing::info!("the private Postgres runs again");
            }
            Err(error) => {
                tracing::error!("{error}");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    server.stop();
}

/// The path of one of Postgres's programs on this machine, of version `major` or newer.
#[must_use]
pub fn program(name: &str, major: u32) -> Option<PathBuf> {
    programs::at_least(name, major)
}

/// The address of the database of whoever runs on `data_dir` and holds its lock, and the open folder that the address may go
/// through.
///
/// # Errors
/// When there is no such folder, or its path is too long for this system.
pub fn running_in(data_dir: &Path) -> Result<(String, File), PrivateError> {
    let path = data_dir.join("postgres");
    let folder = File::open(&path).map_err(PrivateError::at(&path))?;
    let url = cluster::url(&path, &folder, "lumina")?;
    Ok((url, folder))
}

/// Takes a data folder for this process, for as long as the answer is kept. The file stays when we are gone; only the
/// kernel's lock on it means anything.
///
/// # Errors
/// [`PrivateError::InUse`] when another process has it.
pub fn lock(data_dir: &Path) -> Result<File, PrivateError> {
    let path = data_dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(PrivateError::at(&path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // Who holds it is a courtesy: without it the message still says what is wrong.
            let _ = file.read_to_string(&mut holder);
            return Err(PrivateError::InUse { data_dir: data_dir.to_owned(), pid: holder.trim().parse().ok() });
        }
        Err(error) => return Err(PrivateError::at(&path)(error.into())),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(PrivateError::at(&path))?;
    Ok(file)
}
