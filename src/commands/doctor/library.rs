//! Every photo's objects, and every object's photo; and what is mended of that.

use std::collections::HashSet;
use std::thread::available_parallelism;

use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use super::Doctor;
use super::report::{Check, Outcome, Report};
use crate::album::examine::Finding;
use crate::album::library::{self, Beside};
use crate::album::ownership::Owner;
use crate::album::{Album, NotTaken, is_suspicious};
use crate::app::StartError;
use crate::commands::terminal::progress;
use crate::media::{RenditionName, VERSION};
use crate::models::{Photo, PhotoId};
use crate::storage::{Kind, ObjectKey, PUBLIC, UPLOADS};

/// Steps of the walk taken together: those that fit nothing are asked of the database in one query.
const TOGETHER: usize = 500;

/// What of the objects that no row names may be removed.
#[derive(Clone, Copy)]
enum Unnamed {
    Litter,
    /// The storage is not this database's, or is not known to be.
    NotOurs,
    /// Too many.
    Suspicious,
}

/// Looks at all of it.
pub(super) async fn look(album: &Album, options: Doctor, report: &mut Report) -> Result<(), StartError> {
    let unnamed = owner(album, report).await?;
    let total = album.db().long(Photo::count_all).await?;
    let bar = progress(total.unsigned_abs(), "photos");
    let above = |line: String| bar.suspend(|| println!("{line}"));
    let mut walk = library::walk(library::rows(album.db()), album.storage()).try_chunks(TOGETHER);
    while let Some(steps) = walk.try_next().await.map_err(|error| error.1)? {
        let (findings, unnamed) = examine(album, steps, (options.deep, unnamed), report, &bar).await?;
        for finding in findings {
            let outcome = see_to(album, &finding, options.repair, unnamed).await;
            report.finding(finding, outcome, above);
        }
    }
    for prefix in [UPLOADS, PUBLIC] {
        let mut others = album.storage().list(prefix).try_chunks(TOGETHER);
        while let Some(some) = others.try_next().await.map_err(|error| error.1)? {
            some.iter().for_each(|_| report.object());
            let (findings, young) = album.left_behind(some).await?;
            report.unnamed(young);
            for finding in findings {
                let outcome = see_to(album, &finding, options.repair, unnamed).await;
                report.finding(finding, outcome, above);
            }
        }
    }
    bar.finish_and_clear();
    for finding in album.miscounted().await? {
        let outcome = see_to(album, &finding, options.repair, unnamed).await;
        report.finding(finding, outcome, |line| println!("{line}"));
    }
    report.check(Check::fine("counts", "compared with the rows they count"));
    Ok(())
}

/// To another database all photos would look like litter.
async fn owner(album: &Album, report: &mut Report) -> Result<Unnamed, StartError> {
    let (check, unnamed) = match album.owner().await? {
        Owner::Ours => (Check::fine("owner", "the storage is this database's"), Unnamed::Litter),
        Owner::Nobody => (
            Check::note(
                "owner",
                "the storage does not say which database it belongs to; the server writes it down at its start",
            ),
            Unnamed::NotOurs,
        ),
        Owner::Another(_) => (
            Check::wrong(
                "owner",
                "the storage belongs to another database: what this one does not name is left alone. If that one is no more, \
                 remove the object `instance` from the storage and start the server",
            ),
            Unnamed::NotOurs,
        ),
    };
    report.check(check);
    Ok(unnamed)
}

async fn examine(
    album: &Album,
    steps: Vec<Beside>,
    (deep, litter): (bool, Unnamed),
    report: &mut Report,
    bar: &ProgressBar,
) -> Result<(Vec<Finding>, Unnamed), StartError> {
    let (mut photos, mut unnamed) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Beside::Photo(row, stored) => {
                report.photo(stored.len(), row.renditions_version < VERSION);
                photos.push((row, stored));
            }
            Beside::Unnamed(listed) => {
                report.object();
                unnamed.push(listed);
            }
        }
    }
    let named = photos.len();
    let at_once = available_parallelism().map_or(1, Into::into) * 2;
    let mut findings: Vec<Finding> = stream::iter(photos)
        .map(|(row, stored)| async move { album.examine(&row, &stored, deep).await.inspect(|_| bar.inc(1)) })
        .buffered(at_once)
        .try_concat()
        .await?;
    let (left, young) = album.left_behind(unnamed).await?;
    report.unnamed(young);
    let unnamed: HashSet<_> = left.iter().filter_map(Finding::unreferenced).collect();
    let suspicious = matches!(litter, Unnamed::Litter) && is_suspicious(unnamed.len(), unnamed.len() + named);
    findings.extend(left);
    Ok((findings, if suspicious { Unnamed::Suspicious } else { litter }))
}

/// Mends it, if that is asked for and safe.
async fn see_to(album: &Album, finding: &Finding, repair: bool, unnamed: Unnamed) -> Outcome {
    match finding {
        Finding::OriginalMissing { .. } | Finding::OriginalSize { .. } | Finding::OriginalAltered { .. } => Outcome::Left(
            "Nothing can make it anew: put the file back from a backup, or delete the photo. Its row is left as it is.".into(),
        ),
        Finding::Unreadable { .. } => Outcome::Left("Look after the disk or the bucket, then run this again.".into()),
        Finding::UnknownName { .. } => {
            Outcome::Left("Lumina did not put it there and leaves it: move it elsewhere.".into())
        }
        Finding::Unreferenced { .. } if matches!(unnamed, Unnamed::NotOurs) => {
            Outcome::Left("It may be another database's.".into())
        }
        Finding::Unreferenced { .. } if matches!(unnamed, Unnamed::Suspicious) => Outcome::Left(
            "Most of what is stored here is named by no row: is this the right database, in its latest state? If it is, \
             remove these objects by hand."
                .into(),
        ),
        Finding::RenditionMissing { .. } | Finding::RenditionDamaged { .. } if !repair => {
            Outcome::Found("--repair makes it anew from the original.")
        }
        Finding::PublicCopyMissing { .. } if !repair => Outcome::Found("--repair has it copied anew."),
        Finding::Unreferenced { .. } if !repair => Outcome::Found("--repair or the server removes it, a week after either first noted it."),
        Finding::Miscounted { .. } if !repair => Outcome::Found("--repair counts again."),
        Finding::RenditionMissing { photo, rendition } | Finding::RenditionDamaged { photo, rendition } => {
            rebuild(album, PhotoId(*photo), *rendition).await
        }
        Finding::PublicCopyMissing { copy, .. } => outcome(album.withdraw_copy(*copy).await, "the server copies it anew"),
        Finding::Unreferenced { key, .. } => match key.parse() {
            Ok(key) => match album.remove_left_behind(key).await {
                Ok(false) => Outcome::Left(
                    "Noted: the server or --repair removes it a week after that was first done.".into(),
                ),
                done => outcome(done, "removed"),
            },
            Err(_) => Outcome::Left("Its name is not Lumina's.".into()),
        },
        Finding::Miscounted { owner, .. } => outcome(album.recount(*owner).await, "counted anew"),
    }
}

fn outcome<T>(result: Result<T, crate::error::AppError>, what: &'static str) -> Outcome {
    match result {
        Ok(_) => Outcome::Repaired(what),
        Err(error) => Outcome::Left(format!("It could not be mended: {error}.")),
    }
}

async fn rebuild(album: &Album, photo: PhotoId, rendition: RenditionName) -> Outcome {
    // With another one of the same photo?
    let key = ObjectKey::new(photo.0, Kind::Rendition(rendition));
    if album.storage().stat(key).await.is_ok_and(|size| size > 0) {
        return Outcome::Repaired("made anew");
    }
    let made = match album.db().read(move |conn| Photo::whosever(conn, photo)).await {
        // Deleted since.
        Ok(None) => Ok(()),
        Ok(Some(photo)) => album.rebuild(&photo).await,
        Err(error) => Err(NotTaken::Failed(error)),
    };
    match made {
        Ok(()) => Outcome::Repaired("made anew"),
        Err(error) => Outcome::Left(format!("It could not be made anew: {error}.")),
    }
}
