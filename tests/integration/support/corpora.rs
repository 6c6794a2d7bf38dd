//! The corpora of real and hostile images that `LUMINA_CORPUS` names. They are not part of the project: tests that need
//! them end at once where it is not set.

use std::path::{Path, PathBuf};

/// Their folder, when it was given; else a line says that the test did nothing.
pub fn corpora() -> Option<PathBuf> {
    let given = std::env::var_os("LUMINA_CORPUS").filter(|path| !path.is_empty()).map(PathBuf::from);
    match given {
        Some(folder) => {
            assert!(folder.join("README.md").is_file(), "LUMINA_CORPUS: there are no corpora in {}", folder.display());
            Some(folder)
        }
        None => {
            println!("skipped: LUMINA_CORPUS names no corpora");
            None
        }
    }
}

/// All files below a folder, in the order of their paths.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect();
    files.sort();
    files
}
