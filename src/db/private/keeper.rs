//! Keeps the server running and well, on a thread of its own: starts it again when it died, when a package update has
//! replaced its programs, and when no new session can be had.
//!
//! A running Postgres survives an update of its programs only by halves: it forks its sessions from what it has in memory,
//! and they load libraries such as `plpgsql.so` from what is on disk now, which may not fit any more. Requests do not fail of
//! that or of the restart: whoever begins something with the database meanwhile waits ([`Db::pause`]).

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::cluster::Cluster;
use super::programs::Programs;
use super::server::Server;
use crate::db::{Db, SESSION_WORKS};

/// How often the server is looked after.
const GLANCE: Duration = Duration::from_millis(500);
/// The longest pause between two tries to start a dead server again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often a new session is tried while nothing seems wrong.
const TRIAL: Duration = Duration::from_secs(10);
/// Many may be in trouble at once.
const BRIEFLY: Duration = Duration::from_millis(100);
/// How long running requests may take to finish before a restart. One that nobody needs at once is put off when they do
/// not.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long a restart is put off.
const LONGEST_DELAY: Duration = Duration::from_secs(120);
/// The same while requests fail for want of a session.
const IMPATIENCE: Duration = Duration::from_millis(500);
/// How long the programs must have stayed the same: a package is unpacked file by file.
const SETTLED: Duration = Duration::from_secs(1);
/// Restarts for want of sessions that do not help are not repeated faster than this; each one doubles it.
const SHORTEST_BETWEEN: Duration = Duration::from_secs(10);
const LONGEST_BETWEEN: Duration = Duration::from_secs(300);

/// What the thread is told.
pub(crate) enum Message {
    /// These requests wait for it.
    Serves(Db),
    /// A connection could not be made.
    Trouble,
    /// Shut the server down, and end.
    Stop,
}

pub(super) struct Keeper {
    cluster: Cluster,
    /// The address of Lumina's database.
    url: String,
    server: Option<Server>,
    db: Option<Db>,
    /// The programs that the server was started from.
    started_from: Fingerprint,
    /// What they are now, and since when.
    seen: (Fingerprint, Instant),
    replaced_since: Option<Instant>,
    put_off: Option<Instant>,
    tried: Instant,
    restarted: Option<Instant>,
    between: Duration,
}

impl Keeper {
    pub(super) fn new(cluster: Cluster, url: String, server: Server, started_from: Fingerprint) -> Self {
        let now = Instant::now();
        Self {
            seen: (started_from.clone(), now),
            cluster,
            url,
            server: Some(server),
            db: None,
            started_from,
            replaced_since: None,
            put_off: None,
            tried: now,
            restarted: None,
            between: SHORTEST_BETWEEN,
        }
    }

    /// Looks after the server until it is told to stop.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        let mut pause = GLANCE;
        loop {
            let trouble = match messages.recv_timeout(pause) {
                Ok(Message::Serves(db)) => {
                    self.db = Some(db);
                    continue;
                }
                Ok(Message::Trouble) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            };
            pause = if self.look(trouble) { GLANCE } else { (pause * 2).min(LONGEST_PAUSE) };
        }
        if let Some(server) = self.server {
            server.stop();
        }
    }

    /// Whether the server runs, now or again.
    fn look(&mut self, trouble: bool) -> bool {
        match self.server.as_mut().map(Server::exited) {
            None => return self.restart(IMPATIENCE),
            Some(Some(how)) => {
                tracing::error!("the private Postgres ended ({how}); starting it again");
                return self.restart(IMPATIENCE);
            }
            Some(None) => {}
        }
        let now = Fingerprint::of(&self.cluster.programs);
        if now != self.seen.0 {
            self.seen = (now, Instant::now());
        }
        if self.seen.0 != self.started_from {
            let since = *self.replaced_since.get_or_insert_with(Instant::now);
            let is_put_off = self.put_off.is_some_and(|at| at.elapsed() < SHORTEST_BETWEEN);
            if self.settled() && !trouble && !is_put_off {
                tracing::warn!(
                    "the programs of the private Postgres were replaced: starting it again from the new ones"
                );
                let patience = if since.elapsed() > LONGEST_DELAY { IMPATIENCE } else { PATIENCE };
                return self.restart(patience);
            }
        } else {
            self.replaced_since = None;
        }
        if trouble || self.tried.elapsed() > TRIAL {
            self.try_out();
        }
        true
    }

    fn settled(&self) -> bool {
        self.seen.0.is_whole() && self.seen.1.elapsed() > SETTLED
    }

    /// Restarts the server where a new session cannot be had or does not work.
    fn try_out(&mut self) {
        if self.tried.elapsed() < BRIEFLY {
            return;
        }
        self.tried = Instant::now();
        let Err(error) = self.session() else {
            self.between = SHORTEST_BETWEEN;
            return;
        };
        if self.restarted.is_some_and(|before| before.elapsed() < self.between) {
            tracing::debug!(%error, "no new session in the private Postgres");
            return;
        }
        tracing::error!("the private Postgres gives no new session that works; starting it again: {}", error.trim());
        if self.restarted.is_some() {
            self.between = (self.between * 2).min(LONGEST_BETWEEN);
        }
        self.restarted = Some(Instant::now());
        self.restart(IMPATIENCE);
    }

    #[expect(clippy::disallowed_methods, reason = "it is new sessions that are asked about")]
    fn session(&self) -> Result<(), String> {
        let mut conn =
            PgConnection::establish(&format!("{}&connect_timeout=5", self.url)).map_err(|error| error.to_string())?;
        conn.batch_execute(SESSION_WORKS).map_err(|error| error.to_string())
    }

    /// Starts the server again, from the programs as they are when they have settled. Those who want something of it wait.
    fn restart(&mut self, patience: Duration) -> bool {
        let paused = self.db.as_ref().map(|db| db.pause(patience));
        if patience == PATIENCE && paused.as_ref().is_some_and(|(_, finished)| !finished) {
            tracing::info!("a request takes long: the private Postgres is started again later");
            self.put_off = Some(Instant::now());
            return true;
        }
        if let Some(server) = self.server.take() {
            server.stop();
        }
        let begin = Instant::now();
        while !self.settled() && begin.elapsed() < 3 * SETTLED {
            std::thread::sleep(Duration::from_millis(50));
            let now = Fingerprint::of(&self.cluster.programs);
            if now != self.seen.0 {
                self.seen = (now, Instant::now());
            }
        }
        self.started_from = Fingerprint::of(&self.cluster.programs);
        (self.replaced_since, self.put_off) = (None, None);
        match Server::start(&self.cluster) {
            Ok(server) => {
                self.server = Some(server);
                tracing::info!("the private Postgres runs again");
                true
            }
            Err(error) => {
                tracing::error!("{error}");
                false
            }
        }
    }
}

/// Tells whether Postgres's programs are still the same files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<Option<[i64; 4]>>);

impl Fingerprint {
    /// Of the server itself, and of the library that uploads need, where most systems have it.
    pub(super) fn of(programs: &Programs) -> Self {
        let files: [PathBuf; 2] = [programs.path("postgres"), programs.path("../lib/plpgsql.so")];
        let print = |path: &PathBuf| {
            let file = std::fs::metadata(path).ok()?;
            Some([file.ino().cast_signed(), file.mtime(), file.ctime(), file.ctime_nsec()])
        };
        Self(files.iter().map(print).collect())
    }

    /// Whether there is a server to start.
    fn is_whole(&self) -> bool {
        self.0.first().is_some_and(Option::is_some)
    }
}
