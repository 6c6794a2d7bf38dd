//! The copy of an original that visitors may have: the same picture, without anything the file says about itself.
//!
//! Made when it is asked for: few visitors download, and what is made then can be neither lost nor outdated.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::OwnedSemaphorePermit;

use crate::album::{Album, NotTaken};
use crate::error::AppError;
use crate::media::{self, Format, Inspected, MediaError};
use crate::models::Photo;
use crate::storage::{Kind, Object, ObjectKey, Received, StorageError};

/// Copies at a time, from the first byte read to the last one sent: each takes up to twice the largest file on disk.
pub(super) const AT_ONCE: usize = 16;

/// How long to wait for others to be done.
const PATIENCE: Duration = Duration::from_secs(10);

/// A photo's bytes for visitors.
pub struct CleanCopy {
    /// The original's, or JPEG where that cannot be kept.
    pub format: Format,
    /// The bytes.
    pub object: Object,
    /// To be held until they are sent.
    pub turn: OwnedSemaphorePermit,
}

impl Album {
    /// The original of a photo without metadata: its very pixels where the format allows, else encoded anew.
    ///
    /// # Errors
    /// As [`Album::bytes`]; [`AppError::Unavailable`] also when too many ask at once.
    pub async fn clean_copy(&self, photo: &Photo) -> Result<CleanCopy, AppError> {
        let turn = actix_web::rt::time::timeout(PATIENCE, self.copies.clone().acquire_owned()).await;
        let turn =
            turn.map_err(|_| AppError::unavailable("too many downloads at once"))?.map_err(AppError::internal)?;
        let format = photo.format()?;
        let original = self.fetch(photo).await?;
        let copy = self.storage.temporary().await?.finish().await?;
        let outside = self.outside.clone();
        let write = move |original: &Received, inspected: &Inspected| -> Result<(Format, Received), MediaError> {
            let file = File::options().write(true).open(copy.path()).map_err(MediaError::Internal)?;
            let mut out = BufWriter::new(file);
            let format = media::clean_copy(original.path(), inspected, &outside, &mut out)?;
            let cut = |mut out: BufWriter<File>| {
                out.flush()?;
                // A first attempt that failed may have written more.
                let end = out.stream_position()?;
                out.get_ref().set_len(end)
            };
            cut(out).map_err(MediaError::Internal)?;
            Ok((format, copy))
        };
        let (_, written) = self.work_on(original, format, write).await.map_err(NotTaken::of_our_own)?;
        let (format, copy) = written.map_err(AppError::internal)?;
        Ok(CleanCopy { format, object: copy.into_object().await?, turn })
    }

    /// A temporary file with the original's bytes.
    pub(super) async fn fetch(&self, photo: &Photo) -> Result<Received, AppError> {
        let mut object = self.storage.get(ObjectKey::new(photo.id.0, Kind::Original), None).await?;
        let mut file = self.storage.temporary().await?;
        while let Some(chunk) = object.stream.next().await {
            file.write(&chunk.map_err(StorageError::from)?).await?;
        }
        Ok(file.finish().await?)
    }
}
