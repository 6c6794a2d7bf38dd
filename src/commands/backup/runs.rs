//! The runs of a backup that are kept: one manifest each, named by when it was made. They share their objects, and an object
//! goes when none of them names it.
//!
//! `manifest` beside the folder `manifests` is the one run that an older Lumina kept; it is one of them.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use actix_web::rt::task::spawn_blocking;
use chrono::{DateTime, Utc};
use fs_err::{self as fs, File};

use super::manifest::{Header, Manifest, Written};
use super::objects::{Objects, begin_of};

/// The manifest of an older Lumina.
const ONLY: &str = "manifest";

/// The manifests of all finished runs, the latest last.
///
/// # Errors
/// When the folder cannot be read.
pub fn finished(of: &Objects) -> io::Result<Vec<PathBuf>> {
    let mut runs = files_in(&of.folder().join("manifests"))?;
    let only = of.folder().join(ONLY);
    if only.is_file() {
        runs.insert(0, only);
    }
    Ok(runs)
}

/// The manifests of runs that were stopped.
///
/// # Errors
/// When the folder cannot be read.
pub fn unfinished(of: &Objects) -> io::Result<Vec<PathBuf>> {
    files_in(&of.folder().join("unfinished"))
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// As people name it.
pub fn name(run: &Path) -> String {
    run.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn name_of(made_at: DateTime<Utc>) -> String {
    made_at.format("%Y-%m-%dT%H-%M-%S%.3fZ").to_string()
}

/// Begins a new one.
///
/// # Errors
/// When it cannot be written.
pub async fn begin(of: &Objects, header: &Header) -> io::Result<Written> {
    let folder = of.folder().join("unfinished");
    let file = spawn_blocking(move || tempfile::Builder::new().prefix("run-").tempfile_in(folder)).await??;
    let (file, path) = file.keep().map_err(|error| error.error)?;
    Written::begin(File::from_parts(file, path), header).await
}

/// Makes a run one of those that are kept, for good. Then those before the last `keep` go, and those that were stopped.
/// Answers the manifests of those that are kept.
///
/// # Errors
/// When it cannot be written.
pub async fn keep(of: &Objects, written: Written, made_at: DateTime<Utc>, keep: usize) -> io::Result<Vec<PathBuf>> {
    let path = written.finish().await?;
    let (folder, name) = (of.folder().join("manifests"), name_of(made_at));
    let (this, before) = (of.clone(), finished(of)?);
    spawn_blocking(move || {
        let new = folder.join(name);
        fs::rename(path, &new)?;
        File::open(&folder)?.sync_all()?;
        let mut others: Vec<_> = before.into_iter().filter(|run| *run != new).collect();
        let old = others.len().saturating_sub(keep.saturating_sub(1));
        for run in others.drain(..old).chain(unfinished(&this)?) {
            fs::remove_file(run)?;
        }
        others.push(new);
        Ok::<_, io::Error>(others)
    })
    .await?
}

/// Removes the objects that none of the kept runs names. Answers how many.
///
/// # Errors
/// When a manifest cannot be read: then none is removed.
pub async fn remove_unnamed(of: &Objects, kept: &[PathBuf]) -> io::Result<u64> {
    let mut named = Vec::new();
    for run in kept {
        let mut manifest = Manifest::open(run).await?;
        let header = manifest.header();
        named.extend([header.database()?].iter().chain(&header.secret_key()?).map(begin_of));
        while let Some(entry) = manifest.next().await? {
            named.push(begin_of(&entry.sha256));
        }
        named.sort_unstable();
        named.dedup();
    }
    let this = of.clone();
    spawn_blocking(move || this.keep_only(&named)).await?
}
