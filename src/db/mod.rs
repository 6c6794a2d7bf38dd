//! The door to Postgres. [`Db::read`] and [`Db::write`] are the ways in for requests, [`Db::long`] for work that no request
//! waits for.
//!
//! Each takes a permit first, with a deadline, and only then a blocking thread and a connection. There are as many
//! permits as connections, so no thread ever waits for a connection: when the database is slow or away, requests are
//! told so within [`PATIENCE`] and the threads stay free for what does not need it. One that took the query and then
//! vanished is given up after [`ANSWER`]. Storage, bcrypt and image work never run inside: they would hold a connection
//! for nothing.

mod fitness;
mod gathered;
mod long;
mod migrations;
mod pause;
pub mod private;
pub mod restoring;
#[expect(missing_docs, reason = "the tables are described in the migrations")]
pub mod schema;
mod waiting;

use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Span;

use crate::error::AppError;
use pause::{Pause, Paused};
use private::Message;

pub use fitness::{OLDEST_POSTGRES, Unfit, server_version};
pub use gathered::Gathered;
use migrations::first_connection;
pub use migrations::{Condition, MIGRATIONS, condition, is_in_use, is_outdated, migrate, newest_migration};

/// How long a request waits for its turn, and then for a connection that works, before it is told to come back.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// How long a request waits for its job in all: longer than Postgres lets any statement run, so that this is heard only of a
/// server that does not answer any more. The thread that waits for it is given back when the system finds out too; see
/// [`give_up_the_dead`].
const ANSWER: Duration = Duration::from_secs(15);

/// How long one try to get a connection lasts. Between two, whoever waits lets go of the permit, so that a
/// [pause](Db::pause) can begin.
const TRY: Duration = Duration::from_millis(500);

/// What every new session must be able to do, as uploads need it: run our triggers.
const SESSION_WORKS: &str = "DO $$ BEGIN END $$";

/// Connections kept to Postgres. On small machines more of them only queue inside Postgres instead of here.
const CONNECTIONS: u32 = 8;

type PgPool = Pool<ConnectionManager<PgConnection>>;

/// The database, as the rest of the house sees it. Cloning it is cheap and shares connections and permits.
#[derive(Clone)]
pub struct Db {
    pool: PgPool,
    permits: Arc<Semaphore>,
    pause: Pause,
    trouble: Trouble,
    /// For connections of their own.
    url: Arc<str>,
}

/// Who hears of connections that could not be made.
type Trouble = Arc<OnceLock<mpsc::Sender<Message>>>;

/// How much of the database is in use.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Open connections.
    pub connections: u32,
    /// Those nobody uses.
    pub idle: u32,
    /// How many may use it at once.
    pub permits: u64,
    /// How many do.
    pub permits_in_use: u64,
}

impl Db {
    /// Waits until the database at `url` answers (saying so every few seconds), migrates it, and opens the pool.
    ///
    /// # Errors
    /// When it will not let us in, will not do, or a migration fails; with what to do.
    pub fn open(url: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        migrate(&mut first_connection(url)?)?;
        Ok(Self::open_as_it_is(url))
    }

    /// Opens the pool on a database that somebody else has migrated.
    #[must_use]
    pub fn open_as_it_is(url: &str) -> Self {
        let trouble = Trouble::default();
        let pool = Pool::builder()
            .max_size(CONNECTIONS)
            .min_idle(Some(1))
            .connection_timeout(PATIENCE)
            .test_on_check_out(true)
            .connection_customizer(Box::new(SessionSettings))
            .error_handler(Box::new(LogQuietly(Arc::clone(&trouble))))
            .build_unchecked(ConnectionManager::new(give_up_the_dead(url)));
        let permits = Arc::new(Semaphore::new(CONNECTIONS as usize));
        Self { pool, pause: Pause::new(&permits, CONNECTIONS), permits, trouble, url: url.into() }
    }

    /// Lets whoever keeps the server hear of connections that could not be made.
    fn tells_of_trouble(&self, keeper: mpsc::Sender<Message>) {
        // There is one keeper.
        let _ = self.trouble.set(keeper);
    }

    /// Lets nobody begin anything until the answer is dropped, and for so long those who are at it finish; says whether they
    /// did. Others wait for the end of it. Blocks.
    fn pause(&self, patience: Duration) -> (Paused, bool) {
        self.pause.begin(patience)
    }

    /// How much of it is in use now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let state = self.pool.state();
        let free = self.permits.available_permits() as u64;
        let permits = u64::from(CONNECTIONS);
        let permits_in_use = permits.saturating_sub(free);
        Usage { connections: state.connections, idle: state.idle_connections, permits, permits_in_use }
    }

    /// Runs `job` with a connection, on a thread that may block.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when no connection can be had, or no answer, in time, else what `job` returns. A job that was
    /// given up may still have been done.
    pub async fn read<T, E>(
        &self,
        job: impl FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, AppError>
    where
        T: Send + 'static,
        E: Into<AppError> + Send + 'static,
    {
        let (mut job, mut trying) = (job, None);
        loop {
            let permit = self.permit().await?;
            let since = *trying.get_or_insert_with(Instant::now);
            let pool = self.pool.clone();
            let span = Span::current();
            let working = actix_web::rt::task::spawn_blocking(move || {
                let _permit = permit;
                #[expect(clippy::disallowed_methods, reason = "this is the door: a permit is held")]
                let got = span.in_scope(|| pool.get_timeout(TRY));
                span.in_scope(|| match got {
                    Ok(mut connection) => Ok(job(&mut connection).map_err(Into::into)),
                    Err(error) => Err((job, error)),
                })
            });
            let late = |_| AppError::unavailable("the database does not answer");
            let done = tokio::time::timeout(ANSWER, working).await.map_err(late)?.map_err(AppError::internal)?;
            match done {
                Ok(answer) => return answer,
                Err((again, _)) if self.pause.is_on() => (job, trying) = (again, None),
                Err((again, _)) if since.elapsed() < PATIENCE => job = again,
                Err((_, error)) => return Err(AppError::unavailable(error.to_string())),
            }
        }
    }

    /// Leave to use a connection. Whoever finds the database paused waits until it is not.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, AppError> {
        loop {
            self.pause.end().await?;
            match tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned()).await {
                Ok(permit) => return permit.map_err(AppError::internal),
                Err(_) if self.pause.is_on() => {}
                Err(_) => return Err(AppError::unavailable("every database connection is busy")),
            }
        }
    }

    /// Like [`Db::read`], in a transaction that is rolled back when `job` fails.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn write<T, E>(
        &self,
        job: impl FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, AppError>
    where
        T: Send + 'static,
        E: Into<AppError> + From<diesel::result::Error> + Send + 'static,
    {
        self.read(move |connection| connection.transaction(job)).await
    }
}

/// `url` with libpq's settings for a server that vanished without a word, unless it has its own: by itself the system waits
/// for a quarter of an hour, or two hours when nothing was sent. A socket on this machine has no use for them.
fn give_up_the_dead(url: &str) -> String {
    const SETTINGS: [(&str, u32); 5] = [
        ("connect_timeout", 5),
        ("keepalives_idle", 10),
        ("keepalives_interval", 5),
        ("keepalives_count", 3),
        // In milliseconds.
        ("tcp_user_timeout", 15_000),
    ];
    let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let missing = SETTINGS.iter().filter(|(name, _)| is_url && !url.contains(&format!("{name}=")));
    missing.fold(url.to_owned(), |url, (name, value)| {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}{name}={value}")
    })
}

/// What every connection is set to. The time limits keep a query that went wrong from holding its connection for ever;
/// `jit` costs more than it gives for queries of a few milliseconds. The default of `random_page_cost` is for spinning
/// disks and makes Postgres read all hashtags' names for each photo; at 1.1 the gallery's statement takes 0.3 ms, not 1.4.
#[derive(Debug)]
struct SessionSettings;

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for SessionSettings {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(
                "SET statement_timeout = '10s'; SET lock_timeout = '5s';
                 SET idle_in_transaction_session_timeout = '30s'; SET jit = off; SET random_page_cost = 1.1;
                 SET application_name = 'lumina'",
            )
            // One that could only read would let uploads fail.
            .and_then(|()| connection.batch_execute(SESSION_WORKS))
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

/// r2d2 reports every failed try to connect; one line a second is enough while the database is away, and the requests
/// that suffer log for themselves.
#[derive(Debug)]
struct LogQuietly(Trouble);

impl<E: std::error::Error> diesel::r2d2::HandleError<E> for LogQuietly {
    fn handle_error(&self, error: E) {
        tracing::debug!(%error, "database connection");
        if let Some(keeper) = self.0.get() {
            let _ = keeper.send(Message::Trouble);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::give_up_the_dead;

    #[test]
    fn a_server_that_vanished_is_given_up_unless_its_url_says_otherwise() {
        let url = give_up_the_dead("postgres://lumina:secret@db.example/lumina");
        assert!(url.starts_with("postgres://lumina:secret@db.example/lumina?connect_timeout=5&"), "{url}");
        assert!(url.ends_with("&tcp_user_timeout=15000"), "{url}");
        let url = give_up_the_dead("postgres://db.example/lumina?tcp_user_timeout=0&sslmode=require");
        assert!(url.contains("?tcp_user_timeout=0&sslmode=require&connect_timeout=5"), "{url}");
        assert_eq!(url.matches("tcp_user_timeout").count(), 1);
        let private = "host='/data/postgres' port=5432 user=lumina dbname=lumina";
        assert_eq!(give_up_the_dead(private), private);
    }
}
