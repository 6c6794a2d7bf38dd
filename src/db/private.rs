//! Our own Postgres, for people who configured none: its files live in `data_dir/postgres`, it starts and stops with
//! Lumina, and only we can reach it.
//!
//! What it promises:
//! - It listens on a unix socket inside its own folder (mode 0700) and nowhere else, and lets in one role, Lumina's, which
//!   is no superuser and shows a password (see `roles.rs`).
//! - One Lumina a folder: an exclusive `flock` on `data_dir/lock`, which the kernel gives back however we die.
//! - What was committed stays: fsync is on, a half-made folder never gets the real name, and a server that outlived a
//!   killed Lumina is shut down before the next one starts on the same files.
//! - A thread watches the server and starts it again should it die, stop giving sessions, or have its programs replaced,
//!   so nobody has to call anything (see `keeper.rs`).
//! - Started by root, the server runs as an unprivileged account of its own, and no folder is opened wider for it (see
//!   `account.rs`).
//!
//! Why our own code over the installed programs: the embedding crates download Postgres at run time, switch fsync off
//! or refuse root. Everything here blocks; call it before the async server starts and after it ended.

mod account;
mod cluster;
mod error;
mod keeper;
mod programs;
mod roles;
mod server;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

pub use error::PrivateError;
pub(super) use keeper::Message;

use crate::config::create_private_dir;
use crate::db::Db;
use crate::disk_space::ReserveFile;
use cluster::Cluster;
use keeper::{Fingerprint, Keeper};
use server::Server;

/// A running private Postgres. Dropping it shuts it down as [`PrivatePostgres::stop`] does.
#[derive(Debug)]
pub struct PrivatePostgres {
    url: String,
    keeper: Option<(mpsc::Sender<Message>, JoinHandle<()>)>,
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
        if let Err(error) = ReserveFile::of(&data_dir).give_up_if_full() {
            tracing::debug!(%error, "the reserve file");
        }
        let cluster = Cluster::open(&data_dir)?;
        let folder = File::open(&cluster.folder).map_err(PrivateError::at(&cluster.folder))?;
        let url = cluster::url(&cluster.folder, &folder)?;
        let started_from = Fingerprint::of(&cluster.programs);
        let server = Server::start(&cluster)?;
        let (sender, messages) = mpsc::channel();
        let keeper = Keeper::new(cluster, url.clone(), server, started_from);
        let thread = thread::Builder::new()
            .name("private-postgres".into())
            .spawn(move || keeper.run(&messages))
            .map_err(PrivateError::at(&data_dir))?;
        Ok(Self { url, keeper: Some((sender, thread)), _folder: folder, _lock: lock })
    }

    /// Lets requests wait while the server is started again, and hears of connections that cannot be made.
    pub fn serves(&self, db: &Db) {
        if let Some((keeper, _)) = &self.keeper {
            db.tells_of_trouble(keeper.clone());
            // An error means that it stops.
            let _ = keeper.send(Message::Serves(db.clone()));
        }
    }

    /// The address of the database `lumina` for libpq. It holds no secret, as it only names the file with the password, and
    /// works as long as this process lives (a long path is reached through one of our open descriptors).
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
        if let Some((sender, thread)) = self.keeper.take() {
            let _ = sender.send(Message::Stop);
            if thread.join().is_err() {
                tracing::error!("the thread that watches the private Postgres panicked");
            }
        }
    }
}

/// Runs statements, one a line, as the superuser in Lumina's private database, which nobody may be using. For those who
/// need more of it than Lumina may have, such as more databases.
///
/// # Errors
/// As [`PrivatePostgres::start`]; with what Postgres said when a statement fails.
pub fn as_superuser(data_dir: &Path, statements: &str) -> Result<(), PrivateError> {
    create_private_dir(data_dir).map_err(PrivateError::at(data_dir))?;
    let data_dir = data_dir.canonicalize().map_err(PrivateError::at(data_dir))?;
    let _lock = lock(&data_dir)?;
    let cluster = Cluster::open(&data_dir)?;
    roles::run(&cluster, &cluster.folder, roles::LUMINA, statements, &["exit_on_error=on"])
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
    let url = cluster::url(&path, &folder)?;
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
    // On a full disk there is no room for it: who holds the lock is a courtesy.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}
