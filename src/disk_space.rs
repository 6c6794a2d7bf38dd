//! Room on the disks that Lumina itself writes to, and what is kept free of it.
//!
//! A disk that is full to its last byte stops more than uploads: Postgres cannot write, so nothing can be deleted either.
//! So uploads end before that, at a reserve (`limits.disk_reserve_mib`). Other programs do not know of it. For what they do,
//! there is a [file](ReserveFile) in the data folder that takes some room as long as there is enough, and is given up when
//! there is not: the private Postgres then goes on, and photos can be deleted.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::config::Config;

/// What is kept free unless the settings say otherwise, and the part of a small disk that it is at most.
const RESERVE: u64 = 1024 << 20;
const RESERVE_PART: u64 = 20;

/// The same for the file: some segments of Postgres's write-ahead log, of 16 MiB each.
const FILE: u64 = 64 << 20;
const FILE_PART: u64 = 10;

/// How often the server looks.
const EVERY: Duration = Duration::from_secs(2);

/// The folders that are written to: each may be a disk of its own.
const FOLDERS: [&str; 5] = ["", "tmp", "photos", "uploads", "postgres"];

/// The disks below a data folder.
#[derive(Clone, Debug)]
pub struct DiskSpace {
    folders: Arc<[PathBuf]>,
    reserve: Option<u64>,
}

/// How much room there is on the disk that is nearest to its reserve. In bytes.
#[derive(Clone, Debug)]
pub struct Free {
    /// A folder on it.
    pub folder: PathBuf,
    /// What may be written.
    pub bytes: u64,
    /// The whole disk.
    pub size: u64,
    /// What uploads leave free.
    pub reserve: u64,
}

impl Free {
    /// Whether uploads are refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes < self.reserve
    }
}

impl DiskSpace {
    /// The disks of this data folder. `reserve_mib` is the setting; `None`: as much as suits the disk.
    #[must_use]
    pub fn of(data_dir: &Path, reserve_mib: Option<u32>) -> Self {
        let folders = FOLDERS.map(|folder| data_dir.join(folder));
        Self { folders: folders.into(), reserve: reserve_mib.map(|mib| u64::from(mib) << 20) }
    }

    /// As the settings say.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        Self::of(&config.data_dir, config.limits.disk_reserve_mib)
    }

    /// Asks the system, which answers at once.
    ///
    /// # Errors
    /// When it cannot tell.
    pub fn look(&self) -> io::Result<Free> {
        let looks: Vec<_> = self.folders.iter().filter(|folder| folder.exists()).map(|it| self.look_at(it)).collect();
        let looks = looks.into_iter().collect::<io::Result<Vec<_>>>()?;
        let nearest = looks.into_iter().min_by_key(|free| i128::from(free.bytes) - i128::from(free.reserve));
        nearest.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn look_at(&self, folder: &Path) -> io::Result<Free> {
        let disk = statvfs(folder)?;
        let (bytes, size) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        let mut reserve = self.reserve.unwrap_or(RESERVE.min(size / RESERVE_PART));
        // The room of a reserve file that was given up is not for uploads.
        let is_data_dir = self.folders.first().is_some_and(|data_dir| data_dir == folder);
        if is_data_dir && folder.join("postgres").exists() && !ReserveFile::of(folder).path().exists() {
            reserve += file_size(size);
        }
        Ok(Free { folder: folder.to_owned(), bytes, size, reserve })
    }

    /// Whether an upload may be written. A disk that does not say how full it is says so when it is written to.
    #[must_use]
    pub fn admits_uploads(&self) -> bool {
        !self.look().is_ok_and(|free| free.is_full())
    }

    /// Says in the log when the disk becomes full and when it is not any more, and looks after the reserve file; until it
    /// is dropped.
    pub async fn watch(self, file: Option<ReserveFile>) {
        let mut full = false;
        loop {
            match self.look() {
                Ok(free) if free.is_full() != full => {
                    full = free.is_full();
                    let (folder, mib, reserve) = (free.folder.display(), free.bytes >> 20, free.reserve >> 20);
                    if full {
                        tracing::error!(%folder, mib, reserve, "the disk is full: uploads are refused until there is room");
                    } else {
                        tracing::info!(%folder, mib, reserve, "there is room on the disk again: uploads are taken");
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "how full the disk is"),
            }
            if let Some(file) = file.clone() {
                let look = tokio::task::spawn_blocking(move || file.look_after()).await;
                if let Ok(Err(error)) = look {
                    tracing::debug!(%error, "the reserve file");
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// A file without contents that takes room on the data folder's disk.
#[derive(Clone, Debug)]
pub struct ReserveFile {
    data_dir: PathBuf,
}

impl ReserveFile {
    /// The one of this data folder.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.data_dir.join("reserve")
    }

    /// Gives the file up when there is hardly room, and makes it when there is plenty.
    ///
    /// # Errors
    /// When the disk does not tell, or cannot hold room for a file without writing it.
    pub fn look_after(&self) -> io::Result<()> {
        let (free, size) = self.look()?;
        let path = self.path();
        if free.bytes > free.reserve + 2 * size && !path.exists() {
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            return take(&file, size).inspect_err(|_| drop(fs::remove_file(&path)));
        }
        self.give_up_if_full()
    }

    /// Removes the file when there is hardly room for anything else.
    ///
    /// # Errors
    /// When the disk does not tell how full it is, or the file cannot be removed.
    pub fn give_up_if_full(&self) -> io::Result<()> {
        let (free, size) = self.look()?;
        if free.bytes >= size / 4 {
            return Ok(());
        }
        match fs::remove_file(self.path()) {
            Ok(()) => tracing::warn!("the disk is full to its last bytes: the reserve file was given up"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The disk of the data folder, and how large the file is to be.
    fn look(&self) -> io::Result<(Free, u64)> {
        let free = DiskSpace::of(&self.data_dir, None).look_at(&self.data_dir)?;
        let size = file_size(free.size);
        Ok((free, size))
    }
}

/// How large the reserve file is on a disk of this size.
fn file_size(disk: u64) -> u64 {
    FILE.min(disk / FILE_PART)
}

fn take(file: &File, size: u64) -> io::Result<()> {
    Ok(fallocate(file, FallocateFlags::empty(), 0, size)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_smaller_on_a_small_disk_unless_it_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let free = DiskSpace::of(folder.path(), None).look().unwrap();
        assert_eq!(free.reserve, RESERVE.min(free.size / 20));
        let space = DiskSpace::of(folder.path(), Some(u32::MAX));
        assert_eq!(space.look().unwrap().reserve, u64::from(u32::MAX) << 20);
        assert!(!space.admits_uploads());
        assert!(DiskSpace::of(folder.path(), Some(0)).admits_uploads());
    }

    #[test]
    fn the_reserve_file_takes_its_room() {
        let folder = tempfile::tempdir().unwrap();
        let file = ReserveFile::of(folder.path());
        // A file system may be too full, or unable to do this.
        if file.look_after().is_ok() && file.path().exists() {
            assert!(file.path().metadata().unwrap().len() <= FILE);
        }
    }
}
