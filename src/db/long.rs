//! The door to Postgres for work that takes as long as it takes: a snapshot that is held while photos are copied, a walk
//! through all rows, counting everything again.
//!
//! Each such job has a connection of its own, outside the pool, so that it neither waits for requests nor takes their
//! connections. No deadline of a request reaches it; a server that vanished is still noticed (see [`give_up_the_dead`]).

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use tracing::Span;

use super::{Db, give_up_the_dead};
use crate::error::AppError;

/// Takes every deadline away that this version of Postgres knows, whoever set it: the server, the database or the role.
const NO_DEADLINES: &str = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', \
     'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";

impl Db {
    /// Runs `job` with a connection of its own, on a thread that may block, however long it takes. Not for requests: those
    /// use [`Db::read`] and [`Db::write`].
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when no connection can be had, else what `job` returns.
    pub async fn long<T, E>(
        &self,
        job: impl FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, AppError>
    where
        T: Send + 'static,
        E: Into<AppError> + Send + 'static,
    {
        let (url, span) = (self.url.clone(), Span::current());
        let working = actix_web::rt::task::spawn_blocking(move || {
            span.in_scope(|| {
                let mut connection = connect(&url).map_err(|error| AppError::unavailable(error.to_string()))?;
                job(&mut connection).map_err(Into::into)
            })
        });
        working.await.map_err(AppError::internal)?
    }
}

/// A connection without deadlines.
pub(super) fn connect(url: &str) -> Result<PgConnection, Box<dyn std::error::Error + Send + Sync>> {
    #[expect(clippy::disallowed_methods, reason = "this is the door for long work")]
    let mut connection = PgConnection::establish(&give_up_the_dead(url))?;
    connection.batch_execute(&format!("{NO_DEADLINES}; SET jit = off; SET application_name = 'lumina'"))?;
    Ok(connection)
}
