//! A file that is being received, before it is known whether it is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use rustix::fs::{FlockOperation, flock};
use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::disk::{blocking, make_folder};
use super::{Object, Room, StorageError};
use crate::disk_space::DiskSpace;

/// Bytes gathered before they go to the file: a request's chunks are small, and each write is a hop to another thread.
const BUFFER: usize = 128 * 1024;

/// An upload looks again after so many bytes whether the disk has room.
const CHECKED_EVERY: usize = 1 << 20;

/// Where files lie while they are received: a folder of this machine, whatever storage they go to. Every process that
/// works with it holds a shared lock on it, which the kernel drops when the process ends.
#[derive(Clone, Debug)]
pub(super) struct TemporaryFolder {
    path: PathBuf,
    space: DiskSpace,
    lock: Arc<fs::File>,
}

impl TemporaryFolder {
    /// The one in `data_dir`, which is made when it is missing.
    pub(super) async fn open(data_dir: &Path, space: DiskSpace) -> Result<Self, StorageError> {
        let path = data_dir.join("tmp");
        blocking(move || {
            make_folder(&path)?;
            let lock = fs::File::open(&path)?;
            flock(&lock, FlockOperation::LockShared)?;
            Ok(Self { path, space, lock: Arc::new(lock) })
        })
        .await
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// See [`super::Storage::clear_temporary`].
    pub(super) async fn clear(&self) -> Result<(), StorageError> {
        let Self { path, lock, .. } = self.clone();
        blocking(move || {
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                // The other one's files cannot be told from those left behind. It may have cost us our own lock.
                return Ok(flock(&lock, FlockOperation::LockShared)?);
            }
            fs::read_dir(path)?.try_for_each(|entry| {
                let entry = entry?;
                // A folder is one in which a photo was being decoded.
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())
                } else {
                    fs::remove_file(entry.path())
                }
            })?;
            Ok(flock(&lock, FlockOperation::LockShared)?)
        })
        .await
    }

    /// A new file, with mode 0600. An upload leaves the reserve of the disk alone.
    pub(super) async fn file(&self, room: Room) -> Result<Temporary, StorageError> {
        if room.is_for_an_upload() {
            check(&self.space).await?;
        }
        let folder = self.path.clone();
        let file = blocking(move || NamedTempFile::new_in(folder)).await?;
        Ok(Temporary::new(file, room, self.space.clone()))
    }

    pub(super) fn space(&self) -> &DiskSpace {
        &self.space
    }
}

async fn check(space: &DiskSpace) -> Result<(), StorageError> {
    let space = space.clone();
    // A network's file system may keep one waiting.
    if blocking(move || Ok(space.admits_uploads())).await? { Ok(()) } else { Err(StorageError::Full) }
}

/// A file that is being written, on disk and, where that is the storage, in its file system. Removed when dropped.
#[derive(Debug)]
pub struct Temporary {
    // Closed before it is removed.
    file: BufWriter<File>,
    path: TempPath,
    room: Room,
    space: DiskSpace,
    /// Bytes of an upload since it was last looked whether the disk has room.
    unchecked: usize,
}

/// A whole file that waits to be put in. Removed when dropped. It holds neither a buffer nor an open file: one upload
/// may bring a thousand of them. It holds its [`Room`] until it is put in.
#[derive(Debug)]
pub struct Received {
    pub(super) path: TempPath,
    _room: Room,
}

impl Temporary {
    fn new(file: NamedTempFile, room: Room, space: DiskSpace) -> Self {
        let (file, path) = file.into_parts();
        let mut file = File::from_std(file);
        file.set_max_buf_size(BUFFER);
        Self { file: BufWriter::with_capacity(BUFFER, file), path, room, space, unchecked: 0 }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`StorageError::NoRoom`], of which nothing is written, [`StorageError::Full`] or [`StorageError::Unavailable`]. Writing
    /// goes on behind: the error may be an earlier call's.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.room.grow(bytes.len() as u64).map_err(|_| StorageError::NoRoom)?;
        self.unchecked += bytes.len();
        if self.room.is_for_an_upload() && self.unchecked > CHECKED_EVERY {
            check(&self.space).await?;
            self.unchecked = 0;
        }
        Ok(self.file.write_all(bytes).await?)
    }

    /// Closes the file when all that was written is in it.
    ///
    /// # Errors
    /// As [`Temporary::write`].
    pub async fn finish(mut self) -> Result<Received, StorageError> {
        self.file.flush().await?;
        Ok(Received { path: self.path, _room: self.room })
    }
}

impl Received {
    /// Where the file is. It is there until `self` is dropped or put in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes, or a range of them, to be sent. The file is gone when they are.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when it cannot be read.
    pub async fn into_object(self, range: Option<(u64, u64)>) -> Result<Object, StorageError> {
        // An open file goes on when its name is removed, as happens when `self` is dropped.
        blocking(move || Object::of(fs::File::open(&self.path)?.into(), range)).await
    }
}
