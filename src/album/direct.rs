//! Files that programs put into the storage themselves: announced, put there, confirmed.
//!
//! What lies there before it is confirmed is nobody's photo: its row in `uploads` names it until it is gone. Confirming
//! reads it like any upload, so that what is checked and hashed is what is kept, even if other bytes come to the same
//! address meanwhile; the address stays good until it expires, and what comes late goes when the row does.

use std::time::Duration;

use diesel::PgConnection;
use futures_util::StreamExt;
use tokio::task::spawn_blocking;

use crate::album::{Album, NotTaken, Staged, Taken, shown_name};
use crate::error::AppError;
use crate::failpoints::FailPoint;
use crate::media::MediaError;
use crate::models::quota::in_words;
use crate::models::{Hashtag, Photo, Quota, Upload, UploadId, UserId, upload};
use crate::storage::{Kind, ObjectKey, StorageError};

/// Uploads removed a turn.
const AT_ONCE: i64 = 100;

/// An upload that may come now.
pub struct Announced {
    /// What was written down.
    pub upload: Upload,
    /// Where to put it; `None`: Lumina receives it itself.
    pub url: Option<String>,
}

/// Why an upload did not become a photo.
#[derive(Debug, thiserror::Error)]
pub enum NotConfirmed {
    /// Nothing lies at its address.
    #[error("Nothing was put at this upload's address yet, or it was refused. Put the file there, then confirm it.")]
    NotThere,
    /// Not what was announced lies there.
    #[error("{announced} bytes were announced, and {came} came. Put the whole file there, then confirm it.")]
    OtherSize {
        /// In bytes.
        announced: u64,
        /// In bytes.
        came: u64,
    },
    /// As for any upload.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
}

impl From<AppError> for NotConfirmed {
    fn from(error: AppError) -> Self {
        NotTaken::Failed(error).into()
    }
}

/// The name of an upload's object, which is how programs speak of it.
#[must_use]
pub fn key(id: UploadId) -> ObjectKey {
    ObjectKey::new(id.0, Kind::Upload)
}

impl Album {
    /// Announces a file of exactly `size` bytes. `secret_hash` is what the one who brings it here has to know, where Lumina
    /// receives it itself.
    ///
    /// # Errors
    /// [`AppError::Conflict`] when its owner has announced too many, [`AppError::OverQuota`] when it would not fit,
    /// [`AppError::DiskFull`], [`AppError::Unavailable`].
    pub async fn announce(
        &self,
        owner: UserId,
        filename: &str,
        size: u64,
        secret_hash: Vec<u8>,
    ) -> Result<Announced, AppError> {
        let size_bytes = i64::try_from(size).map_err(AppError::internal)?;
        let space = self.storage.disk_space().clone();
        if !spawn_blocking(move || space.admits_uploads()).await.map_err(AppError::internal)? {
            return Err(AppError::DiskFull);
        }
        let mut upload = Upload::new(owner, shown_name(filename), size_bytes, None);
        let lifetime = upload::LIFETIME.to_std().unwrap_or(Duration::ZERO);
        let url = self.storage.put_url(key(upload.id), size, lifetime).await?;
        upload.secret_hash = url.is_none().then_some(secret_hash);
        let (written, most) = (upload.clone(), i64::try_from(self.limits.staged_bytes()).unwrap_or(i64::MAX));
        let announce = move |conn: &mut PgConnection| {
            let Some(waiting) = written.announce(conn)? else { return Ok(false) };
            if waiting.saturating_add(size_bytes) > most {
                return Err(AppError::Conflict(format!(
                    "Uploads of {} wait to be confirmed, and with this one they would be more than the {} that may. Confirm \
                     some of them first.",
                    in_words(waiting),
                    in_words(most),
                )));
            }
            // When it is confirmed it is looked at again: others may come meanwhile.
            Quota::of(conn, owner)?.reserve(waiting).admit(size_bytes)?;
            Ok::<_, AppError>(true)
        };
        if !self.db.write(announce).await? {
            return Err(AppError::Conflict(format!(
                "{} uploads wait to be confirmed. Confirm some of them first.",
                upload::MOST
            )));
        }
        Ok(Announced { upload, url })
    }

    /// Makes what was put at an upload's address a photo, as [`Album::take_in_and`] does. Doing it twice is fine.
    ///
    /// # Errors
    /// [`NotConfirmed`], with [`AppError::NotFound`] when `owner` has announced no such upload of late. What was refused is
    /// gone: other bytes may be put there.
    pub async fn confirm(
        &self,
        owner: UserId,
        id: UploadId,
        hashtags: Vec<Hashtag>,
        also: impl Fn(&mut PgConnection, &mut Taken) -> Result<(), AppError> + Clone + Send + 'static,
    ) -> Result<Taken, NotConfirmed> {
        let find = || self.db.read(move |conn| Upload::owned_by(conn, owner, id));
        let upload = find().await?;
        if upload.photo_id.is_some() {
            return Ok(self.confirmed(&upload, also).await?);
        }
        let taken = match self.read_upload(&upload).await {
            Ok(staged) => self.take_in_and(owner, staged, hashtags, also).await.map_err(NotConfirmed::from),
            // Perhaps because another confirmation was faster.
            Err(NotConfirmed::NotThere) => match find().await? {
                upload if upload.photo_id.is_some() => return Ok(self.confirmed(&upload, also).await?),
                _ => return Err(NotConfirmed::NotThere),
            },
            Err(error) => Err(error),
        };
        match &taken {
            Ok(taken) => {
                let photo = taken.photo.id;
                self.db.write(move |conn| Upload::became(conn, id, photo)).await?;
                FailPoint::Confirmed.reach();
            }
            // It may be tried again as it is.
            Err(NotConfirmed::NotTaken(NotTaken::Failed(_) | NotTaken::Refused(MediaError::Internal(_)))) => {
                return taken;
            }
            Err(_) => {}
        }
        if let Err(error) = self.storage.delete(key(id)).await {
            tracing::warn!(upload = %id, %error, "the bytes of an upload stay until they are swept");
        }
        taken
    }

    /// The photo that an upload has become before.
    async fn confirmed(
        &self,
        upload: &Upload,
        also: impl Fn(&mut PgConnection, &mut Taken) -> Result<(), AppError> + Clone + Send + 'static,
    ) -> Result<Taken, AppError> {
        let (owner, photo) = (upload.owner_id, upload.photo_id.ok_or(AppError::NotFound)?);
        self.db
            .write(move |conn| {
                let (photo, hashtags) = (Photo::owned_by(conn, owner, photo)?, Hashtag::of_photo(conn, photo)?);
                let mut taken = Taken { photo, hashtags, already_here: true };
                also(conn, &mut taken)?;
                Ok::<_, AppError>(taken)
            })
            .await
    }

    /// A file of ours with what was put at an upload's address.
    async fn read_upload(&self, upload: &Upload) -> Result<Staged, NotConfirmed> {
        let mut object = match self.storage.get(key(upload.id), None).await {
            Err(StorageError::NotFound) => return Err(NotConfirmed::NotThere),
            object => object.map_err(AppError::from)?,
        };
        let announced = upload.size_bytes.unsigned_abs();
        if object.size != announced {
            return Err(NotConfirmed::OtherSize { announced, came: object.size });
        }
        let mut staging = self.stage(upload.owner_id).await?;
        while let Some(chunk) = object.stream.next().await {
            staging.write(&chunk.map_err(StorageError::from).map_err(AppError::from)?).await?;
        }
        if staging.size() != announced {
            return Err(AppError::unavailable("an upload's bytes ended early").into());
        }
        Ok(staging.finish(&upload.filename).await?)
    }

    /// Removes what was put at the addresses of uploads that are over.
    ///
    /// # Errors
    /// Of the database. What cannot be removed is tried again at the next turn.
    pub(super) async fn sweep_uploads(&self) -> Result<(), AppError> {
        loop {
            let due = self.db.read(|conn| Upload::due(conn, AT_ONCE)).await?;
            let mut gone = Vec::new();
            for &id in &due {
                match self.storage.delete(key(id)).await {
                    Ok(()) => gone.push(id),
                    Err(error) => tracing::warn!(upload = %id, %error, "an upload's bytes cannot be removed"),
                }
            }
            if gone.is_empty() {
                return Ok(());
            }
            tracing::info!(uploads = gone.len(), "forgot uploads that are over");
            self.db.write(move |conn| Upload::forget(conn, &gone)).await?;
        }
    }
}
