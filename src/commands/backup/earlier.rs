//! What a backup has from the runs before: whether they are of this library at all, and which objects need not be read
//! again.

use std::io;
use std::path::Path;

use uuid::Uuid;

use super::manifest::{Entry, Manifest};
use super::objects::Objects;
use super::runs;
use crate::album::is_suspicious;
use crate::app::StartError;
use crate::storage::Kind;

/// The runs before: the latest that was finished, and those that were stopped.
#[derive(Default)]
pub struct Earlier {
    finished: Option<Manifest>,
    stopped: Vec<Manifest>,
}

impl Earlier {
    /// Opens them.
    ///
    /// # Errors
    /// When the latest is damaged.
    pub async fn open(of: &Objects) -> io::Result<Self> {
        let finished = match runs::finished(of)?.last() {
            Some(run) => Some(Manifest::open(run).await.map_err(|error| damaged(run, &error))?),
            None => None,
        };
        let mut stopped = Vec::new();
        for run in runs::unfinished(of)? {
            // One without a header has nothing to say.
            stopped.extend(Manifest::open_unfinished(&run).await.ok());
        }
        Ok(Self { finished, stopped })
    }

    /// What is known of a photo's objects. Photos are asked for in the order of their keys.
    ///
    /// # Errors
    /// When a manifest is damaged.
    pub async fn of_photo(&mut self, photo: Uuid) -> io::Result<Vec<Entry>> {
        let mut known = Vec::new();
        for manifest in self.finished.iter_mut().chain(&mut self.stopped) {
            known.extend(manifest.of_photo(photo).await?);
        }
        Ok(known)
    }

    /// Removes the manifests of stopped runs of which all is in the new one.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn forget_passed(&mut self) -> io::Result<()> {
        let mut passed = self.stopped.extract_if(.., |manifest| manifest.is_at_end());
        passed.try_for_each(|manifest| fs_err::remove_file(manifest.path()))
    }
}

fn damaged(run: &Path, error: &io::Error) -> io::Error {
    let advice = "Move it out of that folder, or go on without it by `--force`; no object is removed meanwhile.";
    io::Error::new(error.kind(), format!("the latest run, {}, cannot be read: {error}. {advice}", run.display()))
}

/// Refuses to add to another library's backup, or one that has lost most of its photos.
///
/// # Errors
/// With what was found. When the latest manifest is damaged.
pub async fn compare(of: &Objects, ours: Uuid, photos: u64, library: &str) -> Result<(), StartError> {
    let folder = of.folder().display();
    let Some(mut latest) = Earlier::open(of).await?.finished else { return Ok(()) };
    let mut before = 0;
    while let Some(entry) = latest.next().await? {
        before += u64::from(entry.key.kind() == Kind::Original);
    }
    let made_at = latest.header().made_at.format("%Y-%m-%d %H:%M UTC");
    let theirs = latest.header().instance;
    if theirs != ours {
        return Err(format!(
            "{folder} is the backup of another library (its id is {theirs}; {before} photos, {made_at}). This one is \
             {library} (its id is {ours}; {photos} photos). Name another folder, or the right library by `--config FILE` or \
             DATA_DIR; `--force` adds this one all the same. Nothing was changed."
        )
        .into());
    }
    if has_collapsed(before, photos) {
        return Err(format!(
            "This library has {photos} photos, and the backup of {made_at} in {folder} has {before}: is {library} in its \
             latest state? If the photos were deleted on purpose, run it with `--force`. Nothing was changed."
        )
        .into());
    }
    Ok(())
}

/// So many fewer that it is rather the wrong library, or an old state of it.
pub fn has_collapsed(before: u64, now: u64) -> bool {
    let count = |photos| usize::try_from(photos).unwrap_or(usize::MAX);
    (now == 0 && before > 0) || is_suspicious(count(before.saturating_sub(now)), count(before))
}

#[cfg(test)]
mod tests {
    use super::has_collapsed;

    #[test]
    fn a_library_that_lost_most_of_its_photos_has_collapsed() {
        for (before, now, collapsed) in [
            (893, 0, true),
            (1, 0, true),
            (0, 0, false),
            (0, 5, false),
            (893, 893, false),
            (893, 446, true),
            (893, 447, false),
            (20, 1, false),
            (100, 500, false),
        ] {
            assert_eq!(has_collapsed(before, now), collapsed, "{before} {now}");
        }
    }
}
