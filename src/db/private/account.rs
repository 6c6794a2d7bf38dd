//! Whom the server runs as. Postgres refuses root; so when we are root it runs as an account of our own, which owns the
//! database's folder.
//!
//! Not as `postgres` or `nobody`: whoever else runs as those could read the database's files, whatever their modes are. The
//! account is made when there is none, since `initdb` wants one with a name. Files that an older version gave to a shared
//! account are taken over.
//!
//! That account must not need a way through the folders above (`/root` is 0700, and `data_dir` stays as strict as its
//! owner made it). So it is handed the open folder itself: the server inherits a descriptor and is told `-D
//! /proc/self/fd/N`, which the kernel resolves without walking the path. That is Linux's; elsewhere root's server goes
//! by the path.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, openat, statat};

use super::PrivateError;

/// The account that root's server runs as.
const NAME: &str = "lumina-postgres";

/// How such an account is made: with shadow-utils (nearly everywhere), and with busybox (Alpine).
const MAKERS: [&[&str]; 2] = [
    &[
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        NAME,
    ],
    &["adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", NAME],
];

/// Another program may be at the list of accounts: how often it is tried again, after a tenth of a second each.
const TRIES: u32 = 50;

/// An unprivileged user and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account for a new database: `None` (ourselves) unless we are root; then our own, which is made if need be.
    pub(super) fn for_new() -> Result<Option<Self>, PrivateError> {
        if rustix::process::geteuid().is_root() { Self::own().map(Some) } else { Ok(None) }
    }

    /// The account for files that are there. When we are root, those of whoever owns the data folder stay theirs; any
    /// others are given to our own account. Nobody may be using them.
    pub(super) fn for_existing(folder: &Path) -> Result<Option<Self>, PrivateError> {
        let owner = |path: &Path| fs::metadata(path).map_err(PrivateError::at(path));
        let there = owner(folder)?;
        let (uid, gid) = (there.uid(), there.gid());
        if !rustix::process::geteuid().is_root() {
            let ours = rustix::process::geteuid().as_raw() == uid;
            return if ours { Ok(None) } else { Err(PrivateError::NotOurs { folder: folder.to_owned(), owner: uid }) };
        }
        if uid != 0 && folder.parent().map(owner).transpose()?.is_some_and(|above| above.uid() == uid) {
            return Ok(Some(Self { uid, gid }));
        }
        let own = Self::own()?;
        if uid != own.uid {
            tracing::info!("giving {} to the account {NAME}", folder.display());
            own.take_over(folder, uid)?;
        }
        Ok(Some(own))
    }

    fn own() -> Result<Self, PrivateError> {
        let mut makers = MAKERS.iter().cycle();
        for _ in 0..TRIES {
            let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
            if let Some(own) = Self::named(NAME, &users) {
                return Ok(own);
            }
            let Some([program, arguments @ ..]) = makers.next() else { break };
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            match command.status() {
                Ok(status) if status.success() => {
                    tracing::info!("made the system account {NAME} for the private Postgres")
                }
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        Err(PrivateError::NoAccount { name: NAME })
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

    /// Gives `path` itself (not what is in it) to this account.
    pub(super) fn give(self, path: &Path) -> Result<(), PrivateError> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(PrivateError::at(path))
    }

    /// Gives everything in `folder` that belongs to `from` to this account, and at last the folder itself: its owner says
    /// that all is done.
    fn take_over(self, folder: &Path, from: u32) -> Result<(), PrivateError> {
        let give = || {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            self.take_over_inside(&rustix::fs::open(folder, flags, Mode::empty())?, from)
        };
        give().map_err(|error| PrivateError::at(folder)(error.into()))?;
        self.give(folder)
    }

    /// Never by a path, and through no link: who was `from` may still be putting some in our way.
    fn take_over_inside(self, folder: &OwnedFd, from: u32) -> rustix::io::Result<()> {
        let (uid, gid) = (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)));
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let there = statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?;
            let kind = FileType::from_raw_mode(there.st_mode);
            // A second name of a file elsewhere is not ours to give away.
            if there.st_uid != from || kind == FileType::RegularFile && there.st_nlink != 1 {
                continue;
            }
            if kind == FileType::Directory {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                self.take_over_inside(&openat(folder.as_fd(), name, flags, Mode::empty())?, from)?;
            }
            chownat(folder.as_fd(), name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }
}

/// A command for `program -D <folder>` under `account`, with a bare environment: our secrets and stray `PG…` variables
/// are none of its business. The folder as it sees it comes along, and what must live until it was spawned.
pub(super) fn command(
    program: &Path,
    folder: &Path,
    account: Option<Account>,
) -> io::Result<(Command, PathBuf, Option<OwnedFd>)> {
    command_with(program, &[], folder, account)
}

/// As [`command`], with arguments that go before the folder.
pub(super) fn command_with(
    program: &Path,
    first: &[&str],
    folder: &Path,
    account: Option<Account>,
) -> io::Result<(Command, PathBuf, Option<OwnedFd>)> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .current_dir("/")
        .args(first);
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
    command.arg("-D").arg(&seen_as);
    Ok((command, seen_as, inherited))
}
