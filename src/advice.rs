//! What to do about a file that cannot be used, for the person at the terminal. Which file it is, the error itself says: files
//! are opened by `fs_err`.

use std::error::Error;
use std::io::{self, ErrorKind};

/// What helps, if the error comes from a file or a folder.
#[must_use]
pub fn on(error: &(dyn Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let cause = causes.find_map(|cause| cause.downcast_ref::<io::Error>())?;
    let user = rustix::process::geteuid().as_raw();
    Some(match cause.kind() {
        ErrorKind::PermissionDenied => format!(
            "It runs as the user with the number {user}: give the file or folder to that user (chown), run it as its owner, or \
             set data_dir to a folder of that user's."
        ),
        ErrorKind::NotFound => "Is the path right, and the disk mounted that it is on?".to_owned(),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "A file is where a folder has to be: move it away, or set data_dir to another folder.".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => {
            "The disk is mounted for reading only: mount it for writing, or set data_dir to a folder on another one."
                .to_owned()
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "The disk is full: make room on it, or set data_dir to a folder on another one.".to_owned()
        }
        _ => return None,
    })
}
