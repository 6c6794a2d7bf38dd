//! Every photo's objects, and every object's photo; and what is mended of that.

use std::thread::available_parallelism;

use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use super::Doctor;
use super::report::{Check, Outcome, Report};
use crate::album::examine::Finding;
use crate::album::library::{self, Beside};
use crate::album::{Album, NotTaken};
use crate::app::StartError;
use crate::commands::terminal::progress;
use crate::media::VERSION;
use crate::models::{Photo, PhotoId};
use crate::storage::{PUBLIC, UPLOADS};

/// Steps of the walk taken together: those that fit nothing are asked of the database in one query.
const TOGETHER: usize = 100;

/// Looks at all of it.
pub(super) async fn look(album: &Album, options: Doctor, report: &mut Report) -> Result<(), StartError> {
    let total = album.db().read(Photo::count_all).await?;
    let bar = progress(total.unsigned_abs(), "photos");
    let above = |line: String| bar.suspend(|| println!("{line}"));
    let mut walk = library::walk(library::rows(album.db()), album.storage()).try_chunks(TOGETHER);
    while let Some(steps) = walk.try_next().await.map_err(|error| error.1)? {
        for finding in examine(album, steps, options.deep, report, &bar).await? {
            let outcome = see_to(album, &finding, options.repair).await;
            report.finding(finding, outcome, above);
        }
    }
    for prefix in [UPLOADS, PUBLIC] {
        let mut others = album.storage().list(prefix).try_chunks(TOGETHER);
        while let Some(some) = others.try_next().await.map_err(|error| error.1)? {
            some.iter().for_each(|_| report.object());
            for finding in album.left_behind(some).await? {
                let outcome = see_to(album, &finding, options.repair).await;
                report.finding(finding, outcome, above);
            }
        }
    }
    bar.finish_and_clear();
    for finding in album.miscounted().await? {
        let outcome = see_to(album, &finding, options.repair).await;
        report.finding(finding, outcome, |line| println!("{line}"));
    }
    report.check(Check::fine("counts", "compared with the rows they count"));
    Ok(())
}

async fn examine(
    album: &Album,
    steps: Vec<Beside>,
    deep: bool,
    report: &mut Report,
    bar: &ProgressBar,
) -> Result<Vec<Finding>, StartError> {
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
    let at_once = available_parallelism().map_or(1, Into::into) * 2;
    let mut findings: Vec<Finding> = stream::iter(photos)
        .map(|(row, stored)| async move { album.examine(&row, &stored, deep).await.inspect(|_| bar.inc(1)) })
        .buffered(at_once)
        .try_concat()
        .await?;
    findings.extend(album.left_behind(unnamed).await?);
    Ok(findings)
}

/// Mends it, if that is asked for and safe.
async fn see_to(album: &Album, finding: &Finding, repair: bool) -> Outcome {
    match finding {
        Finding::OriginalMissing { .. } | Finding::OriginalSize { .. } | Finding::OriginalAltered { .. } => Outcome::Left(
            "Nothing can make it anew: put the file back from a backup, or delete the photo. Its row is left as it is.".into(),
        ),
        Finding::Unreadable { .. } => Outcome::Left("Look after the disk or the bucket, then run this again.".into()),
        Finding::UnknownName { .. } => {
            Outcome::Left("Lumina did not put it there and leaves it: move it elsewhere.".into())
        }
        _ if !repair => Outcome::Found("--repair mends it."),
        Finding::RenditionMissing { photo, .. } | Finding::RenditionDamaged { photo, .. } => {
            rebuild(album, PhotoId(*photo)).await
        }
        Finding::Unreferenced { key, .. } => match key.parse() {
            Ok(key) => outcome(album.remove_left_behind(key).await, "removed"),
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

async fn rebuild(album: &Album, photo: PhotoId) -> Outcome {
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
