//! `lumina doctor`: whether everything is as it should be, first the instance, then every photo and every stored object.
//!
//! It reads rows and objects as two sorted streams, so it takes as long as listing them and the same memory however many there
//! are. The server may run: what changes meanwhile is looked at again before it counts.

mod instance;
mod library;
mod report;

use std::process::ExitCode;

use clap::Args;

use crate::album::Album;
use crate::app::StartError;
use crate::config::{Config, Problems};
use report::{Check, Report};

/// What to look at, and what to do about it.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Doctor {
    /// Also read every original and compare its SHA-256, and look after the copies for a CDN.
    #[arg(long)]
    deep: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Mend what can be mended without loss: make renditions anew, remove what belongs to no photo, count again.
    #[arg(long)]
    repair: bool,
}

/// Looks at everything and prints what it finds. Fails where something is wrong and was not repaired.
///
/// # Errors
/// When the database or the storage goes away meanwhile.
pub async fn doctor(config: Result<Config, Problems>, options: Doctor) -> Result<ExitCode, StartError> {
    let mut report = Report::begin(options.json);
    match config {
        Ok(config) => {
            report.check(Check::fine("configuration", "every setting is understood"));
            if let Some(ready) = instance::look(&config, &mut report).await? {
                let checked = library::look(&ready.album, options, &mut report).await;
                ready.database.close().await?;
                checked?;
            }
        }
        Err(problems) => report.check(Check::wrong("configuration", problems.to_string())),
    }
    report.finish();
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Looks at the library alone, at the end of a command that has filled it.
///
/// # Errors
/// As [`doctor`].
pub(super) async fn examine(album: &Album) -> Result<bool, StartError> {
    let mut report = Report::begin(false);
    library::look(album, Doctor::default(), &mut report).await?;
    report.finish();
    Ok(report.is_clean())
}
