//! Whose instance it is. Root, looking after the instance of a service that runs as another user, becomes that user: else the
//! service could not read what root leaves behind, and whatever root tries would say nothing of what the service may do.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, fchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, io, iter, path};

use fs_err as fs;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::app::StartError;
use crate::config::Config;

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
    // Whoever serves it holds the lock, also where the folder came from elsewhere. A folder that is to be made belongs to the
    // owner of the folder that it is made in.
    let lock = data_dir.join("lock");
    let mut places = iter::once(lock.as_path()).chain(data_dir.ancestors());
    let Some(there) = places.find_map(|place| fs::metadata(place).ok()) else { return Ok(()) };
    let (uid, gid) = (there.uid(), there.gid());
    if uid == 0 {
        return Ok(());
    }
    if let Some(folder) = makes
        && config.existing_data_dir().is_ok()
    {
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
            // That user has to get there, so folders above it are not made by guess.
            if let Err(error) = rustix::fs::mkdir(folder, Mode::RWXU) {
                let missing = error == Errno::NOENT;
                let hint = if missing { ": make the folder above it first" } else { "" };
                return Err(format!("it cannot be made: {}{hint}", io::Error::from(error)).into());
            }
            // Where that user could put something else in its place meanwhile, no other file is given away.
            let made = rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
            Ok(fchown(made, Some(uid), Some(gid))?)
        }
        there if there.as_ref().is_ok_and(|there| there.uid() == 0) => Err(format!(
            "it belongs to root, and the library to user {uid}, as whom backups are made: `chown -R {uid}:{gid} {}`.",
            folder.display()
        )
        .into()),
        _ => Ok(()),
    }
}
