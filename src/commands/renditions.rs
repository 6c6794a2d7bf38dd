//! `lumina renditions`: makes the renditions anew that are missing or of an older version, with a progress bar.
//!
//! It goes through all photos in the order of their ids and asks of each whether all is there, which is quick. So it can
//! be stopped at any time and started again: what is done is passed over.

use std::future::ready;
use std::thread::available_parallelism;

use actix_web::rt::task::spawn_blocking;
use futures_util::{StreamExt, stream};

use crate::album::{Album, NotTaken};
use crate::app::StartError;
use crate::commands::database::{Opened, Schema};
use crate::commands::terminal::{Stop, progress};
use crate::config::Config;
use crate::media::OutsideDecoder;
use crate::models::Photo;
use crate::storage::Storage;
use crate::threads::InFlight;

/// Photos read from the database at a time.
const PAGE: i64 = 200;

/// What became of one photo.
enum Outcome {
    WasFine,
    Made,
    /// Left as it was: this version does not take its file any more.
    Refused,
    Failed,
}

/// Makes what is missing.
///
/// # Errors
/// When the database or the storage cannot be used, or a photo could not be worked on.
pub async fn renditions(config: &Config) -> Result<(), StartError> {
    let database = Opened::open(config, Schema::UpToDate).await?;
    let storage = Storage::open_existing(config).await?;
    let outside = spawn_blocking(OutsideDecoder::find).await?;
    let album = Album::open(database.db.clone(), storage, config.limits, outside, false, &InFlight::default())?;
    let total = database.db.long(Photo::count_all).await?;
    let bar = progress(total.unsigned_abs(), "photos");
    let (mut made, mut refused, mut failed) = (0, 0, 0);
    let mut after = None;
    let stop = Stop::listen()?;
    while !stop.asked() {
        let photos = album.photos_after(after, PAGE).await?;
        let Some(last) = photos.last() else { break };
        after = Some(last.id);
        let at_once = available_parallelism().map_or(1, Into::into);
        let mut outcomes = stream::iter(photos)
            .take_while(|_| ready(!stop.asked()))
            .map(|photo| see_to(&album, photo))
            .buffer_unordered(at_once);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Outcome::WasFine => {}
                Outcome::Made => made += 1,
                Outcome::Refused => refused += 1,
                Outcome::Failed => failed += 1,
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    drop(album);
    database.close().await?;
    if stop.asked() {
        println!("Stopped. Run it again to go on.");
    }
    println!("{total} photos: {made} made anew, {refused} cannot be read by this version, {failed} failed.");
    if failed > 0 { Err("not all renditions could be made; the log says why. Run it again.".into()) } else { Ok(()) }
}

async fn see_to(album: &Album, photo: Photo) -> Outcome {
    let done = match album.is_complete(&photo).await {
        Ok(true) => return Outcome::WasFine,
        Ok(false) => album.rebuild(&photo).await,
        Err(error) => Err(NotTaken::Failed(error)),
    };
    match done {
        Ok(()) => Outcome::Made,
        Err(NotTaken::Refused(error)) => {
            tracing::warn!(photo = %photo.id, %error, "renditions stay as they are");
            Outcome::Refused
        }
        Err(NotTaken::Failed(error)) => {
            tracing::error!(photo = %photo.id, %error, "making renditions");
            Outcome::Failed
        }
    }
}
