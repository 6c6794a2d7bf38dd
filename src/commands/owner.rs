//! Whose instance it is. Root, looking after the instance of a service that runs as another user, becomes that user: else the
//! service could not read what root leaves behind, and whatever root tries would say nothing of what the service may do.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, path};

use fs_err as fs;

use crate::app::StartError;
use crate::config::{Config, create_private_dir};

/// Goes on as the owner of `data_dir`, where that is not root: by running this program again, with the same arguments. A
/// folder that is to be made, `makes`, is made for that user.
///
/// # Errors
/// When the program cannot be run as that user.
pub fn become_owner(config: &Config, makes: Option<&Path>) -> Result<(), StartError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let data_dir = path::absolute(&config.data_dir)?;
    // One that is to be made belongs to the owner of the folder that it is made in.
    let Some(there) = data_dir.ancestors().find_map(|folder| fs::metadata(folder).ok()) else { return Ok(()) };
    let (uid, gid) = (there.uid(), there.gid());
    if uid == 0 {
        return Ok(());
    }
    if let Some(folder) = makes {
        give_new(folder, uid, gid).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    // Root's own files are no longer to be looked for; the groups go with the user id.
    let error =
        Command::new(env::current_exe()?).args(env::args_os().skip(1)).env_remove("HOME").uid(uid).gid(gid).exec();
    Err(format!(
        "{} belongs to user {uid}, and this cannot go on as that user: {error}. Run it as that user yourself.",
        data_dir.display()
    )
    .into())
}

/// Makes a folder for that user, unless it is there. One that is root's is not taken from root.
fn give_new(folder: &Path, uid: u32, gid: u32) -> Result<(), StartError> {
    match fs::metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create_private_dir(folder)?;
            Ok(chown(folder, Some(uid), Some(gid))?)
        }
        there if there.as_ref().is_ok_and(|there| there.uid() == 0) => Err(format!(
            "it belongs to root, and the library to user {uid}, as whom backups are made: `chown -R {uid}:{gid} {}`.",
            folder.display()
        )
        .into()),
        _ => Ok(()),
    }
}
