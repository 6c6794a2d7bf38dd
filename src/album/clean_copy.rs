//! The copy of an original that visitors may have: the same picture, without anything the file says about itself.
//!
//! Made when it is asked for: few visitors download, and what is made then can be neither lost nor outdated.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::album::{Album, NotTaken};
use crate::error::AppError;
use crate::media::{self, Format, Inspected, MediaError};
use crate::models::Photo;
use crate::storage::{Kind, Object, ObjectKey, Received, Room, StorageError};

/// Copies that are sent at a time: each takes as much room on the disk as the largest file may.
const SENT_AT_ONCE: usize = 64;

/// How long to wait for others to be done.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who may make or send a copy.
#[derive(Clone)]
pub(super) struct Turns {
    /// One at a time: visitors must not keep the owner's uploads waiting.
    making: Arc<Semaphore>,
    sending: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { making: Arc::new(Semaphore::new(1)), sending: Arc::new(Semaphore::new(SENT_AT_ONCE)) }
    }
}

async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, AppError> {
    let turn = actix_web::rt::time::timeout(PATIENCE, of.clone().acquire_owned()).await;
    turn.map_err(|_| AppError::unavailable("too many downloads at once"))?.map_err(AppError::internal)
}

/// A photo's bytes for visitors.
pub struct CleanCopy {
    /// The original's, or JPEG where that cannot be kept.
    pub format: Format,
    /// In bytes.
    pub size: u64,
    file: Received,
    turn: OwnedSemaphorePermit,
}

impl CleanCopy {
    /// The bytes, or a range of them, and what is to be held until they are sent.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when they cannot be read.
    pub async fn open(self, range: Option<(u64, u64)>) -> Result<(Object, OwnedSemaphorePermit), AppError> {
        Ok((self.file.into_object(range).await?, self.turn))
    }
}

impl Album {
    /// The original of a photo without metadata: its very pixels where the format allows, else encoded anew.
    ///
    /// # Errors
    /// As [`Album::bytes`]; [`AppError::Unavailable`] also when too many ask at once.
    pub async fn clean_copy(&self, photo: &Photo) -> Result<CleanCopy, AppError> {
        let sending = turn(&self.copies.sending).await?;
        let making = turn(&self.copies.making).await?;
        // One is made at a time, so the reserve of the disk is touched by one at most.
        let space = self.storage.disk_space().clone();
        if !spawn_blocking(move || space.admits_uploads()).await.map_err(AppError::internal)? {
            return Err(AppError::unavailable("the disk has no room for a copy to download"));
        }
        let format = photo.format()?;
        let original = self.fetch(photo, Kind::Original).await?;
        let copy = self.storage.temporary(Room::of_our_own()).await?.finish().await?;
        let outside = self.outside.clone();
        let write = move |original: &Received, inspected: &Inspected| -> Result<(Format, u64, Received), MediaError> {
            // The work goes on when the visitor has gone: until it ends nobody else's begins.
            let _making = making;
            let file = File::options().write(true).open(copy.path()).map_err(MediaError::Internal)?;
            let mut out = BufWriter::new(file);
            let format = media::clean_copy(original.path(), inspected, &outside, &mut out)?;
            let cut = |mut out: BufWriter<File>| {
                out.flush()?;
                // A first attempt that failed may have written more.
                let end = out.stream_position()?;
                out.get_ref().set_len(end)?;
                Ok(end)
            };
            let size = cut(out).map_err(MediaError::Internal)?;
            Ok((format, size, copy))
        };
        let work = async {
            let (original, inspected) = self.look_at(original, format).await?;
            self.work_on(original, inspected, write).await
        };
        let (_, written, _) = work.await.map_err(NotTaken::of_our_own)?;
        let (format, size, file) = written.map_err(AppError::internal)?;
        Ok(CleanCopy { format, size, file, turn: sending })
    }

    /// A temporary file with the bytes of one of a photo's objects.
    pub(super) async fn fetch(&self, photo: &Photo, kind: Kind) -> Result<Received, AppError> {
        let mut object = self.storage.get(ObjectKey::new(photo.id.0, kind), None).await?;
        let mut file = self.storage.temporary(Room::of_our_own()).await?;
        while let Some(chunk) = object.stream.next().await {
            file.write(&chunk.map_err(StorageError::from)?).await?;
        }
        Ok(file.finish().await?)
    }
}
