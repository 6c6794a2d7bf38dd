//! Where the bytes of photos lie, whatever holds them.
//!
//! Callers name an object by its [`ObjectKey`] and never see a path. An object appears whole or not at all. A photo's
//! original is written once; its renditions may be written anew, whole again. Knows neither HTTP nor the database.
//!
//! [`Storage`] is an enum with a variant for each kind of storage: the disk, which is the default, and a bucket of any
//! S3-compatible storage. Both pass the same tests.

mod calls;
mod disk;
mod key;
mod list;
mod s3;
mod temporary;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::future::ready;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::task::spawn_blocking;

use crate::config::{Config, S3Config};

/// Bytes read at a time: two or three times as many are held for each reader.
const CHUNK: usize = 128 * 1024;

pub use calls::Calls;
pub use disk::Disk;
pub use key::{Kind, ObjectKey, PHOTOS, PUBLIC, UPLOADS, UnknownKey};
pub use list::{Listed, Listing};
pub use s3::{BucketProblem, S3};
pub use temporary::{Received, Temporary};

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

/// Why there is no storage to begin with; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Of this machine's disk, which a bucket needs too, for files on their way.
    #[error("the data folder {folder} cannot be used: {}", cause(error))]
    Disk {
        /// Which.
        folder: String,
        /// Why.
        error: StorageError,
    },
    /// Of the bucket.
    #[error(transparent)]
    Bucket(#[from] BucketProblem),
}

fn cause(error: &StorageError) -> String {
    match error {
        StorageError::Unavailable(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

/// A stored object, opened for reading.
pub struct Object {
    /// Size of the whole object in bytes, whatever part of it was asked for.
    pub size: u64,
    /// The bytes asked for, read as they are taken: at most some 400 KiB are held at a time. Dropping it stops the reading.
    pub stream: BoxStream<'static, io::Result<Bytes>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Object {
    /// The bytes of a file, all or those from the first to the last position given. To be called where blocking is allowed.
    fn of(file: File, range: Option<(u64, u64)>) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let (first, last) = range.unwrap_or((0, u64::MAX));
        let end = last.saturating_add(1).min(size);
        let first = first.min(end);
        if end - first <= CHUNK as u64 {
            // All of it by this one visit to the disk.
            let bytes = read_at(&file, first, end - first)?;
            return Ok(Self { size, stream: stream::once(ready(Ok(bytes))).boxed() });
        }
        let file = Arc::new(file);
        let chunks = (first..end).step_by(CHUNK).map(move |at| {
            let file = Arc::clone(&file);
            let read = spawn_blocking(move || read_at(&file, at, (end - at).min(CHUNK as u64)));
            async move { read.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) }
        });
        // The next one is read while this one is sent.
        Ok(Self { size, stream: stream::iter(chunks).buffered(2).boxed() })
    }

    /// Bytes in memory, all or those from the first to the last position given.
    #[must_use]
    pub fn of_bytes(mut bytes: Bytes, range: Option<(u64, u64)>) -> Self {
        let size = bytes.len() as u64;
        let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        if let Some((first, last)) = range {
            let (first, end) = (position(first), position(last.saturating_add(1)));
            bytes = bytes.slice(first.min(end)..end);
        }
        Self { size, stream: stream::once(ready(Ok(bytes))).boxed() }
    }
}

/// That many bytes from a position on.
fn read_at(file: &File, at: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes.into())
}

/// How far this machine's clock is from the storage's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockOffset {
    /// There is only one clock.
    SameMachine,
    /// By so many seconds; more than zero when ours is ahead.
    Seconds(i64),
    /// It does not say what time it is.
    Unknown,
}

/// A storage: the one in use, or another beside it, to copy to or from. Cloning it is cheap and gives the same one.
#[derive(Clone, Debug)]
pub enum Storage {
    /// Files in a folder.
    Disk(Disk),
    /// Objects in a bucket.
    S3(S3),
}

/// For people: "the folder ./data", "the bucket photos at https://…".
impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(disk) => write!(f, "the folder {}", disk.root().display()),
            Self::S3(s3) => write!(f, "the bucket {}", s3.place()),
        }
    }
}

impl Storage {
    /// Opens the configured one.
    ///
    /// # Errors
    /// As [`Storage::disk`] and [`Storage::s3`].
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        match &config.s3 {
            Some(s3) => Self::s3(&config.data_dir, s3).await,
            None => Self::disk(&config.data_dir).await,
        }
    }

    /// Opens the storage on disk in `data_dir`, making its folders when they are missing.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub async fn disk(data_dir: &Path) -> Result<Self, OpenError> {
        Ok(Self::Disk(Disk::open(data_dir).await.map_err(|error| in_folder(data_dir, error))?))
    }

    /// Opens the storage in a bucket, after finding out that the bucket is there and may be used. Files on their way to it
    /// lie in `data_dir`.
    ///
    /// # Errors
    /// When the bucket cannot be used, or a folder not be made.
    pub async fn s3(data_dir: &Path, config: &S3Config) -> Result<Self, OpenError> {
        Ok(Self::S3(S3::open(data_dir, config).await?))
    }

    /// What is counted of it.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        match self {
            Self::Disk(disk) => disk.calls(),
            Self::S3(s3) => s3.calls(),
        }
    }

    /// Removes temporary files that an earlier run left behind. Only for the start: it does not spare those in use by
    /// this process; while another one works here, such as `lumina renditions`, it does nothing.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be removed.
    pub async fn clear_temporary(&self) -> Result<(), StorageError> {
        match self {
            Self::Disk(disk) => disk.temporaries().clear().await,
            Self::S3(s3) => s3.temporaries().clear().await,
        }
    }

    /// Whether it can be used now; for those who watch over us. Asks the bucket only when nothing else did of late.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn is_up(&self) -> Result<(), StorageError> {
        match self {
            Self::Disk(disk) => disk.is_up().await,
            Self::S3(s3) => s3.is_up().await,
        }
    }

    /// Whether requests would be refused at once; asks nobody.
    #[must_use]
    pub fn is_known_to_be_away(&self) -> bool {
        match self {
            Self::Disk(_) => false,
            Self::S3(s3) => s3.is_known_to_be_away(),
        }
    }

    /// How far this machine's clock is from the storage's, whose dates are in every signature.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn clock_offset(&self) -> Result<ClockOffset, StorageError> {
        match self {
            Self::Disk(_) => Ok(ClockOffset::SameMachine),
            Self::S3(s3) => s3.clock_offset().await,
        }
    }

    /// A new temporary file to write an upload to. It is gone when dropped, unless it was put in.
    ///
    /// # Errors
    /// When it cannot be made, or what it holds could not be put in.
    pub async fn temporary(&self) -> Result<Temporary, StorageError> {
        match self {
            Self::Disk(disk) => disk.temporaries().file().await,
            Self::S3(s3) => s3.temporary().await,
        }
    }

    /// Makes a finished temporary file the object at `key`. When this returns, the object survives a power cut.
    ///
    /// # Errors
    /// [`StorageError::Full`] or [`StorageError::Unavailable`]: then nothing is at `key`, unless a bucket did it and its
    /// answer was lost; and the temporary file is gone.
    pub async fn put_file(&self, key: ObjectKey, file: Received) -> Result<(), StorageError> {
        let done = async {
            match self {
                Self::Disk(disk) => disk.put_file(key, file).await,
                Self::S3(s3) => s3.put_file(key, file).await,
            }
        };
        self.calls().count("put", done).await
    }

    /// As [`Storage::put_file`], for bytes in memory.
    ///
    /// # Errors
    /// As [`Storage::put_file`].
    pub async fn put_bytes(&self, key: ObjectKey, bytes: Vec<u8>) -> Result<(), StorageError> {
        let done = async {
            match self {
                Self::Disk(disk) => disk.put_bytes(key, bytes).await,
                Self::S3(s3) => s3.put_bytes(key, bytes).await,
            }
        };
        self.calls().count("put", done).await
    }

    /// As [`Storage::put_file`], for others to read past Lumina: the storage is told what type it is of, and for how long it
    /// may be kept.
    ///
    /// # Errors
    /// As [`Storage::put_file`].
    pub async fn put_public(&self, key: ObjectKey, file: Received, content_type: &str) -> Result<(), StorageError> {
        let done = async {
            match self {
                // Nobody reads a disk past Lumina.
                Self::Disk(disk) => disk.put_file(key, file).await,
                Self::S3(s3) => s3.put_public(key, file, content_type).await,
            }
        };
        self.calls().count("put", done).await
    }

    /// Opens the object at `key`: all of it, or the bytes from the first to the last position given, both included.
    /// Positions past its end are left out.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] or [`StorageError::Unavailable`].
    pub async fn get(&self, key: ObjectKey, range: Option<(u64, u64)>) -> Result<Object, StorageError> {
        let done = async {
            match self {
                Self::Disk(disk) => disk.get(key, range).await,
                Self::S3(s3) => s3.get(key, range).await,
            }
        };
        self.calls().count("get", done).await
    }

    /// The size in bytes of the object at `key`.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] or [`StorageError::Unavailable`].
    pub async fn stat(&self, key: ObjectKey) -> Result<u64, StorageError> {
        let done = async {
            match self {
                Self::Disk(disk) => disk.stat(key).await,
                Self::S3(s3) => s3.stat(key).await,
            }
        };
        self.calls().count("stat", done).await
    }

    /// An address at which anyone may put `size` bytes as the object at `key`, if they begin within `lifetime`. `None` where
    /// nobody but Lumina can: a disk.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn put_url(&self, key: ObjectKey, size: u64, lifetime: Duration) -> Result<Option<String>, StorageError> {
        match self {
            Self::Disk(_) => Ok(None),
            Self::S3(s3) => s3.put_url(key, size, lifetime).await.map(Some),
        }
    }

    /// Puts bytes in at an address as [`Storage::put_url`] gives it, as somebody else would. False where there are none.
    ///
    /// # Errors
    /// As [`Storage::put_file`].
    pub async fn put_at_url(&self, key: ObjectKey, bytes: Vec<u8>) -> Result<bool, StorageError> {
        match self {
            Self::Disk(_) => Ok(false),
            Self::S3(s3) => s3.put_at_url(key, bytes).await.map(|()| true),
        }
    }

    /// Whether there is an object at `key`.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn has(&self, key: ObjectKey) -> Result<bool, StorageError> {
        match self.stat(key).await {
            Err(StorageError::NotFound) => Ok(false),
            there => there.map(|_| true),
        }
    }

    /// All objects whose names begin with `prefix`, which ends with a slash, such as [`PHOTOS`]; in the order of the names'
    /// bytes. They are read as they are taken: what is held is one page of a bucket's list (1 000 objects), or the names in
    /// one folder of a disk.
    ///
    /// What is stored from before the call until its name is reached, is listed; what comes or goes meanwhile may be or
    /// not be, and has to be looked at again before anything is concluded from that. Others' files in there are listed too.
    ///
    /// An error ends it: [`StorageError::Unavailable`], also where a bucket does not list in order.
    pub fn list(&self, prefix: &str) -> Listing {
        if !prefix.ends_with('/') {
            return stream::iter([Err(list::nonsense("a prefix ends with a slash"))]).boxed();
        }
        let listing = match self {
            Self::Disk(disk) => disk.list(prefix),
            Self::S3(s3) => s3.list(prefix),
        };
        list::checked(listing, prefix.to_owned())
    }

    /// Removes what is there of objects that somebody began to put in in parts before `begun`, and never finished: nobody
    /// sees it, and it takes room all the same. Answers how many there were; a disk has none.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn abort_parts(&self, begun: DateTime<Utc>) -> Result<usize, StorageError> {
        match self {
            Self::Disk(_) => Ok(0),
            Self::S3(s3) => s3.abort_parts(begun).await,
        }
    }

    /// Removes the object at `key`. An absent one is fine: deleting can be repeated.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn delete(&self, key: ObjectKey) -> Result<(), StorageError> {
        let done = async {
            match self {
                Self::Disk(disk) => disk.delete(key).await,
                Self::S3(s3) => s3.delete(key).await,
            }
        };
        self.calls().count("delete", done).await
    }
}

fn in_folder(folder: &Path, error: StorageError) -> OpenError {
    OpenError::Disk { folder: folder.display().to_string(), error }
}
