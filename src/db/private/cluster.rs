//! The database's files (Postgres says *cluster*): found or made.
//!
//! `initdb` works in a sibling folder with a random name, which gets the name `postgres` only when everything in it is
//! on disk. So that name always means a whole cluster, and what a killed start left behind is known by its name and
//! removed.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use super::PrivateError;
use super::account::{self, Account};
use super::programs::Programs;
use super::{roles, server};

/// The beginning of the name of a folder in which `initdb` works.
const PARTIAL: &str = "postgres.partial-";
/// The longest path of a unix socket that every system takes (macOS 103 bytes, Linux 107).
const LONGEST_SOCKET_PATH: usize = 103;

/// The files of one private Postgres, and what it takes to run on them.
#[derive(Debug)]
pub(super) struct Cluster {
    /// `data_dir/postgres`, absolute.
    pub(super) folder: PathBuf,
    /// `data_dir/postgres.log`.
    pub(super) log: PathBuf,
    pub(super) programs: Programs,
    /// `None`: the server runs as we do.
    pub(super) account: Option<Account>,
}

impl Cluster {
    /// Opens the cluster in `data_dir` (absolute), making it when there is none; Lumina has its database and its role in it.
    /// Ends a server that is left over from a killed Lumina. The caller holds the lock.
    pub(super) fn open(data_dir: &Path) -> Result<Self, PrivateError> {
        let folder = data_dir.join("postgres");
        remove_partial(data_dir);
        if !is_empty(&folder) {
            let version = fs::read_to_string(folder.join("PG_VERSION"));
            let version = version.map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => PrivateError::NotADatabase(folder.clone()),
                _ => PrivateError::at(&folder)(error),
            })?;
            let programs = Programs::for_version(version.trim(), &folder)?;
            // Before the files are given to another account.
            server::end_orphan(&folder)?;
            let account = Account::for_existing(&folder)?;
            let cluster = Self { programs, account, log: data_dir.join("postgres.log"), folder };
            roles::establish(&cluster, data_dir)?;
            return Ok(cluster);
        }
        let cluster = Self {
            programs: Programs::any()?,
            account: Account::for_new()?,
            log: data_dir.join("postgres.log"),
            folder,
        };
        cluster.create(data_dir)?;
        Ok(cluster)
    }

    /// Makes the cluster: half a second of `initdb`, and its 40 MB put on disk.
    fn create(&self, data_dir: &Path) -> Result<(), PrivateError> {
        tracing::info!("making a new database in {}", self.folder.display());
        // Mode 0700; removed again when anything here fails.
        let partial =
            tempfile::Builder::new().prefix(PARTIAL).tempdir_in(data_dir).map_err(PrivateError::at(data_dir))?;
        if let Some(account) = self.account {
            account.give(partial.path())?;
        }
        // Names sort by bytes and case is folded in Rust, so the plain C locale is right, and never changes under an
        // index.
        self.initdb(
            partial.path(),
            &[
                &format!("--username={}", roles::SUPERUSER),
                "--auth=reject",
                "--encoding=UTF8",
                "--locale=C",
                "--data-checksums",
                "--no-sync",
            ],
        )?;
        roles::make(self, partial.path(), data_dir)?;
        self.sync(partial.path())?;
        let partial = partial.keep();
        fs::rename(&partial, &self.folder)
            .and_then(|()| File::open(data_dir)?.sync_all())
            .map_err(PrivateError::at(&self.folder))
    }

    /// Puts all of `folder` on disk. One call for the whole file system: beside a busy disk it takes a tenth of a second,
    /// where initdb's own way, file by file through a thousand, took over two.
    #[cfg(target_os = "linux")]
    fn sync(&self, folder: &Path) -> Result<(), PrivateError> {
        let sync = || Ok(rustix::fs::syncfs(File::open(folder)?)?);
        sync().map_err(PrivateError::at(folder))
    }

    /// Puts all of `folder` on disk.
    #[cfg(not(target_os = "linux"))]
    fn sync(&self, folder: &Path) -> Result<(), PrivateError> {
        self.initdb(folder, &["--sync-only"])
    }

    fn initdb(&self, folder: &Path, options: &[&str]) -> Result<(), PrivateError> {
        let program = self.programs.path("initdb");
        let run = || {
            let (mut command, _, _inherited) = account::command(&program, folder, self.account)?;
            command.args(options).stdin(Stdio::null()).output()
        };
        let output = run().map_err(PrivateError::at(&program))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(PrivateError::InitDb(said.trim().to_owned()))
    }
}

/// The address of Lumina's database of the server in `path`, which is `data_dir/postgres`. A path that is too long for a
/// socket, or holds the comma that separates hosts for libpq, is reached through our open descriptor `folder` (Linux), by
/// other programs too. The password is in a file that the address names.
pub(super) fn url(path: &Path, folder: &File) -> Result<String, PrivateError> {
    let bytes = path.as_os_str().as_bytes();
    let socket_length = bytes.len() + "/.s.PGSQL.5432".len();
    let short = format!("/proc/{}/fd/{}", std::process::id(), folder.as_raw_fd());
    let host = if socket_length <= LONGEST_SOCKET_PATH && !bytes.contains(&b',') {
        bytes
    } else if cfg!(target_os = "linux") {
        short.as_bytes()
    } else {
        return Err(PrivateError::PathTooLong(path.to_owned()));
    };
    let host = percent_encode(host, NON_ALPHANUMERIC);
    let password = roles::password_file(path.parent().unwrap_or(path));
    let password = percent_encode(password.as_os_str().as_bytes(), NON_ALPHANUMERIC);
    // The port is spelled out because libpq would otherwise look at PGPORT.
    Ok(format!("postgres:///{0}?host={host}&port=5432&user={0}&passfile={password}", roles::LUMINA))
}

/// Removes what starts that were killed in the middle of `initdb` left. What cannot be removed does no harm: its name
/// is never used again.
fn remove_partial(data_dir: &Path) {
    for entry in fs::read_dir(data_dir).into_iter().flatten().flatten() {
        let is_partial = entry.file_name().as_bytes().starts_with(PARTIAL.as_bytes());
        if is_partial && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!("{}: {error}", entry.path().display());
        }
    }
}

/// Is the folder absent, or without content (so that another can be renamed over it)?
fn is_empty(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}
