//! The sweeper: removes stored bytes whose time has come, and forgotten sessions.
//!
//! It knows what to remove from `removals` and `uploads` and does not list the storage, so its cost is that of what there
//! is to do. Several instances share the work: each claims rows of its own. What no row knows of is [tidied up](super::tidy).

use std::time::Duration;

use futures_util::future::try_join_all;

use crate::album::Album;
use crate::error::AppError;
use crate::failpoints::FailPoint;
use crate::models::{PhotoId, Session, idempotency, removal};
use crate::storage::{Kind, ObjectKey, StorageError};

/// How often it looks: an index that is nearly always empty is cheap to ask.
const EVERY: Duration = Duration::from_secs(10);
/// Photos a turn, so that the database connection is given back in between.
const AT_ONCE: i64 = 100;

impl Album {
    /// Sweeps until it is dropped. Failures are logged and tried again at the next turn.
    pub async fn keep_swept(self) {
        loop {
            let swept = self.sweep().await;
            self.instruments.went_round(&swept);
            if let Err(error) = swept {
                tracing::warn!(%error, "sweeping");
            }
            actix_web::rt::time::sleep(EVERY).await;
        }
    }

    /// Tidies up, likewise.
    pub async fn keep_tidy(self) {
        loop {
            if !self.storage.is_known_to_be_away()
                && let Err(error) = self.tidy().await
            {
                tracing::warn!(%error, "tidying up");
            }
            actix_web::rt::time::sleep(EVERY).await;
        }
    }

    /// Makes and removes public photos' copies, likewise.
    pub async fn keep_published(self) {
        loop {
            let more = match self.publish().await {
                Ok(more) => more,
                Err(error) => {
                    // The sweeper says when the storage is away.
                    if !self.storage.is_known_to_be_away() {
                        tracing::warn!(%error, "copying public photos for the CDN");
                    }
                    false
                }
            };
            if !more {
                actix_web::rt::time::sleep(EVERY).await;
            }
        }
    }

    /// Removes everything that is due.
    ///
    /// # Errors
    /// When the database is away. What cannot be removed stays on the list for later.
    pub async fn sweep(&self) -> Result<(), AppError> {
        if let Err(error) = self.db.read(Session::delete_expired).await {
            tracing::warn!(%error, "forgetting old sessions");
        }
        if let Err(error) = self.db.read(idempotency::delete_expired).await {
            tracing::warn!(%error, "forgetting old idempotency keys");
        }
        if let Err(error) = self.finish_deleting_accounts().await {
            tracing::warn!(%error, "deleting accounts");
        }
        // What is claimed now and cannot be removed would be put off for minutes.
        if self.storage.is_known_to_be_away() {
            return Ok(());
        }
        self.sweep_uploads().await?;
        while !self.storage.is_known_to_be_away() {
            let claimed = self.db.write(|conn| removal::claim_due(conn, AT_ONCE)).await?;
            if claimed.is_empty() {
                return Ok(());
            }
            FailPoint::Claimed.reach();
            let (mut gone, mut stuck) = (Vec::new(), Vec::new());
            for photo in claimed {
                match self.remove_objects(photo).await {
                    Ok(()) => gone.push(photo),
                    Err(error) => {
                        tracing::warn!(%photo, %error, "the bytes of a deleted photo cannot be removed; trying again later");
                        stuck.push(photo);
                    }
                }
            }
            self.instruments.swept.inc_by(gone.len() as u64);
            if !gone.is_empty() {
                tracing::info!(photos = gone.len(), "removed the bytes of deleted photos");
            }
            FailPoint::ObjectsRemoved.reach();
            self.db
                .write(move |conn| {
                    removal::postpone(conn, &stuck)?;
                    removal::finish(conn, &gone)
                })
                .await?;
            FailPoint::Swept.reach();
        }
        Ok(())
    }

    async fn remove_objects(&self, photo: PhotoId) -> Result<(), StorageError> {
        // All at once: over a network each takes its time.
        let remove = |kind| async move {
            self.storage.delete(ObjectKey::new(photo.0, kind)).await.inspect(|()| FailPoint::ObjectRemoved.reach())
        };
        try_join_all(Kind::all().map(remove)).await.map(drop)
    }
}
