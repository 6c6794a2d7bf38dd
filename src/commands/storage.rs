//! `lumina storage copy --to FILE`: takes all photos' bytes to another storage while the server runs: from disk to a bucket,
//! back, or from bucket to bucket.
//!
//! The target is that of a second configuration file, the one to use afterwards. What is there already is compared by its
//! hash and left, so that a copy that was stopped goes on. What came in while it ran is taken by further passes, which
//! compare sizes alone; what is deleted meanwhile and was copied is left behind there, for the sweeper to remove.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::HumanBytes;
use uuid::Uuid;

use crate::album::examine::promised;
use crate::album::library::{self, Beside};
use crate::album::ownership::{self, Owner};
use crate::album::transfer::{self, NotMoved};
use crate::app::StartError;
use crate::commands::database::{Opened, Schema};
use crate::commands::terminal::{Stop, progress};
use crate::config::Config;
use crate::db::Db;
use crate::models::inventory::Inventoried;
use crate::models::{Photo, instance};
use crate::storage::{Kind, Listed, Listing, ObjectKey, PHOTOS, Storage, StorageError};

/// Objects copied at a time.
const AT_ONCE: usize = 16;

/// Passes that look for what came in meanwhile.
const PASSES: u32 = 5;

/// What to do with photos' bytes.
#[derive(Subcommand, Clone, Debug)]
pub enum StorageCommand {
    /// Copy all photos' bytes to another storage. The server may run meanwhile.
    Copy(Copy),
}

/// Where to, and how thoroughly.
#[derive(Args, Clone, Debug)]
pub struct Copy {
    /// A configuration file that names the other storage: its s3 settings, or without them its data_dir.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Of what is there already compare the sizes alone, not the bytes.
    #[arg(long)]
    quick: bool,
}

/// Copies everything. Fails where something could not be copied.
///
/// # Errors
/// When the database or a storage cannot be used.
pub async fn storage(config: &Config, command: StorageCommand) -> Result<ExitCode, StartError> {
    let StorageCommand::Copy(Copy { to, quick }) = command;
    let target = Config::load(Some(&to), [])?;
    let database = Opened::open(config, Schema::UpToDate).await?;
    let copied = open_and_copy(config, &target, &database.db, quick).await;
    database.close().await?;
    let (stopped, done) = copied?;
    Ok(done.tell(stopped, &to, target.s3.is_some()))
}

async fn open_and_copy(config: &Config, target: &Config, db: &Db, quick: bool) -> Result<(bool, Done), StartError> {
    let from = Storage::open_existing(config).await?;
    let there = match &target.s3 {
        // Files on their way lie where they do anyway.
        Some(s3) => Storage::s3(&config.data_dir, s3).await?,
        None => Storage::disk(&target.data_dir).await?,
    };
    copy(db, from, there, quick).await
}

/// Answers also whether it was stopped.
async fn copy(db: &Db, from: Storage, to: Storage, quick: bool) -> Result<(bool, Done), StartError> {
    let ours = db.read(instance::id).await?;
    if matches!(ownership::owner_of(&from, ours).await?, Owner::Another(_)) {
        return Err(
            format!("{from} belongs to another database than the one in use: nothing is copied from there.").into()
        );
    }
    match ownership::owner_of(&to, ours).await? {
        Owner::Another(_) => {
            return Err(format!(
                "{to} holds the photos of another database: name an empty one. If that database is no more, remove \
                 everything from there first."
            )
            .into());
        }
        _ if are_one(&from, &to).await? => return Err(format!("{to} is where the photos are already.").into()),
        Owner::Ours => {}
        Owner::Nobody => ownership::claim(&to, ours).await?,
    }
    println!("Copying from {from} to {to}.");
    let mut copying = Copying { db: db.clone(), from, to, stop: Stop::listen()?, done: Done::default() };
    copying.all(quick).await?;
    Ok((copying.stop.asked(), copying.done))
}

/// Whether what is put into one is in the other.
async fn are_one(one: &Storage, other: &Storage) -> Result<bool, StorageError> {
    let probe = ObjectKey::new(Uuid::now_v7(), Kind::Original);
    other.put_bytes(probe, b"lumina storage copy".to_vec()).await?;
    let there = one.has(probe).await;
    other.delete(probe).await?;
    there
}

struct Copying {
    db: Db,
    from: Storage,
    to: Storage,
    stop: Stop,
    done: Done,
}

/// What became of all objects.
#[derive(Debug, Default)]
struct Done {
    copied: u64,
    bytes: u64,
    there: u64,
    failed: u64,
}

enum Outcome {
    Copied(u64),
    WasThere,
    /// The photo was deleted meanwhile.
    Gone,
    Failed(ObjectKey, NotMoved),
}

impl Copying {
    async fn all(&mut self, quick: bool) -> Result<(), StartError> {
        for pass in 0..PASSES {
            let before = self.done.copied;
            self.done.there = 0;
            self.done.failed = 0;
            self.pass(quick || pass > 0).await?;
            if self.stop.asked() || self.done.copied == before {
                break;
            }
        }
        Ok(())
    }

    /// Goes through all photos once.
    async fn pass(&mut self, quick: bool) -> Result<(), StartError> {
        let bar = progress(self.db.long(Photo::count_all).await?.unsigned_abs(), "photos");
        let mut there = There { listing: self.to.list(PHOTOS), next: None };
        let walk = library::walk(library::rows(&self.db), &self.from);
        let stop = self.stop.clone();
        let mut photos = walk.try_take_while(move |_| std::future::ready(Ok(!stop.asked())));
        let (db, from, to) = (&self.db, &self.from, &self.to);
        let mut waiting = stream::FuturesUnordered::new();
        while let Some(step) = photos.try_next().await? {
            let Beside::Photo(row, stored) = step else { continue };
            for (key, size) in objects(&row, &stored) {
                let same_size = there.size_of(key).await?.is_some_and(|there| Some(there) == size);
                let row = row.clone();
                waiting.push(async move {
                    match see_to(from, to, &row, key, same_size, quick).await {
                        Ok(outcome) => Ok(outcome),
                        Err(error) => match db.read(move |conn| Inventoried::now(conn, row.id)).await? {
                            None => Ok(Outcome::Gone),
                            Some(_) if is_up(from, to).await => Ok(Outcome::Failed(key, error)),
                            Some(_) => Err(StartError::from(error)),
                        },
                    }
                });
                while waiting.len() >= AT_ONCE {
                    self.done.count(waiting.next().await.transpose()?, |line| bar.suspend(|| println!("{line}")));
                }
            }
            bar.inc(1);
        }
        while let Some(outcome) = waiting.next().await {
            self.done.count(Some(outcome?), |line| bar.suspend(|| println!("{line}")));
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// A photo's objects with the sizes they were listed with; what the row promises and was not listed has none.
fn objects(row: &Inventoried, stored: &[(Kind, Listed)]) -> Vec<(ObjectKey, Option<u64>)> {
    let key = |kind| ObjectKey::new(row.id.0, kind);
    let listed = stored.iter().map(|(kind, listed)| (key(*kind), Some(listed.size)));
    let missing = promised(row).filter(|kind| stored.iter().all(|(of, _)| of != kind));
    let mut objects: Vec<_> = listed.chain(missing.map(|kind| (key(kind), None))).collect();
    // As the target lists them.
    objects.sort_by_cached_key(|(key, _)| key.to_string());
    objects
}

async fn see_to(
    from: &Storage,
    to: &Storage,
    row: &Inventoried,
    key: ObjectKey,
    same_size: bool,
    quick: bool,
) -> Result<Outcome, NotMoved> {
    if same_size && (quick || transfer::is_same(from, to, key, &row.sha256).await?) {
        return Ok(Outcome::WasThere);
    }
    transfer::copy(from, to, key, &row.sha256).await.map(Outcome::Copied)
}

async fn is_up(from: &Storage, to: &Storage) -> bool {
    from.is_up().await.is_ok() && to.is_up().await.is_ok()
}

/// What the target has, asked for in the order of the keys.
struct There {
    listing: Listing,
    next: Option<Listed>,
}

impl There {
    async fn size_of(&mut self, key: ObjectKey) -> Result<Option<u64>, StorageError> {
        let key = key.to_string();
        while self.next.as_ref().is_none_or(|next| next.key < key) {
            self.next = self.listing.try_next().await?;
            if self.next.is_none() {
                return Ok(None);
            }
        }
        Ok(self.next.as_ref().filter(|next| next.key == key).map(|next| next.size))
    }
}

impl Done {
    fn count(&mut self, outcome: Option<Outcome>, say: impl Fn(String)) {
        match outcome {
            Some(Outcome::Copied(bytes)) => (self.copied, self.bytes) = (self.copied + 1, self.bytes + bytes),
            Some(Outcome::WasThere) => self.there += 1,
            Some(Outcome::Failed(key, error)) => {
                self.failed += 1;
                say(format!("not copied: {key}: {error}"));
            }
            Some(Outcome::Gone) | None => {}
        }
    }

    fn tell(self, stopped: bool, to: &Path, bucket: bool) -> ExitCode {
        let Self { copied, bytes, there, failed } = self;
        println!("{copied} objects copied ({}), {there} are there, {failed} could not be copied.", HumanBytes(bytes));
        let file = to.display();
        if stopped {
            println!("Stopped. Run it again to go on.");
        } else if failed > 0 {
            println!("`lumina doctor --deep` says more of those. What can be copied is there.");
        } else {
            println!("Everything is there. To use it from now on:");
            println!("  1. stop Lumina;");
            println!("  2. run `lumina storage copy --to {file} --quick` once more, for what came in meanwhile;");
            match bucket {
                true => println!("  3. put the s3 settings of {file} in place of those in use;"),
                false => println!(
                    "  3. take the s3 settings out (if {file} has another data_dir: also move the folder photos there into yours);"
                ),
            }
            println!("  4. start Lumina, and see with `lumina doctor` that all is well.");
            println!("Nothing was removed from where the photos are now.");
        }
        if stopped || failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
