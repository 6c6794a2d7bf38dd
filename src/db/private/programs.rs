//! Where Postgres's programs are on this machine. Debian keeps them out of PATH and side by side for each major
//! version, Homebrew likewise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PrivateError;

/// A folder with `initdb` and `postgres` of one version.
#[derive(Debug)]
pub(super) struct Programs {
    /// The folder.
    bin: PathBuf,
}

impl Programs {
    /// The first installation found: on PATH, by `pg_config`, then the usual places, newest first.
    pub(super) fn any() -> Result<Self, PrivateError> {
        installed().next().map(|(_, bin)| Self { bin }).ok_or(PrivateError::NotInstalled)
    }

    /// The installation that can read files made by Postgres `major`.
    pub(super) fn for_version(major: &str, folder: &Path) -> Result<Self, PrivateError> {
        let mut found = Vec::new();
        for (version, bin) in installed() {
            if version == major {
                return Ok(Self { bin });
            }
            if !found.contains(&version) {
                found.push(version);
            }
        }
        if found.is_empty() {
            return Err(PrivateError::NotInstalled);
        }
        Err(PrivateError::WrongVersion { folder: folder.to_owned(), needed: major.to_owned(), found: found.join(", ") })
    }

    /// The path of one program.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// All installations with their major version, best first; each is asked only when the ones before it did not do.
fn installed() -> impl Iterator<Item = (String, PathBuf)> {
    folders()
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .filter_map(|bin| Some((version_of(&bin.join("postgres"))?, bin)))
}

/// Where Postgres's programs may be, best first.
fn folders() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    on_path
        .into_iter()
        .chain(std::iter::once_with(by_pg_config).flatten())
        .chain(std::iter::once_with(usual_places).flatten())
}

/// The path of one of Postgres's programs, of version `major` or newer.
pub(super) fn at_least(name: &str, major: u32) -> Option<PathBuf> {
    folders().map(|bin| bin.join(name)).find(|program| {
        let version = program.is_file().then(|| version_of(program)).flatten();
        version.and_then(|version| version.parse::<u32>().ok()).is_some_and(|version| version >= major)
    })
}

fn by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let bin = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(bin.trim()))
}

/// Debian and Ubuntu, Red Hat, Homebrew on ARM and on Intel; newest first.
fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
    ] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let version = name.to_str().and_then(|name| name.strip_prefix(prefix));
            if let Some(Ok(version)) = version.map(str::parse) {
                places.push((version, entry.path().join("bin")));
            }
        }
    }
    places.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    places.into_iter().map(|(_, bin)| bin).collect()
}

/// `15` of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`: all that must match between programs and files.
fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().nth(2)?;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    (!major.is_empty()).then_some(major)
}
