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
mod object;
mod rights;
mod room;
mod s3;
mod temporary;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream;

use crate::config::{Config, S3Config};
use crate::disk_space::DiskSpace;
use crate::supervisor::Supervisor;

pub use calls::Calls;
pub use disk::Disk;
pub use key::{Kind, ObjectKey, PHOTOS, PUBLIC, UPLOADS, UnknownKey};
pub use list::{Listed, Listing};
pub use object::Object;
pub use rights::{MissingRight, Trial};
pub use room::{Ledger, NoRoom, Room};
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
    /// Of what one person sends, no more may lie here at a time.
    #[error("too much is being received")]
    NoRoom,
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
        #[source]
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
    /// Opens the configured one, making its folders when they are missing: for `serve` and `restore`.
    ///
    /// # Errors
    /// As [`Storage::disk`] and [`Storage::s3`].
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        match &config.s3 {
            Some(s3) => Ok(Self::S3(S3::open(&config.data_dir, DiskSpace::configured(config), s3).await?)),
            None => {
                let opened = Disk::open(&config.data_dir, DiskSpace::configured(config)).await;
                Ok(Self::Disk(opened.map_err(|error| in_folder(&config.data_dir, error))?))
            }
        }
    }

    /// Opens the configured one, where Lumina was started before: for commands that look after it.
    ///
    /// # Errors
    /// As [`Storage::open`], and when there is none.
    pub async fn open_existing(config: &Config) -> Result<Self, OpenError> {
        let photos = config.data_dir.join("photos");
        if config.s3.is_none() && !photos.is_dir() {
            let error =
                std::io::Error::other("it has no folder `photos`: is its disk mounted, or are they in a bucket?");
            return Err(in_folder(&config.data_dir, error.into()));
        }
        Self::open(config).await
    }

    /// Opens the storage on disk in `data_dir`, making its folders when they are missing, with the usual reserve.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub async fn disk(data_dir: &Path) -> Result<Self, OpenError> {
        let space = DiskSpace::of(data_dir, None);
        Ok(Self::Disk(Disk::open(data_dir, space).await.map_err(|error| in_folder(data_dir, error))?))
    }

    /// Opens the storage in a bucket, after finding out that the bucket is there and may be used. Files on their way to it
    /// lie in `data_dir`, with the usual reserve.
    ///
    /// # Errors
    /// When the bucket cannot be used, or a folder not be made.
    pub async fn s3(data_dir: &Path, config: &S3Config) -> Result<Self, OpenError> {
        Ok(Self::S3(S3::open(data_dir, DiskSpace::of(data_dir, None), config).await?))
    }

    /// Room on the disks of this machine.
    #[must_use]
    pub fn disk_space(&self) -> &DiskSpace {
        match self {
            Self::Disk(disk) => disk.temporaries().space(),
            Self::S3(s3) => s3.temporaries().space(),
        }
    }

    /// What is counted of it.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        match self {
            Self::Disk(disk) => disk.calls(),
            Self::S3(s3) => s3.calls(),
        }
    }

    /// What restarts its background tasks, and those of whoever works on it.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        match self {
            Self::Disk(disk) => disk.supervisor(),
            Self::S3(s3) => s3.supervisor(),
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

    /// Whether it is refused at once to read and to delete; asks nobody.
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

    /// A new temporary file to write an upload to, which takes as many bytes as there is room for. It is gone when dropped,
    /// unless it was put in.
    ///
    /// # Errors
    /// When it cannot be made, or what it holds could not be put in.
    pub async fn temporary(&self, room: Room) -> Result<Temporary, StorageError> {
        match self {
            Self::Disk(disk) => disk.temporaries().file(room).await,
            Self::S3(s3) => s3.temporary(room).await,
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

/// The same error with the data folder's name.
pub(crate) fn in_folder(folder: &Path, error: StorageError) -> OpenError {
    OpenError::Disk { folder: folder.display().to_string(), error }
}
