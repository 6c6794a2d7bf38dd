//! A file that is being received, before it is known whether it is kept.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::disk::{blocking, make_folder};
use super::{Object, StorageError};

/// Bytes gathered before they go to the file: a request's chunks are small, and each write is a hop to another thread.
const BUFFER: usize = 128 * 1024;

/// Where files lie while they are received: a folder of this machine, whatever storage they go to.
#[derive(Clone, Debug)]
pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// The one in `data_dir`, which is made when it is missing.
    pub(super) async fn open(data_dir: &Path) -> Result<Self, StorageError> {
        let folder = data_dir.join("tmp");
        let made = folder.clone();
        blocking(move || make_folder(&made)).await?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// See [`super::Storage::clear_temporary`].
    pub(super) async fn clear(&self) -> Result<(), StorageError> {
        let folder = self.0.clone();
        blocking(move || {
            fs::read_dir(folder)?.try_for_each(|entry| {
                let entry = entry?;
                // A folder is one in which a photo was being decoded.
                if entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())
                } else {
                    fs::remove_file(entry.path())
                }
            })
        })
        .await
    }

    /// A new file, with mode 0600.
    pub(super) async fn file(&self) -> Result<Temporary, StorageError> {
        let folder = self.0.clone();
        let file = blocking(move || NamedTempFile::new_in(folder)).await?;
        Ok(Temporary::new(file))
    }
}

/// A file that is being written, on disk and, where that is the storage, in its file system. Removed when dropped.
#[derive(Debug)]
pub struct Temporary {
    // Closed before it is removed.
    file: BufWriter<File>,
    path: TempPath,
}

/// A whole file that waits to be put in. Removed when dropped. It holds neither a buffer nor an open file: one upload
/// may bring a thousand of them.
#[derive(Debug)]
pub struct Received(pub(super) TempPath);

impl Temporary {
    fn new(file: NamedTempFile) -> Self {
        let (file, path) = file.into_parts();
        let mut file = File::from_std(file);
        file.set_max_buf_size(BUFFER);
        Self { file: BufWriter::with_capacity(BUFFER, file), path }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`StorageError::Full`] or [`StorageError::Unavailable`]. Writing goes on behind: the error may be an earlier call's.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        Ok(self.file.write_all(bytes).await?)
    }

    /// Closes the file when all that was written is in it.
    ///
    /// # Errors
    /// As [`Temporary::write`].
    pub async fn finish(mut self) -> Result<Received, StorageError> {
        self.file.flush().await?;
        Ok(Received(self.path))
    }
}

impl Received {
    /// Where the file is. It is there until `self` is dropped or put in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its bytes, to be sent. The file is gone when they are.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when it cannot be read.
    pub async fn into_object(self) -> Result<Object, StorageError> {
        // An open file goes on when its name is removed, as happens at the end of this function.
        Ok(Object::of(File::open(&self.0).await?, None).await?)
    }
}
