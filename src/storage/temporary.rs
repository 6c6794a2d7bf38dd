//! A file that is being received, before it is known whether it is kept.

use std::path::Path;

use tempfile::{NamedTempFile, TempPath};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::StorageError;

/// Bytes gathered before they go to the file: a request's chunks are small, and each write is a hop to another thread.
const BUFFER: usize = 128 * 1024;

/// A file that is being written, in the file system of the storage. Removed when dropped.
#[derive(Debug)]
pub struct Temporary {
    // Closed before it is removed.
    file: BufWriter<File>,
    path: TempPath,
}

impl Temporary {
    pub(super) fn new(file: NamedTempFile) -> Self {
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

    /// Waits until all that was written can be read at [`Temporary::path`].
    ///
    /// # Errors
    /// As [`Temporary::write`].
    pub async fn flush(&mut self) -> Result<(), StorageError> {
        Ok(self.file.flush().await?)
    }

    /// Where the file is. It is there until `self` is dropped or put in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole file, ready to be synced and moved.
    pub(super) async fn finish(mut self) -> Result<(std::fs::File, TempPath), StorageError> {
        self.flush().await?;
        Ok((self.file.into_inner().into_std().await, self.path))
    }
}
