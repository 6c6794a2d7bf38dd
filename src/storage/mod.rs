//! Where the bytes of photos lie, whatever holds them.
//!
//! Callers name an object by its [`ObjectKey`] and never see a path. An object appears whole or not at all. A photo's
//! original is written once; its renditions may be written anew, whole again. Knows neither HTTP nor the database.
//!
//! [`Storage`] is an enum with a variant for each kind of storage: today the disk alone, an S3 bucket is to stand beside it.

mod disk;
mod temporary;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, Take};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::media::RenditionName;

/// Bytes read at a time, hence held for each reader.
const CHUNK: usize = 128 * 1024;

pub use disk::Disk;
pub use temporary::{Received, Temporary};

/// Which of a photo's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The bytes as they were uploaded.
    Original,
    /// A copy made from them.
    Rendition(RenditionName),
}

impl Kind {
    /// All objects that a photo may have.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Original].into_iter().chain(RenditionName::ALL.map(Self::Rendition))
    }
}

/// Names one stored object. Made from a photo's id alone, never from anything a user typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    photo: Uuid,
    kind: Kind,
}

impl ObjectKey {
    /// The key of the photo's object of this kind.
    pub fn new(photo: Uuid, kind: Kind) -> Self {
        Self { photo, kind }
    }
}

/// `photos/{shard}/{photo}/original`, `…/small.webp` and so on, `…/moving`.
///
/// The shard is the id's last byte: it spreads photos evenly over 256 folders, which the id's first bytes, a clock, would not.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [.., shard] = *self.photo.as_bytes();
        write!(f, "photos/{shard:02x}/{}/", self.photo)?;
        match self.kind {
            Kind::Original => f.write_str("original"),
            // Of the type of the original.
            Kind::Rendition(name @ RenditionName::Moving) => write!(f, "{name}"),
            Kind::Rendition(name) => write!(f, "{name}.webp"),
        }
    }
}

/// Why storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no object with this key.
    #[error("no such object in storage")]
    NotFound,
    /// No room is left: reading goes on, writing does not.
    #[error("storage is full")]
    Full,
    /// It cannot be reached, or failed.
    #[error("storage is unavailable")]
    Unavailable(#[source] io::Error),
}

/// Absence is told by [`Storage::get`] alone: anywhere else a file that is not there is a fault of the storage.
impl From<io::Error> for StorageError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Unavailable(error),
        }
    }
}

/// A stored object, opened for reading.
#[derive(Debug)]
pub struct Object {
    /// Size of the whole object in bytes, whatever part of it was asked for.
    pub size: u64,
    /// The bytes asked for, read as they are taken: at most 128 KiB are held at a time.
    pub stream: ReaderStream<Take<File>>,
}

impl Object {
    /// The bytes of a file, all or those from the first to the last position given.
    async fn of(mut file: File, range: Option<(u64, u64)>) -> io::Result<Self> {
        let size = file.metadata().await?.len();
        let (first, last) = range.unwrap_or((0, u64::MAX));
        if first > 0 {
            // No file system takes a position past what it could hold.
            file.seek(io::SeekFrom::Start(first.min(size))).await?;
        }
        file.set_max_buf_size(CHUNK);
        let part = file.take(last.saturating_sub(first).saturating_add(1));
        Ok(Self { size, stream: ReaderStream::with_capacity(part, CHUNK) })
    }
}

/// The storage in use.
#[derive(Clone, Debug)]
pub enum Storage {
    /// Files in a folder.
    Disk(Disk),
}

impl Storage {
    /// Opens the storage on disk in `data_dir`, making its folders when they are missing.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub async fn disk(data_dir: &Path) -> Result<Self, StorageError> {
        Ok(Self::Disk(Disk::open(data_dir).await?))
    }

    /// Removes temporary files that an earlier run left behind. Only for the start: it does not spare those in use.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be removed.
    pub async fn clear_temporary(&self) -> Result<(), StorageError> {
        let Self::Disk(disk) = self;
        disk.clear_temporary().await
    }

    /// A new temporary file to write an upload to. It is gone when dropped, unless it was put in.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn temporary(&self) -> Result<Temporary, StorageError> {
        let Self::Disk(disk) = self;
        disk.temporary().await
    }

    /// Makes a finished temporary file the object at `key`. When this returns, the object survives a power cut.
    ///
    /// # Errors
    /// [`StorageError::Full`] or [`StorageError::Unavailable`]: then nothing is at `key`, and the temporary file is gone.
    pub async fn put_file(&self, key: ObjectKey, file: Received) -> Result<(), StorageError> {
        let Self::Disk(disk) = self;
        disk.put_file(key, file).await
    }

    /// As [`Storage::put_file`], for bytes in memory.
    ///
    /// # Errors
    /// As [`Storage::put_file`].
    pub async fn put_bytes(&self, key: ObjectKey, bytes: Vec<u8>) -> Result<(), StorageError> {
        let Self::Disk(disk) = self;
        disk.put_bytes(key, bytes).await
    }

    /// Opens the object at `key`: all of it, or the bytes from the first to the last position given, both included.
    /// Positions past its end are left out.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] or [`StorageError::Unavailable`].
    pub async fn get(&self, key: ObjectKey, range: Option<(u64, u64)>) -> Result<Object, StorageError> {
        let Self::Disk(disk) = self;
        disk.get(key, range).await
    }

    /// Whether there is an object at `key`.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn has(&self, key: ObjectKey) -> Result<bool, StorageError> {
        let Self::Disk(disk) = self;
        disk.has(key).await
    }

    /// Removes the object at `key`. An absent one is fine: deleting can be repeated.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn delete(&self, key: ObjectKey) -> Result<(), StorageError> {
        let Self::Disk(disk) = self;
        disk.delete(key).await
    }
}
