//! Copies of public photos' renditions for a CDN, where `s3.public_url` is set.
//!
//! They lie beside the photos' own objects under names that tell nothing of these: whoever may read the whole bucket still
//! cannot find an original from a copy. The row says which copies pages may link to. Taking a photo back takes that away in
//! the same transaction, and the copies go at the next turn of the sweeper; so do those of people who were disabled.

use chrono::TimeDelta;
use futures_util::future::try_join_all;
use uuid::Uuid;

use crate::album::Album;
use crate::error::AppError;
use crate::media::RenditionName;
use crate::models::{Photo, public_copy};
use crate::storage::{Kind, ObjectKey};

/// Photos copied, or copies removed, at a time.
const AT_ONCE: i64 = 50;

/// Photos taken back by one statement.
const WITHDRAWN_AT_ONCE: i64 = 1000;

/// When copies that could not be removed are tried again.
const AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Where a public photo's copy of this rendition lies below `s3.public_url`; `None` while there is none.
#[must_use]
pub fn public_key(photo: &Photo, name: RenditionName) -> Option<ObjectKey> {
    photo.rendition_type(name)?;
    Some(ObjectKey::new(photo.public_copy?, Kind::Public(name)))
}

impl Album {
    /// Removes copies that are due, and makes some of those that are missing: true when there may be more of these. Others are
    /// taken back meanwhile, so that it is called again for the rest.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn publish(&self) -> Result<bool, AppError> {
        while self.db.write(|conn| public_copy::withdraw_of_inactive(conn, WITHDRAWN_AT_ONCE)).await? > 0 {}
        loop {
            let due = self.db.read(|conn| public_copy::due(conn, AT_ONCE)).await?;
            if due.is_empty() {
                break;
            }
            for id in due {
                self.unpublish(id).await?;
            }
        }
        if !self.publishes {
            return Ok(false);
        }
        let missing = self.db.read(|conn| public_copy::missing(conn, AT_ONCE)).await?;
        for photo in &missing {
            match self.publish_one(photo).await {
                // Deleted meanwhile, or damaged: the others are still to be copied.
                Err(error) if !self.storage.is_known_to_be_away() => {
                    tracing::warn!(photo = %photo.id, %error, "copying a public photo for the CDN");
                }
                done => done?,
            }
        }
        Ok(missing.len() as i64 == AT_ONCE)
    }

    async fn unpublish(&self, id: Uuid) -> Result<(), AppError> {
        let keys = RenditionName::ALL.map(|name| ObjectKey::new(id, Kind::Public(name)));
        match try_join_all(keys.map(|key| self.storage.delete(key))).await {
            Ok(_) => Ok(self.db.write(move |conn| public_copy::forget(conn, id)).await?),
            Err(error) if self.storage.is_known_to_be_away() => Err(error.into()),
            Err(error) => {
                tracing::warn!(copies = %id, %error, "removing a photo's copies for the CDN");
                Ok(self.db.write(move |conn| public_copy::postpone(conn, id, AGAIN)).await?)
            }
        }
    }

    async fn publish_one(&self, photo: &Photo) -> Result<(), AppError> {
        let (copy, id) = (Uuid::new_v4(), photo.id);
        if !self.db.write(move |conn| public_copy::announce(conn, copy, id)).await? {
            return Ok(());
        }
        for name in RenditionName::ALL {
            let Some(content_type) = photo.rendition_type(name) else { continue };
            let rendition = self.fetch(photo, Kind::Rendition(name)).await?;
            let key = ObjectKey::new(copy, Kind::Public(name));
            self.storage.put_public(key, rendition, content_type).await?;
        }
        let photo = photo.clone();
        self.db.write(move |conn| public_copy::complete(conn, copy, &photo)).await
    }

    /// Has all copies made anew where they are not in this storage: it is another one than they were made in.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn check_public_copies(&self) -> Result<(), AppError> {
        let Some(any) = self.db.read(public_copy::any).await? else { return Ok(()) };
        if self.publishes && !self.storage.has(ObjectKey::new(any, Kind::Public(RenditionName::Small))).await? {
            tracing::info!("copying public photos for the CDN anew");
            while self.db.write(|conn| public_copy::withdraw_some(conn, WITHDRAWN_AT_ONCE)).await? > 0 {}
        }
        Ok(())
    }
}
