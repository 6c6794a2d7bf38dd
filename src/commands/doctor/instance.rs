//! Whether the instance can do its work: each thing it needs is tried.

use actix_web::rt::task::spawn_blocking;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use indicatif::HumanBytes;

use super::report::{Check, Report};
use crate::album::Album;
use crate::app::StartError;
use crate::commands::database::{Opened, Schema};
use crate::config::{Config, OidcConfig};
use crate::db::{self, Condition};
use crate::disk_space::DiskSpace;
use crate::error::AppError;
use crate::media::OutsideDecoder;
#[cfg(target_os = "linux")]
use crate::media::outside::{self, Enforced};
use crate::models::instance;
use crate::oidc::Oidc;
use crate::routes;
use crate::storage::{ClockOffset, Storage, StorageError};
use crate::threads::InFlight;

/// By how much another clock may differ, in seconds, before it is worth a word.
const CLOCKS: i64 = 60;

/// What of the instance works.
pub(super) struct Ready {
    pub(super) album: Album,
    pub(super) database: Opened,
}

/// Tries everything; answers what the library is looked at with, if that can be done.
pub(super) async fn look(config: &Config, report: &mut Report) -> Result<Option<Ready>, StartError> {
    let outside = spawn_blocking(OutsideDecoder::find).await?;
    report.check(match outside.missing() {
        Some(what) => Check::note("decoders", what),
        None => {
            Check::fine("decoders", format!("HEIC and AVIF are taken too, by {}", outside.name().unwrap_or("nothing")))
        }
    });
    #[cfg(target_os = "linux")]
    report.check(match spawn_blocking(outside::look).await? {
        Ok(Enforced { files: true, system_calls: true }) => {
            Check::fine("sandbox", "a decoder can read its photo and the system's programs, write the result, and nothing else")
        }
        Ok(Enforced { files: false, system_calls: true }) => Check::note(
            "sandbox",
            "a decoder can open no connection and start no program, but this kernel has no Landlock (Linux 5.13, if it is \
             not switched off): it can read what its account can",
        ),
        Ok(Enforced { files, .. }) => Check::note(
            "sandbox",
            if files {
                "a decoder sees no other files, but on this processor its system calls are not filtered: it can open connections"
            } else {
                "on this processor and kernel a decoder is kept by limits and its account alone"
            },
        ),
        Err(error) => Check::wrong("sandbox", format!("HEIC and AVIF are refused, as their decoder cannot be shut in: {error}")),
    });
    if let Err(nothing) = config.existing_data_dir() {
        report.check(Check::wrong("folder", nothing.to_string()));
        return Ok(None);
    }
    report.check(disk(config));
    if let Some(oidc) = config.oidc.clone() {
        report.check(provider(config, oidc).await);
    }
    let database = database(config, report).await;
    let storage = storage(config, report).await;
    if let Some(oidc) = &config.oidc {
        report.check(provider_clock(oidc).await);
    }
    Ok(match (database, storage) {
        (Some(database), Some(storage)) => {
            let publishes = config.s3.as_ref().is_some_and(|s3| s3.public_url.is_some());
            let album =
                Album::open(database.db.clone(), storage, config.limits, outside, publishes, &InFlight::default())?;
            Some(Ready { album, database })
        }
        (Some(database), None) => {
            database.close().await?;
            None
        }
        (None, _) => None,
    })
}

/// Whether uploads have room.
fn disk(config: &Config) -> Check {
    match DiskSpace::configured(config).look() {
        Ok(free) => {
            let (bytes, reserve) = (HumanBytes(free.bytes), HumanBytes(free.reserve));
            let room = format!("{bytes} are free on the disk of {}", free.folder.display());
            if free.is_full() {
                Check::wrong(
                    "disk",
                    format!("{room}: uploads are refused below {reserve} (limits.disk_reserve_mib). Make room"),
                )
            } else {
                Check::fine("disk", format!("{room}; uploads leave {reserve} of it"))
            }
        }
        Err(error) => Check::note("disk", format!("how full it is cannot be found out: {error}")),
    }
}

/// Whether people can log in with the provider. Everything else goes on without it.
async fn provider(config: &Config, oidc: OidcConfig) -> Check {
    let callback = format!("{}{}", config.public_url.origin(), routes::login_elsewhere_callback());
    let name = oidc.name.clone();
    let checked = match Oidc::new(oidc) {
        Ok(oidc) => oidc.check(&callback).await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(()) => Check::fine("oidc", format!("{name} answers and knows this server")),
        Err(error) => Check::wrong("oidc", error.to_string()),
    }
}

/// The database, if it answers and is up to date.
async fn database(config: &Config, report: &mut Report) -> Option<Opened> {
    let opened = match Opened::open(config, Schema::AsItIs).await {
        Ok(opened) => opened,
        Err(error) => {
            report.check(Check::wrong("database", error.to_string()));
            return None;
        }
    };
    let url = opened.url.clone();
    let condition = match spawn_blocking(move || db::condition(&url)).await {
        Ok(condition) => condition.map_err(|error| error.to_string()),
        Err(panicked) => Err(panicked.to_string()),
    };
    let Condition { server, clock_offset, pending, unfit } = match condition {
        Ok(condition) => condition,
        Err(error) => {
            report.check(Check::wrong("database", error.trim().to_owned()));
            return None;
        }
    };
    let place = if config.database_url.is_some() { "configured" } else { "private" };
    report.check(Check::fine("database", format!("Postgres {server}, the {place} one, answers")));
    report.check(clock(
        "database clock",
        "the database's",
        clock_offset.num_seconds(),
        "logins and links end too early or late",
    ));
    let usable = unfit.is_none() && pending.is_empty();
    report.check(match unfit {
        Some(unfit) => Check::wrong("migrations", unfit.to_string()),
        None if pending.is_empty() => Check::fine("migrations", "up to date"),
        None => Check::wrong(
            "migrations",
            format!(
                "{} are missing ({}): start this version, or run `lumina migrate`",
                pending.len(),
                pending.join(", ")
            ),
        ),
    });
    if usable {
        let role =
            opened.db.read(|conn| Ok::<_, AppError>((instance::take_writes(conn, &[()])?, is_superuser(conn)?))).await;
        report.check(match role {
            Err(error) => Check::wrong("writing", format!("the database takes no writes: {error}")),
            Ok((_, true)) => Check::note(
                "writing",
                "works; Lumina logs in as a superuser, who may do more than it needs: an ordinary role that owns the \
                 database is enough",
            ),
            Ok(_) => Check::fine("writing", "works, by a role that is no superuser"),
        });
        return Some(opened);
    }
    if let Err(error) = opened.close().await {
        report.check(Check::wrong("database", error.to_string()));
    }
    None
}

fn is_superuser(conn: &mut PgConnection) -> diesel::QueryResult<bool> {
    diesel::select(sql::<Bool>("current_setting('is_superuser')::boolean")).get_result(conn)
}

/// Whether what the provider signs is in time here.
async fn provider_clock(config: &OidcConfig) -> Check {
    const NAME: &str = "provider clock";
    let offset = async { Oidc::new(config.clone())?.clock_offset().await };
    match offset.await {
        Ok(Some(apart)) => {
            clock(NAME, "the OpenID Connect provider's", apart.num_seconds(), "logins with it are refused")
        }
        Ok(None) => Check::note(NAME, "the OpenID Connect provider does not say what time it is"),
        Err(error) => Check::wrong(NAME, error.to_string()),
    }
}

/// Whether a clock and this machine's agree.
fn clock(name: &'static str, whose: &str, apart: i64, consequence: &str) -> Check {
    if apart.abs() <= CLOCKS {
        return Check::fine(name, format!("within {} s of {whose}", apart.abs().max(1)));
    }
    let is = if apart > 0 { "ahead of" } else { "behind" };
    let words = format!(
        "this machine's is {} s {is} {whose}, so that {consequence}: set both right, such as by NTP",
        apart.abs()
    );
    Check::wrong(name, words)
}

/// The storage, if it can be read.
async fn storage(config: &Config, report: &mut Report) -> Option<Storage> {
    let storage = match Storage::open_existing(config).await {
        Ok(storage) => storage,
        Err(error) => {
            report.check(Check::wrong("storage", error.to_string()));
            return None;
        }
    };
    report.check(Check::fine("storage", format!("photos are in {storage}")));
    rights(&storage, report).await;
    match storage.clock_offset().await {
        Ok(ClockOffset::SameMachine) => {}
        Ok(ClockOffset::Unknown) => report.check(Check::note("clock", "the bucket does not say what time it is")),
        Ok(ClockOffset::Seconds(apart)) => {
            report.check(clock("clock", "the bucket's", apart, "requests are refused at 900"));
        }
        Err(error) => report.check(Check::wrong("clock", words(&error))),
    }
    Some(storage)
}

/// What photos need. Should removing the object fail that it is tried with, it counts as left behind later.
async fn rights(storage: &Storage, report: &mut Report) {
    for (name, done) in storage.try_rights().await {
        report.check(match done {
            Ok(true) => Check::fine(name, "works"),
            Ok(false) => Check::wrong(name, "does not do what it says"),
            Err(error) => Check::wrong(name, words(&error)),
        });
    }
}

fn words(error: &StorageError) -> String {
    match error {
        StorageError::Unavailable(cause) => cause.to_string(),
        other => other.to_string(),
    }
}
