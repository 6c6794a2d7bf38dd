//! One instant of the database, held for as long as it takes to copy what it names.

use std::sync::mpsc::{Receiver, Sender, channel};

use diesel::prelude::*;
use diesel::sql_types::Text;
use tokio::sync::{mpsc, oneshot};

use crate::album::library::{self, Rows};
use crate::app::StartError;
use crate::db::Db;
use crate::error::AppError;
use crate::models::inventory;
use crate::models::removal;

/// A held instant. Dropping it lets go of it.
pub struct Snapshot {
    id: String,
    dumped: Sender<()>,
    copied: Sender<()>,
    ended: oneshot::Receiver<Result<(), AppError>>,
}

impl Snapshot {
    /// Takes it, and keeps objects from being removed until [`Snapshot::copied`]. Answers also its rows.
    ///
    /// # Errors
    /// When the database is away, or another backup is under way.
    pub async fn take(db: &Db) -> Result<(Self, Rows), StartError> {
        let ((id, known), (dumped, is_dumped), (copied, is_copied)) = (oneshot::channel(), channel(), channel());
        let (pages, rows) = mpsc::channel(2);
        let (end, ended) = oneshot::channel();
        let db = db.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends with the backup")]
        tokio::spawn(async move {
            let held = db.long(move |conn| hold(conn, id, &is_dumped, pages, &is_copied)).await;
            drop(end.send(held));
        });
        match known.await {
            Ok(id) => Ok((Self { id, dumped, copied, ended }, library::pages(rows))),
            Err(_) => {
                Err(ended.await.map_or_else(Into::into, |held| held.err().map_or("no snapshot".into(), Into::into)))
            }
        }
    }

    /// For `pg_dump`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The snapshot itself is no longer needed: the rows are put aside.
    pub fn dumped(&self) {
        let _ = self.dumped.send(());
    }

    /// All objects were copied: others may be removed.
    ///
    /// # Errors
    /// When the database let go of it earlier, so that some may have been removed before.
    pub async fn copied(self) -> Result<(), StartError> {
        let _ = self.copied.send(());
        Ok(self.ended.await??)
    }
}

#[derive(QueryableByName)]
struct Exported {
    #[diesel(sql_type = Text)]
    id: String,
}

fn hold(
    conn: &mut PgConnection,
    id: oneshot::Sender<String>,
    dumped: &Receiver<()>,
    pages: mpsc::Sender<Result<Vec<inventory::Inventoried>, AppError>>,
    copied: &Receiver<()>,
) -> Result<(), AppError> {
    if !removal::hold_back(conn)? {
        return Err(AppError::Conflict("another backup of this library is under way".into()));
    }
    let held = read(conn, id, dumped, &pages);
    drop(pages);
    // An error means that nobody waits any more.
    let waited = copied.recv();
    let was_held = removal::let_go(conn)?;
    held?;
    if waited.is_ok() && !was_held {
        return Err(AppError::unavailable("the database was away meanwhile: run the backup again"));
    }
    Ok(())
}

fn read(
    conn: &mut PgConnection,
    id: oneshot::Sender<String>,
    dumped: &Receiver<()>,
    pages: &mpsc::Sender<Result<Vec<inventory::Inventoried>, AppError>>,
) -> Result<(), AppError> {
    conn.build_transaction().repeatable_read().run(|conn| {
        let exported: Exported = diesel::sql_query("SELECT pg_export_snapshot() AS id").get_result(conn)?;
        inventory::begin(conn)?;
        drop(id.send(exported.id));
        // An error says that nobody waits any more.
        let _ = dumped.recv();
        Ok::<_, AppError>(())
    })?;
    loop {
        match inventory::next(conn) {
            Ok(page) if page.is_empty() => return Ok(()),
            Ok(page) => {
                if pages.blocking_send(Ok(page)).is_err() {
                    return Ok(inventory::end(conn)?);
                }
            }
            Err(error) => {
                drop(pages.blocking_send(Err(error.into())));
                return Ok(());
            }
        }
    }
}
