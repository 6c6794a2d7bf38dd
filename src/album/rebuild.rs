//! Making renditions anew that are missing or of an older version, from the originals.

use std::time::Duration;

use crate::album::take_in::{dated, facts, made};
use crate::album::{Album, NotTaken};
use crate::error::AppError;
use crate::media::{RenditionName, VERSION};
use crate::models::{Photo, PhotoId};
use crate::storage::{Kind, ObjectKey};

/// How long storing one photo's renditions may take. Less than the time in which a deletion can be undone: the objects of
/// a photo that is deleted meanwhile are removed after that, hence never before these are stored.
const STORING: Duration = Duration::from_secs(30);

impl Album {
    /// Whether a photo's renditions are all there, and as this version makes them.
    ///
    /// # Errors
    /// When the storage is away.
    pub async fn is_complete(&self, photo: &Photo) -> Result<bool, AppError> {
        if photo.renditions_version < VERSION {
            return Ok(false);
        }
        let moving = photo.animated.then_some(RenditionName::Moving);
        for name in RenditionName::STILLS.into_iter().chain(moving) {
            if !self.storage.has(ObjectKey::new(photo.id.0, Kind::Rendition(name))).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes a photo's renditions anew, and reads again what its file says. Hashtags, title and the rest stay.
    ///
    /// # Errors
    /// [`NotTaken::Refused`] when this version cannot read the original, [`NotTaken::Failed`] otherwise; then the
    /// renditions that were there are still there.
    pub async fn rebuild(&self, photo: &Photo) -> Result<(), NotTaken> {
        let format = photo.format()?;
        let id = photo.id;
        let original = match self.fetch(photo, Kind::Original).await {
            // Deleted since it was listed, and swept up.
            Err(AppError::Internal(_)) if !self.db.read(move |conn| Photo::exists(conn, id)).await? => return Ok(()),
            original => original?,
        };
        let (_, processed, _memory) = self.process(original, format, &photo.sha256).await?;
        let (made, facts, dated) = (made(&processed)?, facts(&processed), dated(&processed, &photo.filename));
        // Just before storing: not a photo that went while it was worked on.
        if !self.db.read(move |conn| Photo::exists(conn, id)).await? {
            return Ok(());
        }
        let store = async {
            for rendition in processed.renditions {
                let key = ObjectKey::new(id.0, Kind::Rendition(rendition.name));
                self.storage.put_bytes(key, rendition.bytes).await?;
            }
            Ok::<_, AppError>(())
        };
        let late = |_| AppError::unavailable("storing renditions took too long");
        actix_web::rt::time::timeout(STORING, store).await.map_err(late)??;
        let photo = photo.clone();
        Ok(self.db.write(move |conn| Photo::set_made(conn, &photo, &made, &facts, dated)).await?)
    }

    /// Some photos of all owners, in the order of their ids, after this one.
    ///
    /// # Errors
    /// Of the database.
    pub async fn photos_after(&self, after: Option<PhotoId>, limit: i64) -> Result<Vec<Photo>, AppError> {
        self.db.read(move |conn| Photo::all_after(conn, after, limit)).await
    }
}
