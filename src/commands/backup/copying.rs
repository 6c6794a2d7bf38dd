//! Copying what the backup lacks: photo by photo, in the order of the keys.

use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use super::Done;
use super::earlier::Earlier;
use super::manifest::{Entry, Written};
use super::objects::{Hash, Objects};
use crate::album::examine::promised;
use crate::album::hex;
use crate::album::library::{self, Beside, Rows};
use crate::app::StartError;
use crate::commands::terminal::Stop;
use crate::models::inventory::Inventoried;
use crate::storage::{Kind, Listed, ObjectKey, Storage, StorageError};

/// Photos worked on at a time.
const AT_ONCE: usize = 16;

/// The way of photos' objects into a backup.
pub(super) struct Copying<'a> {
    pub(super) storage: &'a Storage,
    pub(super) target: &'a Objects,
    pub(super) deep: bool,
    pub(super) bar: ProgressBar,
    pub(super) stop: Stop,
}

/// A photo's objects in the backup, those that were copied for it, and what it lacks.
#[derive(Default)]
struct Copied {
    entries: Vec<Entry>,
    new: u64,
    bytes: u64,
    problems: Vec<String>,
    lost: bool,
}

impl Copying<'_> {
    /// Copies the objects of all photos that the backup lacks, and names all of them.
    pub(super) async fn all(
        &self,
        rows: Rows,
        mut earlier: Earlier,
        written: &mut Written,
    ) -> Result<Done, StartError> {
        let mut walk = library::walk(rows, self.storage);
        let mut done = Done::default();
        loop {
            // In the order of the keys, which is that of the manifest.
            let mut some = Vec::with_capacity(AT_ONCE);
            while some.len() < AT_ONCE {
                let Some(step) = walk.try_next().await? else { break };
                let Beside::Photo(row, stored) = step else { continue };
                let known = earlier.of_photo(row.id.0).await?;
                some.push((row, stored, known));
            }
            if some.is_empty() {
                break;
            }
            if self.stop.asked() {
                return Err("Stopped.".into());
            }
            let photos = stream::iter(some).map(|(row, stored, known)| self.photo(row, stored, known));
            let mut photos = photos.buffered(AT_ONCE);
            while let Some(copied) = photos.try_next().await? {
                done.photos += 1;
                done.objects += copied.entries.len() as u64;
                done.new += copied.new;
                done.bytes += copied.bytes;
                done.lost += u64::from(copied.lost);
                for problem in copied.problems {
                    done.problems += 1;
                    self.bar.suspend(|| println!("{problem}"));
                }
                for entry in &copied.entries {
                    written.entry(entry).await?;
                }
                // What is copied is known to the next run, should this one be killed.
                written.flush().await?;
                self.bar.inc(1);
            }
            earlier.forget_passed()?;
        }
        self.bar.finish_and_clear();
        Ok(done)
    }

    async fn photo(
        &self,
        row: Inventoried,
        stored: Vec<(Kind, Listed)>,
        known: Vec<Entry>,
    ) -> Result<Copied, StartError> {
        let mut copied = Copied::default();
        let mut kinds: Vec<Kind> = promised(&row).collect();
        kinds.extend(stored.iter().map(|(kind, _)| *kind));
        let mut keys: Vec<_> = kinds.into_iter().map(|kind| ObjectKey::new(row.id.0, kind)).collect();
        keys.sort_by_cached_key(ToString::to_string);
        keys.dedup();
        // Nothing is removed meanwhile, so it was listed if it is there; the backup may have it from an earlier run.
        copied.lost = stored.iter().all(|(kind, _)| *kind != Kind::Original);
        for key in keys {
            if let Some(entry) = self.there(&row, key, &stored, &known).await? {
                if copied.lost && key.kind() == Kind::Original {
                    copied.problems.push(format!("missing, and in the backup from an earlier run: {key}"));
                }
                copied.entries.push(entry);
                continue;
            }
            let object = match self.storage.get(key, None).await {
                Err(StorageError::NotFound) => {
                    copied.problems.push(format!("missing: {key}"));
                    continue;
                }
                object => object?,
            };
            let (sha256, size) = self.target.add(object.stream).await?;
            if key.kind() == Kind::Original && sha256.as_slice() != row.sha256 {
                copied.problems.push(format!("altered, and kept as it is: {key} (SHA-256 {})", hex(&sha256)));
            }
            copied.new += 1;
            copied.bytes += size;
            copied.entries.push(Entry { key, sha256, size, version: row.renditions_version });
        }
        Ok(copied)
    }

    /// The object, if the backup has it already: an original by the hash in its row, a rendition if it has not changed since.
    async fn there(
        &self,
        row: &Inventoried,
        key: ObjectKey,
        stored: &[(Kind, Listed)],
        known: &[Entry],
    ) -> Result<Option<Entry>, StartError> {
        let entry = if key.kind() == Kind::Original {
            let (Ok(sha256), size) = (Hash::try_from(row.sha256.as_slice()), row.size_bytes.unsigned_abs()) else {
                return Ok(None);
            };
            Entry { key, sha256, size, version: row.renditions_version }
        } else {
            let listed = stored.iter().find(|(kind, _)| *kind == key.kind()).map(|(_, listed)| listed.size);
            let is_same = |entry: &&Entry| {
                entry.key == key && entry.version == row.renditions_version && Some(entry.size) == listed
            };
            let Some(entry) = known.iter().find(is_same) else { return Ok(None) };
            entry.clone()
        };
        Ok(self.target.has(&entry.sha256, entry.size, self.deep).await?.then_some(entry))
    }
}
