//! The folder of everything an instance keeps. `lumina serve` makes it, and `lumina restore`; every other command looks
//! for one that is there, so that none of them takes a wrong folder, or a disk that is not mounted, for an empty library.

use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Config;

/// Why a command has no instance to work on. The text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum NoInstance {
    /// Lumina was never started there.
    #[error(
        "no Lumina was ever started in {}, which is data_dir: {lacks}. Nothing was made there. Name the right folder by \
         `--config FILE`, by DATA_DIR in the environment or by data_dir in config.yaml; if it is the right one, see \
         whether its disk is mounted. Only `lumina serve` starts a new library.",
        folder.display()
    )]
    NeverStarted {
        /// `data_dir`, absolute.
        folder: PathBuf,
        /// What it lacks.
        lacks: &'static str,
    },
    /// It belongs to somebody else.
    #[error("{} (data_dir) cannot be used: {source}.{hint}", folder.display())]
    Closed {
        /// `data_dir`, absolute.
        folder: PathBuf,
        /// Whom to be, if that is known.
        hint: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Config {
    /// Makes `data_dir`, and the folders above it that are missing, for our user only (0700). One that is there stays
    /// as it is. For `serve` and `restore` alone: see [`Config::existing_data_dir`].
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create_data_dir(&self) -> io::Result<()> {
        create_private_dir(&self.data_dir)
    }

    /// That Lumina was started in `data_dir` before. Makes nothing.
    ///
    /// # Errors
    /// [`NoInstance`].
    pub fn existing_data_dir(&self) -> Result<(), NoInstance> {
        let folder = path::absolute(&self.data_dir).unwrap_or_else(|_| self.data_dir.clone());
        // The lock file is there from the first start on, and stays.
        let mut traces = vec![("", "there is no such folder"), ("lock", "the folder holds nothing of Lumina's")];
        if self.database_url.is_none() {
            traces.push(("postgres/PG_VERSION", "it holds no private database, and no database_url is set"));
        }
        for (name, lacks) in traces {
            match fs::metadata(folder.join(name)) {
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    return Err(NoInstance::NeverStarted { folder, lacks });
                }
                Err(source) => {
                    let owner = fs::metadata(&folder).map(|folder| folder.uid());
                    let hint =
                        owner.map(|uid| format!(" It belongs to user {uid}: run this as that user, or as root."));
                    return Err(NoInstance::Closed { folder, hint: hint.unwrap_or_default(), source });
                }
            }
        }
        Ok(())
    }
}

/// Makes a folder, and the folders above it that are missing, for our user only.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| io::Error::new(error.kind(), format!("the folder {} cannot be made: {error}", path.display())))
}
