//! Whom the server runs as. Postgres refuses root; so when we are root it runs as an unprivileged account that owns the
//! database's folder.
//!
//! That account must not need a way through the folders above (`/root` is 0700, and `data_dir` stays as strict as its
//! owner made it). So it is handed the open folder itself: the server inherits a descriptor and is told `-D
//! /proc/self/fd/N`, which the kernel resolves without walking the path. That is Linux's; elsewhere root's server goes
//! by the path.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PrivateError;

/// An unprivileged user and its group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account for a new database: `None` (ourselves) unless we are root; then `postgres` where it exists, else
    /// `nobody`.
    pub(super) fn for_new() -> Result<Option<Self>, PrivateError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::named(name, &users))
            .map(Some)
            .ok_or(PrivateError::NoAccount)
    }

    /// The account for files that are there: their owner, so that it does not matter who made them.
    pub(super) fn owner_of(folder: &Path) -> Result<Option<Self>, PrivateError> {
        let metadata = fs::metadata(folder).map_err(PrivateError::at(folder))?;
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let us = rustix::process::geteuid();
        if us.as_raw() == uid && !us.is_root() {
            Ok(None)
        } else if us.is_root() && uid != 0 {
            Ok(Some(Self { uid, gid }))
        } else {
            Err(PrivateError::NotOurs { folder: folder.to_owned(), owner: uid })
        }
    }

    /// Looks a name up in the text of `/etc/passwd` (`name:password:uid:gid:…`).
    fn named(name: &str, users: &str) -> Option<Self> {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(name)).then_some(())?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { uid, gid })
        })
    }

    /// Gives `folder` itself (not what is in it) to this account.
    pub(super) fn give(self, folder: &Path) -> Result<(), PrivateError> {
        chown(folder, Some(self.uid), Some(self.gid)).map_err(PrivateError::at(folder))
    }
}

/// A command for `program -D <folder>` under `account`, with a bare environment: our secrets and stray `PG…` variables
/// are none of its business. What comes beside the command must live until it was spawned.
pub(super) fn command(
    program: &Path,
    folder: &Path,
    account: Option<Account>,
) -> io::Result<(Command, Option<OwnedFd>)> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir("/");
    let mut inherited = None;
    let mut seen_as = PathBuf::from(folder);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
        if cfg!(target_os = "linux") {
            // A plain dup has no close-on-exec flag, which is the point here.
            let handle = rustix::io::dup(File::open(folder)?)?;
            seen_as = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
            inherited = Some(handle);
        }
    }
    command.arg("-D").arg(seen_as);
    Ok((command, inherited))
}
