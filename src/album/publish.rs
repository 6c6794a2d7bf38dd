//! Copies of public photos' renditions for a CDN, where `s3.public_url` is set.
//!
//! They lie beside the photos' own objects under names that tell nothing of these: whoever may read the whole bucket still
//! cannot find an original from a copy. The row says which copies pages may link to. Taking a photo back takes that away in
//! the same transaction, and the copies go at the next turn of the sweeper.

use uuid::Uuid;

use crate::album::Album;
use crate::error::AppError;
use crate::media::RenditionName;
use crate::models::{Photo, public_copy};
use crate::storage::{Kind, ObjectKey};

/// Photos copied, or copies removed, at a time.
const AT_ONCE: i64 = 50;

/// Where a public photo's copy of this rendition lies below `s3.public_url`; `None` while there is none.
#[must_use]
pub fn public_key(photo: &Photo, name: RenditionName) -> Option<ObjectKey> {
    photo.rendition_type(name)?;
    Some(ObjectKey::new(photo.public_copy?, Kind::Public(name)))
}

impl Album {
    /// Removes copies that are due, and makes those that are missing.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn publish(&self) -> Result<(), AppError> {
        loop {
            let due = self.db.read(|conn| public_copy::due(conn, AT_ONCE)).await?;
            if due.is_empty() {
                break;
            }
            for &id in &due {
                for name in RenditionName::ALL {
                    self.storage.delete(ObjectKey::new(id, Kind::Public(name))).await?;
                }
            }
            self.db.write(move |conn| public_copy::forget(conn, &due)).await?;
        }
        if !self.publishes {
            return Ok(());
        }
        let mut after = None;
        loop {
            let missing = self.db.read(move |conn| public_copy::missing(conn, after, AT_ONCE)).await?;
            let Some(last) = missing.last() else { return Ok(()) };
            after = Some(last.id);
            for photo in &missing {
                match self.publish_one(photo).await {
                    // Deleted meanwhile, or damaged: the others are still to be copied.
                    Err(error) if !self.storage.is_known_to_be_away() => {
                        tracing::warn!(photo = %photo.id, %error, "copying a public photo for the CDN");
                    }
                    done => done?,
                }
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
            self.db.write(public_copy::withdraw_all).await?;
        }
        Ok(())
    }
}
