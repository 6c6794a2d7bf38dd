//! `lumina restore DIR`: fills an empty instance from a backup, objects first, the rows last and in one step. Of the database
//! in there only rows are taken, into tables that our own migrations have made.
//!
//! One that was killed is begun again: objects of this backup that are there already are compared and left. The server must
//! not run meanwhile.

mod copy_text;
mod rows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actix_web::rt::task::spawn_blocking;
use clap::Args;
use futures_util::{TryStreamExt, stream};
use tokio::io::AsyncReadExt;

use crate::album::Album;
use crate::album::examine::digest;
use crate::album::ownership::{self, Owner};
use crate::app::StartError;
use crate::commands::backup::manifest::{Entry, Header, Manifest};
use crate::commands::backup::objects::{Hash, Objects};
use crate::commands::backup::{dump, runs};
use crate::commands::database::Opened;
use crate::commands::doctor;
use crate::commands::terminal::progress;
use crate::config::Config;
use crate::db::{self, Db, private, restoring};
use crate::media::OutsideDecoder;
use crate::models::{instance, removal};
use crate::storage::{PHOTOS, Room, Storage, StorageError};
use crate::threads::InFlight;

/// Objects restored at a time.
const AT_ONCE: usize = 16;

/// Where from.
#[derive(Args, Clone, Debug)]
pub struct Restore {
    /// The folder of the backup.
    folder: PathBuf,
    /// Which run of those that are kept, as `manifests` in the folder names them; without it the latest.
    #[arg(long, value_name = "NAME")]
    run: Option<String>,
}

/// One run of a backup.
struct From {
    objects: Objects,
    manifest: PathBuf,
    header: Header,
}

impl From {
    async fn entries(&self) -> Result<Manifest, StartError> {
        Ok(Manifest::open(&self.manifest).await?)
    }
}

/// Restores everything, and looks at it as the doctor does. Fails where that finds something.
///
/// # Errors
/// When the backup is damaged, the instance is not empty, or something cannot be used.
pub async fn restore(config: &Config, options: Restore) -> Result<ExitCode, StartError> {
    let backup = check(&options).await?;
    config.create_data_dir()?;
    // The private Postgres takes this lock itself.
    let _lock = config.database_url.as_ref().map(|_| private::lock(&config.data_dir)).transpose()?;
    let database = Opened::create(config).await?;
    let restored = match database.server_runs {
        true => Err("Stop Lumina first: a backup is restored into an instance at rest.".into()),
        false => run(config, &backup, &database).await,
    };
    database.close().await?;
    restored
}

/// Reads a whole manifest and the database once, and finds out whether this version knows it.
async fn check(Restore { folder, run }: &Restore) -> Result<From, StartError> {
    if !folder.exists() {
        return Err(format!("{} is not there: it holds no finished backup.", folder.display()).into());
    }
    let backup = Objects::existing(folder)?;
    let runs = runs::finished(&backup)?;
    let names: Vec<_> = runs.iter().map(|path| runs::name(path)).collect();
    let asked = |path: &&PathBuf| run.as_ref().is_none_or(|run| runs::name(path) == *run);
    let Some(path) = runs.iter().rfind(asked) else {
        let (folder, names) = (folder.display(), names.join(", "));
        return Err(match run {
            Some(run) if !names.is_empty() => format!("{folder} holds no run {run:?}, but {names}."),
            _ => format!("{folder} holds no finished backup."),
        }
        .into());
    };
    if let [_, .., _] = names.as_slice() {
        println!("Of the runs {} this is {}; `--run NAME` takes another.", names.join(", "), runs::name(path));
    }
    let mut manifest = Manifest::open(path).await?;
    while let Some(entry) = manifest.next().await? {
        if !backup.has(&entry.sha256, entry.size, false).await? {
            return Err(format!("The backup is damaged: the object of {} is missing or too short.", entry.key).into());
        }
    }
    let header = manifest.header().clone();
    for (what, sha256) in [("database", Some(header.database()?)), ("secret key", header.secret_key()?)] {
        let Some(sha256) = sha256 else { continue };
        if !backup.is_whole(&sha256).await? {
            return Err(format!("The backup is damaged: its {what} is missing or was altered.").into());
        }
    }
    if header.schema > db::newest_migration() {
        return Err("The backup was made by a newer Lumina: restore it with that one.".into());
    }
    Ok(From { objects: backup, manifest: path.clone(), header })
}

async fn run(config: &Config, backup: &From, database: &Opened) -> Result<ExitCode, StartError> {
    let header = &backup.header;
    let url = database.url.clone();
    let alone = spawn_blocking(move || restoring::begin(&url)).await??;
    let url = database.url.clone();
    let programs = spawn_blocking(move || dump::Programs::find(&url)).await??;
    let url = database.url.clone();
    if !spawn_blocking(move || restoring::is_unused(&url)).await?? {
        return Err("There are accounts in this database: a backup is restored into an empty instance only.".into());
    }
    let storage = Storage::open(config).await?;
    refuse_others(backup, &storage).await?;
    refuse_anothers(&database.db, header, &storage).await?;
    println!("Restoring the backup of {} into {storage}.", header.made_at.format("%Y-%m-%d %H:%M:%S UTC"));
    put_objects(backup, &storage).await?;
    ownership::claim(&storage, header.instance).await?;
    if let Some(key) = header.secret_key()? {
        restore_secret(config, &backup.objects, &key).await?;
    }
    let reader = programs.reader(&backup.objects.path(&header.database()?));
    let (url, schema) = (database.url.clone(), header.schema.clone());
    spawn_blocking(move || {
        restoring::take_down(&url)?;
        restoring::fill(&url, &schema, |into| rows::read(reader, into))
    })
    .await??;
    // Opening it asks for the same lock.
    drop(alone);
    let url = database.url.clone();
    let db = spawn_blocking(move || Db::open(&url)).await??;
    // The bytes of photos that were deleted are not in the backup.
    db.long(removal::all_due).await?;
    let outside = spawn_blocking(OutsideDecoder::find).await?;
    let album = Album::open(db, storage, config.limits, outside, false, &InFlight::default())?;
    let is_well = doctor::examine(&album).await?;
    println!("Restored. Start Lumina.");
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Photos that are not this backup's stay nobody's, and would be swept.
async fn refuse_others(backup: &From, storage: &Storage) -> Result<(), StartError> {
    let mut manifest = backup.entries().await?;
    let (mut known, mut listing) = (manifest.next().await?, storage.list(PHOTOS));
    while let Some(listed) = listing.try_next().await? {
        while known.as_ref().is_some_and(|entry| entry.key.to_string() < listed.key) {
            known = manifest.next().await?;
        }
        if known.as_ref().is_none_or(|entry| entry.key.to_string() != listed.key) {
            return Err(format!(
                "{storage} holds {}, which is not in the backup: a backup is restored into an empty instance only.",
                listed.key
            )
            .into());
        }
    }
    Ok(())
}

/// Also where another database has stored nothing yet. This instance's own, which goes now, may have had it.
async fn refuse_anothers(db: &Db, header: &Header, storage: &Storage) -> Result<(), StartError> {
    let Owner::Another(theirs) = ownership::owner_of(storage, header.instance).await? else { return Ok(()) };
    // Without tables it has no id.
    if theirs.is_some() && db.read(instance::id).await.ok() == theirs {
        return Ok(());
    }
    Err(format!("{storage} belongs to another database: a backup is restored into an empty instance only.").into())
}

async fn put_objects(backup: &From, storage: &Storage) -> Result<(), StartError> {
    let mut count = 0;
    let mut manifest = backup.entries().await?;
    while manifest.next().await?.is_some() {
        count += 1;
    }
    let bar = progress(count, "objects");
    let manifest = backup.entries().await?;
    let entries = stream::try_unfold(manifest, async |mut manifest| {
        let entry = manifest.next().await?;
        Ok::<_, StartError>(entry.map(|entry| (entry, manifest)))
    });
    let bar = &bar;
    let putting = entries.map_ok(|entry| async move {
        put(&backup.objects, storage, &entry).await?;
        bar.inc(1);
        Ok(())
    });
    putting.try_buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    bar.finish_and_clear();
    Ok(())
}

async fn put(backup: &Objects, storage: &Storage, entry: &Entry) -> Result<(), StartError> {
    match storage.stat(entry.key).await {
        Ok(size) if size == entry.size && digest(storage, entry.key).await?.1 == entry.sha256 => return Ok(()),
        Ok(_) | Err(StorageError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    if !backup.has(&entry.sha256, entry.size, true).await? {
        return Err(format!("The backup is damaged: the object of {} was altered.", entry.key).into());
    }
    let mut file = fs_err::tokio::File::open(backup.path(&entry.sha256)).await?;
    let (mut temporary, mut chunk) = (storage.temporary(Room::of_our_own()).await?, vec![0; 128 * 1024]);
    loop {
        let read = file.read(&mut chunk).await?;
        match chunk.get(..read) {
            Some(read) if !read.is_empty() => temporary.write(read).await?,
            _ => break,
        }
    }
    Ok(storage.put_file(entry.key, temporary.finish().await?).await?)
}

/// So that who is logged in stays so. A key that was configured is the person's own to keep.
async fn restore_secret(config: &Config, backup: &Objects, key: &Hash) -> Result<(), StartError> {
    if !config.secret_key.is_empty() {
        return Ok(());
    }
    let text = fs_err::tokio::read(backup.path(key)).await?;
    let to: PathBuf = Path::new(&config.data_dir).join("secret_key");
    let data_dir = config.data_dir.clone();
    spawn_blocking(move || {
        // Mode 0600, and whole or not at all.
        let mut file = tempfile::Builder::new().prefix("secret_key.").tempfile_in(&data_dir)?;
        std::io::Write::write_all(&mut file, &text)?;
        file.as_file().sync_all()?;
        file.persist(to)?;
        fs_err::File::open(&data_dir)?.sync_all()
    })
    .await??;
    Ok(())
}
