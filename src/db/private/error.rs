//! What can go wrong with the private Postgres, in words for the person at the terminal: each says what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// Why the private Postgres does not run.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// No `initdb` and `postgres` on this machine.
    #[error(
        "Lumina found no Postgres on this machine. Three ways out:\n\
         \x20 1. install it, and Lumina runs one of its own: `apt install postgresql` on Debian and Ubuntu,\n\
         \x20    `brew install postgresql` on macOS;\n\
         \x20 2. use a server you have: set DATABASE_URL=postgres://user:password@host/database;\n\
         \x20 3. let Docker bring both: `docker compose up`."
    )]
    NotInstalled,
    /// The files were made by another major version than the programs at hand.
    #[error(
        "{} was made by Postgres {needed}, and this machine has Postgres {found} only. Install Postgres {needed} beside \
         it (Debian: `apt install postgresql-{needed}`), or convert the files with `pg_upgrade`.",
        folder.display()
    )]
    WrongVersion {
        /// Where the database's files are.
        folder: PathBuf,
        /// Major version the files need.
        needed: String,
        /// Major versions installed, comma-separated.
        found: String,
    },
    /// Another Lumina runs on this folder.
    #[error(
        "another Lumina{} is using {}. Stop it first, or give this one a DATA_DIR of its own.",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        data_dir.display()
    )]
    InUse {
        /// The folder both want.
        data_dir: PathBuf,
        /// The other's process id, when it could be read.
        pid: Option<u32>,
    },
    /// We are root, and the account to hand the server to cannot be made.
    #[error(
        "Postgres refuses to run as root, and the account {name} to run it as is neither there nor could be made. Make it \
         (`useradd --system {name}`), start Lumina as an ordinary user, or set DATABASE_URL."
    )]
    NoAccount {
        /// What it is called.
        name: &'static str,
    },
    /// The files belong to somebody else.
    #[error(
        "{} belongs to another user (uid {owner}). Start Lumina as that user, as root, or with another DATA_DIR.",
        folder.display()
    )]
    NotOurs {
        /// Where the database's files are.
        folder: PathBuf,
        /// Who owns them.
        owner: u32,
    },
    /// Something that is not a database has its name.
    #[error("{} is there, and is not a Postgres database. Move it away, or choose another DATA_DIR.", .0.display())]
    NotADatabase(PathBuf),
    /// The socket's path would not fit into the kernel's 107 bytes.
    #[error(
        "the path of {} is too long for a unix socket (or has a comma in it). Choose a shorter DATA_DIR.",
        .0.display()
    )]
    PathTooLong(PathBuf),
    /// `initdb` failed; what it said.
    #[error("could not make a new database: {0}")]
    InitDb(String),
    /// A start of the server by itself, to give Lumina its role, failed; what it said.
    #[error("could not set up Lumina's role in the private database: {0}")]
    Roles(String),
    /// The server ended or did not become ready; the end of its log.
    #[error("the private Postgres did not start. The end of {}:\n{tail}", log.display())]
    DidNotStart {
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server runs, and does not do what we ask.
    #[error("the private Postgres refused: {0}")]
    Refused(String),
    /// A file or a program could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl PrivateError {
    /// For `map_err`: an I/O error together with what it happened to.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
