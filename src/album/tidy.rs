//! Tidying up: what neither a list of removals nor a row knows of.
//!
//! Lumina itself leaves nothing of that kind, whatever is killed when. But a database may be restored from before some
//! uploads, and what is put at a signed address may come after its row has gone. So once a day the storage is listed, a
//! small part at a time, and what no row has named for a week goes: a week from when that was first seen, so that a database
//! restored by mistake can be mended before anything is lost.
//!
//! Nothing is tidied up in a storage that [belongs to another database](super::ownership).

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::album::Album;
use crate::error::AppError;
use crate::models::{Chore, stray};
use crate::storage::{Kind, ObjectKey, PHOTOS, PUBLIC, UPLOADS};

/// Objects go when no row has named them for so long.
pub const GRACE: TimeDelta = TimeDelta::days(7);

/// Parts of objects that were never finished go when they are older: sending the largest may take hours.
const UNFINISHED: TimeDelta = TimeDelta::days(1);

/// The storage is listed in as many parts, by the first two letters after the prefix.
const PARTS: i32 = 256;

/// From one part to the next: all of them take a little less than a day.
const BETWEEN_PARTS: TimeDelta = TimeDelta::minutes(5);

/// Ids the database is asked about at a time.
const AT_ONCE: usize = 500;

/// So many unnamed photos among those looked at together, and more than named ones, are no litter: something is wrong.
const SUSPICIOUS: usize = 20;

/// Whether so many `unnamed` photos of `all` are rather a sign that this is the wrong database, or an old state of it.
#[must_use]
pub fn is_suspicious(unnamed: usize, all: usize) -> bool {
    unnamed > SUSPICIOUS && unnamed * 2 > all
}

impl Album {
    /// Does what is due of the work that one instance does from time to time.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn tidy(&self) -> Result<(), AppError> {
        if self.db.write(|conn| Chore::UnfinishedParts.take_on(conn)).await?.is_some() {
            let aborted = self.storage.abort_parts(Utc::now() - UNFINISHED).await?;
            if aborted > 0 {
                tracing::info!(objects = aborted, "removed the parts of objects that were never finished");
            }
            self.db.write(|conn| Chore::UnfinishedParts.put_down(conn, 0, TimeDelta::days(1))).await?;
        }
        if let Some(part) = self.db.write(|conn| Chore::UnnamedObjects.take_on(conn)).await? {
            if self.owns_storage().await? {
                self.remove_unnamed(part, Utc::now() - GRACE).await?;
            } else if part == 0 {
                tracing::error!(
                    "the storage holds the photos of another database: what this one does not name is left alone"
                );
            }
            let next = (part + 1) % PARTS;
            self.db.write(move |conn| Chore::UnnamedObjects.put_down(conn, next, BETWEEN_PARTS)).await?;
        }
        Ok(())
    }

    /// Removes every object that no row names, if that has been known since before `before`. Answers how many.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn remove_all_unnamed(&self, before: DateTime<Utc>) -> Result<usize, AppError> {
        let mut removed = 0;
        for part in 0..PARTS {
            removed += self.remove_unnamed(part, before).await?;
        }
        Ok(removed)
    }

    async fn remove_unnamed(&self, part: i32, before: DateTime<Utc>) -> Result<usize, AppError> {
        let mut removed = 0;
        for prefix in [PHOTOS, UPLOADS, PUBLIC] {
            let folder = format!("{prefix}{part:02x}/");
            let ours = self.storage.list(&folder).try_filter_map(async |listed| {
                // What has another name is not ours to remove.
                Ok(listed.key.parse::<ObjectKey>().ok())
            });
            let mut batches = std::pin::pin!(ours.try_chunks(AT_ONCE));
            while let Some(batch) = batches.next().await {
                removed += self.remove_unnamed_of(batch.map_err(|failed| failed.1)?, before).await?;
            }
            self.db.write(move |conn| stray::forget(conn, &folder)).await?;
        }
        if removed > 0 {
            tracing::warn!(objects = removed, "removed stored objects that no row has named for a week");
        }
        Ok(removed)
    }

    async fn remove_unnamed_of(&self, keys: Vec<ObjectKey>, before: DateTime<Utc>) -> Result<usize, AppError> {
        // All of one prefix.
        let are_photos = keys.iter().all(|key| matches!(key.kind(), Kind::Original | Kind::Rendition(_)));
        let ids: BTreeSet<Uuid> = keys.iter().map(|key| key.id()).collect();
        let (all, named) = (ids.len(), self.named(ids.into_iter().collect()).await?);
        if are_photos && is_suspicious(all - named.len(), all) {
            tracing::error!(
                photos = all - named.len(),
                "most of what is stored is named by no row: nothing of it is removed; lumina doctor tells more"
            );
            return Ok(0);
        }
        let unnamed: Vec<_> = keys.into_iter().filter(|key| !named.contains(&key.id())).collect();
        if unnamed.is_empty() {
            return Ok(0);
        }
        let noted: Vec<_> = unnamed.iter().map(ObjectKey::to_string).collect();
        let due = self.db.write(move |conn| stray::note(conn, &noted, before)).await?;
        for key in unnamed.into_iter().filter(|key| due.contains(&key.to_string())) {
            self.storage.delete(key).await?;
        }
        Ok(due.len())
    }
}
