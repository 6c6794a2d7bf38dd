//! `lumina backup DIR`: the database and every object that a row names, as they are at one instant, while the server runs.
//!
//! The folder holds objects named by their SHA-256 and one manifest that says which are whose. An object is written once and
//! never changed, and the manifest is replaced last, in one step: a backup that is killed leaves the one before as it was.
//! The next one copies only what is new.
//!
//! The rows are those of one snapshot of the database, and a lock keeps the sweeper from removing objects until they are
//! copied; so every photo of the snapshot has its bytes, whatever is deleted meanwhile.

pub(super) mod dump;
pub(super) mod manifest;
pub(super) mod objects;
mod snapshot;

use std::path::PathBuf;
use std::process::ExitCode;

use actix_web::rt::task::spawn_blocking;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{HumanBytes, ProgressBar};

use crate::album::examine::promised;
use crate::album::hex;
use crate::album::library::{self, Beside, Rows};
use crate::app::StartError;
use crate::commands::database::{Opened, Schema};
use crate::commands::terminal::{Stop, progress};
use crate::config::Config;
use crate::db::private;
use crate::models::inventory::Inventoried;
use crate::models::{Photo, instance};
use crate::storage::{Kind, Listed, ObjectKey, Storage, StorageError};
use manifest::{Entry, Header, Manifest, Written};
use objects::{Hash, Objects};
use snapshot::Snapshot;

/// Photos worked on at a time.
const AT_ONCE: usize = 16;

/// Where to, and how thoroughly.
#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// The folder of the backup: a new one, or that of an earlier backup, which becomes this one.
    folder: PathBuf,
    /// Also read what is in the backup already and compare its SHA-256.
    #[arg(long)]
    deep: bool,
}

/// Backs everything up. Fails, having done all the rest, where the library itself lacks something.
///
/// # Errors
/// When the database, the storage or the folder cannot be used; then the backup before is as it was.
pub async fn backup(config: &Config, options: Backup) -> Result<ExitCode, StartError> {
    let Backup { folder, deep } = options;
    let target = spawn_blocking(move || Objects::open(&folder)).await??;
    let _lock = private::lock(target.folder()).map_err(|_| "Another backup into this folder is under way.")?;
    let storage = Storage::open(config).await?;
    let database = Opened::open(config, Schema::UpToDate).await?;
    let backed_up = run(config, &database, &storage, &target, deep).await;
    database.close().await?;
    let (done, problems) = backed_up.map_err(|error| {
        let folder = target.folder().display();
        format!(
            "{error}\nNo new backup was made in {folder}; an earlier one there is as it was. Run it again to go on."
        )
    })?;
    println!(
        "{} photos, {} objects: {} new ({}), {} removed that are no longer needed. The backup is in {}.",
        done.photos,
        done.objects,
        done.new,
        HumanBytes(done.bytes),
        done.removed,
        target.folder().display()
    );
    if problems == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!("{problems} objects were missing or altered in the library itself: `lumina doctor --deep` says more.");
    Ok(ExitCode::FAILURE)
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    photos: u64,
    objects: u64,
    new: u64,
    bytes: u64,
    removed: u64,
}

async fn run(
    config: &Config,
    database: &Opened,
    storage: &Storage,
    target: &Objects,
    deep: bool,
) -> Result<(Done, u64), StartError> {
    let url = database.url.clone();
    let dump = spawn_blocking(move || dump::Programs::find(&url)).await??;
    let (snapshot, rows) = Snapshot::take(&database.db).await?;
    let dumped = dump.dump(target, &database.url, snapshot.id()).await?;
    snapshot.dumped();
    let secret_key = secret_key(config, target).await?;
    let total = database.db.read(Photo::count_all).await?;
    let header = Header::new(database.db.read(instance::id).await?, dumped, secret_key);
    let mut written = Manifest::begin(target, &header).await?;
    let earlier = Manifest::open(target).await?;
    let copying =
        Copying { storage, target, deep, bar: progress(total.unsigned_abs(), "photos"), stop: Stop::listen()? };
    let (mut done, problems) = copying.all(rows, earlier, &mut written).await?;
    // Only now may be removed what was deleted meanwhile.
    snapshot.copied().await?;
    done.removed = written.finish(target).await?;
    Ok((done, problems))
}

/// The generated one: without it everybody would have to log in again.
async fn secret_key(config: &Config, target: &Objects) -> Result<Option<Hash>, StartError> {
    let path = config.data_dir.join("secret_key");
    if !config.secret_key.is_empty() || !path.exists() {
        return Ok(None);
    }
    let text = tokio::fs::read(path).await?;
    let stream = stream::iter([Ok(text.into())]);
    Ok(Some(target.add(stream.boxed()).await?.0))
}

struct Copying<'a> {
    storage: &'a Storage,
    target: &'a Objects,
    deep: bool,
    bar: ProgressBar,
    stop: Stop,
}

/// A photo's objects in the backup, those that were copied for it, and what it lacks.
#[derive(Default)]
struct Copied {
    entries: Vec<Entry>,
    new: u64,
    bytes: u64,
    problems: Vec<String>,
}

impl Copying<'_> {
    async fn all(
        &self,
        rows: Rows,
        mut earlier: Option<Manifest>,
        written: &mut Written,
    ) -> Result<(Done, u64), StartError> {
        let mut walk = library::walk(rows, self.storage);
        let (mut done, mut problems) = (Done::default(), 0);
        loop {
            // In the order of the keys, which is that of the manifest.
            let mut some = Vec::with_capacity(AT_ONCE);
            while some.len() < AT_ONCE {
                let Some(step) = walk.try_next().await? else { break };
                let Beside::Photo(row, stored) = step else { continue };
                let known = match &mut earlier {
                    Some(earlier) => earlier.of_photo(row.id.0).await?,
                    None => Vec::new(),
                };
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
                for problem in copied.problems {
                    problems += 1;
                    self.bar.suspend(|| println!("{problem}"));
                }
                for entry in &copied.entries {
                    written.entry(entry).await?;
                }
                self.bar.inc(1);
            }
        }
        self.bar.finish_and_clear();
        Ok((done, problems))
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
        for key in keys {
            if let Some(entry) = self.there(&row, key, &stored, &known).await? {
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
