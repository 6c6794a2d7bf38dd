//! Taking a photo in: identify, decode once, store the objects, insert the row.

use chrono::Utc;

use crate::album::{Album, Staged};
use crate::error::AppError;
use crate::media::{self, Format, MediaError, Processed};
use crate::models::{Hashtag, NewPhoto, Photo, PhotoId, UserId, removal};
use crate::storage::{Kind, ObjectKey};

/// Why a file did not become a photo.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Because of the file itself; the text is for the one who sent it.
    #[error(transparent)]
    Refused(#[from] MediaError),
    /// Because of us.
    #[error(transparent)]
    Failed(#[from] AppError),
}

impl Album {
    /// Makes a file that has arrived a photo of `owner`. When this returns it is kept for good.
    ///
    /// # Errors
    /// [`NotTaken`]; nothing is kept then, though its removal may wait for the sweeper.
    pub async fn take_in(&self, owner: UserId, staged: Staged, hashtags: Vec<Hashtag>) -> Result<Photo, NotTaken> {
        let format = media::identify(&staged.head)?;
        let (staged, processed) = self.process(staged, format).await?;
        let id = PhotoId::generate();
        self.db.write(move |conn| removal::announce(conn, owner, id)).await?;
        let kept = self.keep(id, owner, format, staged, processed, hashtags).await;
        if kept.is_err()
            && let Err(error) = self.db.write(move |conn| removal::hasten(conn, id)).await
        {
            tracing::warn!(photo = %id, %error, "objects of a failed upload stay until they are swept");
        }
        Ok(kept?)
    }

    async fn process(&self, staged: Staged, format: Format) -> Result<(Staged, Processed), NotTaken> {
        let limits = media::Limits { megapixels: self.limits.megapixels };
        let work = move || {
            let outcome = media::process(staged.file.path(), format, limits);
            (staged, outcome)
        };
        let (staged, outcome) = self.decoders.run(work).await?;
        Ok((staged, outcome?))
    }

    /// Objects first, row last: a row never names bytes that are not there.
    async fn keep(
        &self,
        id: PhotoId,
        owner: UserId,
        format: Format,
        staged: Staged,
        processed: Processed,
        hashtags: Vec<Hashtag>,
    ) -> Result<Photo, AppError> {
        let new = NewPhoto {
            id,
            owner_id: owner,
            filename: staged.filename,
            content_type: format.content_type(),
            size_bytes: i64::try_from(staged.size).map_err(AppError::internal)?,
            sha256: staged.sha256,
            width: i32::try_from(processed.width).map_err(AppError::internal)?,
            height: i32::try_from(processed.height).map_err(AppError::internal)?,
            colour: i32::try_from(processed.colour).map_err(AppError::internal)?,
            camera: processed.camera,
            taken_at: processed.taken_at.unwrap_or_else(Utc::now),
        };
        for rendition in processed.renditions {
            let key = ObjectKey::new(id.0, Kind::Rendition(rendition.name));
            self.storage.put_bytes(key, rendition.bytes).await?;
        }
        self.storage.put_file(ObjectKey::new(id.0, Kind::Original), staged.file).await?;
        self.db
            .write(move |conn| {
                if !removal::withdraw(conn, id)? {
                    // The sweeper was there already and will not come again by itself.
                    removal::announce(conn, owner, id)?;
                    removal::hasten(conn, id)?;
                    return Ok(None);
                }
                let photo = new.insert(conn)?;
                if !hashtags.is_empty() {
                    Hashtag::add(conn, owner, &[id], &hashtags)?;
                }
                Ok::<_, AppError>(Some(photo))
            })
            .await?
            .ok_or_else(|| AppError::unavailable("taking the photo in took too long"))
    }
}
