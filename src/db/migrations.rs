//! The schema and its versions: what a database has, what it lacks, and bringing it up to date.

use chrono::TimeDelta;
use diesel::RunQueryDsl;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::{Pg, PgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::fitness::{Facts, Unfit};
use super::waiting::{connect, connect_once};

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// The SQL files of `migrations/`, in the binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The lock that makes instances which start at once migrate one after the other, and after a restore ("lumina" in ASCII).
pub(super) const MIGRATION_LOCK: i64 = 0x6c75_6d69_6e61;

/// Whether the database at `url` lacks a migration. Waits until it answers.
///
/// # Errors
/// When it will not do, or nothing was ever migrated there.
pub fn is_outdated(url: &str) -> Result<bool, Problem> {
    let mut connection = first_connection(url)?;
    Ok(!Versions::of(&mut connection)?.pending.is_empty())
}

/// Connects to the database at `url` when it answers, and sees whether it will do.
///
/// # Errors
/// When it will not.
pub(super) fn first_connection(url: &str) -> Result<PgConnection, Problem> {
    let mut connection = connect(url)?;
    Facts::of(&mut connection).map_err(Unfit::from)?.check(&mut connection)?;
    let Versions { newest, unknown, .. } = Versions::of(&mut connection)?;
    match unknown.into_iter().max() {
        Some(theirs) => Err(Unfit::Newer { theirs, ours: newest }.into()),
        None => Ok(connection),
    }
}

/// Whether Lumina was ever started on the database at `url`, which is waited for.
///
/// # Errors
/// When it will not do.
pub fn is_in_use(url: &str) -> Result<bool, Problem> {
    let there = diesel::dsl::sql::<diesel::sql_types::Bool>("to_regclass('users') IS NOT NULL");
    Ok(diesel::select(there).get_result(&mut first_connection(url)?)?)
}

/// What a database that answers is.
#[derive(Debug)]
pub struct Condition {
    /// The server's version.
    pub server: String,
    /// How far this machine's clock is ahead of the server's.
    pub clock_offset: TimeDelta,
    /// Versions of the migrations that it lacks.
    pub pending: Vec<String>,
    /// Why it will not do.
    pub unfit: Option<Unfit>,
}

/// Asks the database at `url` once, waiting ten seconds at most, and changes nothing.
///
/// # Errors
/// When it does not answer.
pub fn condition(url: &str) -> Result<Condition, Problem> {
    let mut connection = connect_once(url)?;
    let facts = Facts::of(&mut connection)?;
    let clock_offset = facts.clock_offset();
    if let Err(unfit) = facts.check(&mut connection) {
        return Ok(Condition { server: facts.server, clock_offset, pending: Vec::new(), unfit: Some(unfit) });
    }
    let Versions { newest, pending, unknown } = Versions::of(&mut connection)?;
    let unfit = match unknown.into_iter().max() {
        Some(theirs) => Some(Unfit::Newer { theirs, ours: newest }),
        None if pending.is_empty() => None,
        None => facts.check_migrating(&mut connection).err(),
    };
    Ok(Condition { server: facts.server, clock_offset, pending, unfit })
}

/// Which migrations a database has.
struct Versions {
    /// The newest one that this program has.
    newest: String,
    /// Those that it lacks.
    pending: Vec<String>,
    /// Those that this program does not know.
    unknown: Vec<String>,
}

impl Versions {
    fn of(connection: &mut PgConnection) -> Result<Self, Problem> {
        #[derive(diesel::QueryableByName)]
        struct Applied {
            #[diesel(sql_type = diesel::sql_types::Text)]
            version: String,
        }
        let there = "to_regclass('__diesel_schema_migrations') IS NOT NULL";
        let migrated: bool =
            diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(there)).get_result(connection)?;
        let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations()?;
        let known: Vec<_> = known.iter().map(|migration| migration.name().version().to_string()).collect();
        // Diesel's own question would make the table.
        let applied: Vec<Applied> = match migrated {
            true => diesel::sql_query("SELECT version::text FROM __diesel_schema_migrations").load(connection)?,
            false => Vec::new(),
        };
        let applied: Vec<_> = applied.into_iter().map(|applied| applied.version).collect();
        let without = |all: &[String], but: &[String]| all.iter().filter(|one| !but.contains(one)).cloned().collect();
        let (pending, unknown) = (without(&known, &applied), without(&applied, &known));
        Ok(Self { newest: newest_migration(), pending, unknown })
    }
}

/// The version of the newest migration that this program has.
#[must_use]
pub fn newest_migration() -> String {
    let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().unwrap_or_default();
    known.iter().map(|migration| migration.name().version().to_string()).max().unwrap_or_default()
}

/// Brings the schema up to date; instances that start together do it one after the other.
///
/// # Errors
/// When the lock cannot be had or a migration fails.
pub fn migrate(connection: &mut PgConnection) -> Result<(), Problem> {
    let facts = Facts::of(connection).map_err(Unfit::from)?;
    if Versions::of(connection)?.pending.is_empty() {
        return Ok(());
    }
    facts.check_migrating(connection)?;
    let lock = |connection: &mut PgConnection, function: &str| {
        diesel::sql_query(format!("SELECT {function}({MIGRATION_LOCK})")).execute(connection)
    };
    lock(connection, "pg_advisory_lock")?;
    let outcome = connection.run_pending_migrations(MIGRATIONS).map(|done| {
        for version in done {
            tracing::info!(%version, "database migrated");
        }
    });
    lock(connection, "pg_advisory_unlock")?;
    outcome
}
