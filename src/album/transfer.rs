//! Taking objects from one storage to another, with their hashes compared on both sides.

use futures_util::TryStreamExt;

use crate::album::examine::digest;
use crate::album::{Staged, Staging};
use crate::error::AppError;
use crate::storage::{Kind, ObjectKey, Room, Storage, StorageError};

/// Why an object is not at its new place.
#[derive(Debug, thiserror::Error)]
pub enum NotMoved {
    /// It is not at the old one.
    #[error("it is missing")]
    Missing,
    /// It is an original that is not what its row says: nothing is made of it.
    #[error("it was altered")]
    Altered,
    /// Other bytes came back from the new place than were put there.
    #[error("it came back altered from where it was put")]
    NotKept,
    /// A storage failed.
    #[error(transparent)]
    Failed(#[from] AppError),
}

impl From<StorageError> for NotMoved {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::Missing,
            error => Self::Failed(error.into()),
        }
    }
}

/// Copies an object, and reads it back where it was put. An original has to have the hash `sha256`.
///
/// # Errors
/// [`NotMoved`]; nothing wrong is left at the new place.
pub async fn copy(from: &Storage, to: &Storage, key: ObjectKey, sha256: &[u8]) -> Result<u64, NotMoved> {
    let mut object = from.get(key, None).await?;
    let mut staging = Staging::new(to.temporary(Room::of_our_own()).await?);
    while let Some(chunk) = object.stream.try_next().await.map_err(StorageError::from)? {
        staging.write(&chunk).await?;
    }
    let Staged { file, size, sha256: read, .. } = staging.finish("").await?;
    if key.kind() == Kind::Original && read != sha256 {
        return Err(NotMoved::Altered);
    }
    // What is our own has room.
    let file = file.ok_or_else(|| NotMoved::Failed(AppError::internal("no room for a copy")))?;
    to.put_file(key, file).await?;
    if digest(to, key).await? != (size, read) {
        to.delete(key).await?;
        return Err(NotMoved::NotKept);
    }
    Ok(size)
}

/// Whether both places have the same bytes, and an original those of its row.
///
/// # Errors
/// [`NotMoved::Failed`] and [`NotMoved::Missing`].
pub async fn is_same(from: &Storage, to: &Storage, key: ObjectKey, sha256: &[u8]) -> Result<bool, NotMoved> {
    let (_, there) = digest(to, key).await?;
    if key.kind() == Kind::Original {
        return Ok(there == sha256);
    }
    Ok(digest(from, key).await?.1 == there)
}
