//! Objects as files below one folder: the storage of an installation without a bucket.
//!
//! An object is written to a temporary file in the same file system, synced, renamed to its place, and the folders that
//! name it are synced too: after a crash at any moment there is the whole object or none. All 256 shard folders are made
//! at the start, so that afterwards only a photo's own folder comes and goes.
//!
//! Files have mode 0600 and folders 0700: nobody else on the machine reads them past Lumina.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use tempfile::{NamedTempFile, TempPath};

use crate::config::create_private_dir;

use super::list::{self, Listing};
use super::temporary::TemporaryFolder;
use super::{Calls, Object, ObjectKey, Received, StorageError};
use crate::disk_space::DiskSpace;
use crate::supervisor::Supervisor;

/// How often a photo's folder is made again when deletions keep removing it.
const ATTEMPTS: usize = 32;

/// Photos as files below one folder.
#[derive(Clone, Debug)]
pub struct Disk {
    root: Arc<Path>,
    temporaries: TemporaryFolder,
    calls: Calls,
    supervisor: Supervisor,
}

impl Disk {
    pub(super) fn calls(&self) -> &Calls {
        &self.calls
    }

    pub(super) fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// See [`super::Storage::disk`].
    pub(super) async fn open(data_dir: &Path, space: DiskSpace) -> Result<Self, StorageError> {
        let temporaries = TemporaryFolder::open(data_dir, space).await?;
        let disk =
            Self { root: data_dir.into(), temporaries, calls: Calls::default(), supervisor: Supervisor::default() };
        let opened = disk.clone();
        blocking(move || {
            let photos = disk.root.join("photos");
            make_folder(&photos)?;
            make_folder(&disk.root.join("uploads"))?;
            for shard in 0..=u8::MAX {
                make_folder(&photos.join(format!("{shard:02x}")))?;
            }
            sync_folder(&photos)?;
            sync_folder(&disk.root)
        })
        .await?;
        Ok(opened)
    }

    pub(super) fn temporaries(&self) -> &TemporaryFolder {
        &self.temporaries
    }

    /// See [`super::Storage::put_file`].
    pub(super) async fn put_file(&self, key: ObjectKey, file: Received) -> Result<(), StorageError> {
        let (root, to) = (Arc::clone(&self.root), self.path(key));
        blocking(move || {
            fs::File::open(file.path())?.sync_all()?;
            place(file.path, &to, &root)
        })
        .await
    }

    /// See [`super::Storage::put_bytes`].
    pub(super) async fn put_bytes(&self, key: ObjectKey, bytes: Vec<u8>) -> Result<(), StorageError> {
        let (folder, root, to) = (self.temporaries.path().to_owned(), Arc::clone(&self.root), self.path(key));
        blocking(move || {
            let (mut file, path) = NamedTempFile::new_in(folder)?.into_parts();
            file.write_all(&bytes)?;
            file.sync_all()?;
            place(path, &to, &root)
        })
        .await
    }

    /// See [`super::Storage::get`].
    pub(super) async fn get(&self, key: ObjectKey, range: Option<(u64, u64)>) -> Result<Object, StorageError> {
        let path = self.path(key);
        let open = move || match fs::File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            file => Object::of(file?.into(), range).map(Some),
        };
        blocking(open).await?.ok_or(StorageError::NotFound)
    }

    /// See [`super::Storage::stat`].
    pub(super) async fn stat(&self, key: ObjectKey) -> Result<u64, StorageError> {
        let path = self.path(key);
        let size = blocking(move || match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            file => file.map(|file| Some(file.len())),
        });
        size.await?.ok_or(StorageError::NotFound)
    }

    /// See [`super::Storage::list`].
    pub(super) fn list(&self, prefix: &str) -> Listing {
        list::files(&self.root, prefix)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// See [`super::Storage::delete`].
    pub(super) async fn delete(&self, key: ObjectKey) -> Result<(), StorageError> {
        let path = self.path(key);
        blocking(move || {
            match fs::remove_file(&path) {
                // Its folder may still be there: a crash can come between the two.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                result => result?,
            }
            let photo = parent(&path)?;
            sync_folder(photo)?;
            match fs::remove_dir(photo) {
                // Other objects of the photo are still there, or another deletion was faster.
                Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => Ok(()),
                result => result,
            }
        })
        .await
    }

    fn path(&self, key: ObjectKey) -> PathBuf {
        self.root.join(key.to_string())
    }

    /// See [`super::Storage::is_up`].
    pub(super) async fn is_up(&self) -> Result<(), StorageError> {
        let photos = self.root.join("photos");
        blocking(move || fs::metadata(photos).map(drop)).await
    }
}

/// Moves a synced temporary file to its place below `root`, for good.
fn place(mut file: TempPath, to: &Path, root: &Path) -> io::Result<()> {
    let photo = parent(to)?;
    let mut attempts = 0..ATTEMPTS;
    loop {
        let folder = make_folder(photo);
        match file.persist(to) {
            Ok(()) => break,
            // A deletion took the folder between the two calls.
            Err(failed) if failed.error.kind() == ErrorKind::NotFound && attempts.next().is_some() => {
                file = failed.path
            }
            Err(failed) => return folder.and(Err(failed.error)),
        }
    }
    sync_folder(photo)?;
    // What is above the data folder was not made here, and may be closed to us.
    if photo == root { Ok(()) } else { sync_folder(parent(photo)?) }
}

/// Makes a folder for nobody else's eyes, and those above it; one that exists is fine.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    create_private_dir(path)
}

/// Makes the names in a folder survive a power cut. A folder that a deletion just removed has none.
fn sync_folder(path: &Path) -> io::Result<()> {
    match fs::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        folder => folder?.sync_all(),
    }
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| ErrorKind::InvalidInput.into())
}

/// Runs file system calls where they may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StorageError> {
    let result = tokio::task::spawn_blocking(work).await;
    Ok(result.unwrap_or_else(|panicked| Err(io::Error::other(panicked)))?)
}
