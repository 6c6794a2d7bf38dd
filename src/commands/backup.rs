//! `lumina backup DIR`: the database and every object that a row names, as they are at one instant, while the server runs.
//!
//! The folder holds objects named by their SHA-256, and for each run that is kept one manifest that says which are whose. An
//! object is written once and never changed, and goes only when no kept manifest names it. A manifest comes last: a run that
//! is stopped leaves those before as they were, and the next one goes on with what it has copied.
//!
//! The rows are those of one snapshot of the database, and a lock keeps the sweeper from removing objects until they are
//! copied; so every photo of the snapshot has its bytes, whatever is deleted meanwhile.

mod copying;
pub(super) mod dump;
mod earlier;
pub(super) mod manifest;
pub(super) mod objects;
pub(super) mod runs;
mod snapshot;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actix_web::rt::task::spawn_blocking;
use clap::Args;
use futures_util::{StreamExt, stream};
use indicatif::HumanBytes;

use crate::album::ownership::{self, Owner};
use crate::app::StartError;
use crate::commands::database::{Opened, Schema};
use crate::commands::terminal::{Stop, progress};
use crate::config::Config;
use crate::db::private::{self, PrivateError};
use crate::models::{Photo, instance};
use crate::storage::Storage;
use copying::Copying;
use earlier::Earlier;
use manifest::Header;
use objects::{Hash, Objects};
use snapshot::Snapshot;

/// Where to, and how thoroughly.
#[derive(Args, Clone, Debug)]
pub struct Backup {
    /// The folder of the backup: a new one, or that of an earlier backup, which this run is added to.
    folder: PathBuf,
    /// Also read what is in the backup already and compare its SHA-256.
    #[arg(long)]
    deep: bool,
    /// How many runs to keep, this one included: those before the last N go when this one is whole.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    keep: u16,
    /// Back up although the folder has another library's backup, or most photos of the last run are gone.
    #[arg(long)]
    force: bool,
}

impl Backup {
    /// The folder of the backup.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Backs everything up. Fails, having done all the rest, where the library itself lacks something.
///
/// # Errors
/// When the database, the storage or the folder cannot be used; then the runs before are as they were.
pub async fn backup(config: &Config, options: Backup) -> Result<ExitCode, StartError> {
    // First of all: whoever has named no library makes no folder for its backup either.
    let database = Opened::open(config, Schema::UpToDate).await?;
    let backed_up = open_and_run(config, &database, options).await;
    database.close().await?;
    let (done, folder) = backed_up?;
    println!(
        "{} photos, {} objects: {} new ({}), {} removed that are no longer needed. The backup is in {}, with {} runs.",
        done.photos,
        done.objects,
        done.new,
        HumanBytes(done.bytes),
        done.removed,
        folder.display(),
        done.runs,
    );
    if done.problems == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} objects were missing or altered in the library itself: `lumina doctor --deep` says more.",
        done.problems
    );
    Ok(ExitCode::FAILURE)
}

async fn open_and_run(config: &Config, database: &Opened, options: Backup) -> Result<(Done, PathBuf), StartError> {
    let storage = Storage::open_existing(config).await?;
    let folder = options.folder.clone();
    let target = spawn_blocking(move || Objects::open(&folder)).await??;
    let folder = target.folder().to_owned();
    let _lock = private::lock(&folder).map_err(|error| match error {
        PrivateError::InUse { .. } => "Another backup into this folder is under way.".into(),
        error => StartError::from(error),
    })?;
    let preparing = target.clone();
    spawn_blocking(move || preparing.prepare()).await??;
    let done = run(config, database, &storage, &target, &options).await.map_err(|error| {
        format!(
            "{error}\nNo new backup was made in {}; earlier ones there are as they were. Run it again to go on.",
            folder.display()
        )
    })?;
    Ok((done, folder))
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    photos: u64,
    objects: u64,
    new: u64,
    bytes: u64,
    removed: u64,
    runs: usize,
    problems: u64,
    /// Photos without an original.
    lost: u64,
}

async fn run(
    config: &Config,
    database: &Opened,
    storage: &Storage,
    target: &Objects,
    options: &Backup,
) -> Result<Done, StartError> {
    let ours = database.db.read(instance::id).await?;
    let total = database.db.long(Photo::count_all).await?.unsigned_abs();
    if !options.force {
        if matches!(ownership::owner_of(storage, ours).await?, Owner::Another(_)) {
            return Err(format!("{storage} belongs to another database than the one in use.").into());
        }
        earlier::compare(target, ours, total, &format!("the database with photos in {storage}")).await?;
    }
    let url = database.url.clone();
    let dump = spawn_blocking(move || dump::Programs::find(&url)).await??;
    let (snapshot, rows) = Snapshot::take(&database.db).await?;
    let schema = database.db.read(instance::schema).await?;
    let dumped = dump.dump(target, &database.url, &schema, snapshot.id()).await?;
    snapshot.dumped();
    let header = Header::new(ours, dumped, secret_key(config, target).await?);
    let earlier = match Earlier::open(target).await {
        Err(error) if options.force => {
            println!("The latest run cannot be read, so all objects are read again: {error}");
            Earlier::default()
        }
        opened => opened?,
    };
    let mut written = runs::begin(target, &header).await?;
    let bar = progress(total, "photos");
    let copying = Copying { storage, target, deep: options.deep, bar, stop: Stop::listen()? };
    let mut done = copying.all(rows, earlier, &mut written).await?;
    // Only now may be removed what was deleted meanwhile.
    snapshot.copied().await?;
    if !options.force && earlier::has_collapsed(done.photos, done.photos.saturating_sub(done.lost)) {
        let Done { lost, photos, .. } = done;
        return Err(format!(
            "{lost} of {photos} photos have no original in {storage}: is its disk mounted? `--force` backs up what is there."
        )
        .into());
    }
    let kept = runs::keep(target, written, header.made_at, options.keep.into()).await?;
    done.runs = kept.len();
    match runs::remove_unnamed(target, &kept).await {
        Ok(removed) => done.removed = removed,
        Err(error) => {
            done.problems += 1;
            println!("This run is whole. Nothing was removed from the backup: {error}");
        }
    }
    Ok(done)
}

/// The generated one: without it everybody would have to log in again.
async fn secret_key(config: &Config, target: &Objects) -> Result<Option<Hash>, StartError> {
    let path = config.data_dir.join("secret_key");
    if !config.secret_key.is_empty() || !path.exists() {
        return Ok(None);
    }
    let text = fs_err::tokio::read(path).await?;
    let stream = stream::iter([Ok(text.into())]);
    Ok(Some(target.add(stream.boxed()).await?.0))
}
