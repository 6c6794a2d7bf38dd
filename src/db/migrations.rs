//! The schema and its versions: what a database has, what it lacks, and bringing it up to date.

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::{Pg, PgConnection};
use diesel::{Connection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::wait_for;

/// The SQL files of `migrations/`, in the binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The lock that makes instances which start at once migrate one after the other, and after a restore ("lumina" in ASCII).
pub(super) const MIGRATION_LOCK: i64 = 0x6c75_6d69_6e61;

/// Whether the database at `url`, which answers, lacks a migration.
///
/// # Errors
/// When it does not answer, or nothing was ever migrated there.
pub fn is_outdated(url: &str) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    wait_for(url).has_pending_migration(MIGRATIONS)
}

/// Whether Lumina was ever started on the database at `url`, which is waited for.
///
/// # Errors
/// When it does not answer.
pub fn is_in_use(url: &str) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let there = diesel::dsl::sql::<diesel::sql_types::Bool>("to_regclass('users') IS NOT NULL");
    Ok(diesel::select(there).get_result(&mut wait_for(url))?)
}

/// What a database that answers is.
#[derive(Debug)]
pub struct Condition {
    /// The server's version.
    pub server: String,
    /// Versions of the migrations that it lacks.
    pub pending: Vec<String>,
    /// Versions of migrations that this program does not know.
    pub unknown: Vec<String>,
}

/// Asks the database at `url` once, waiting ten seconds at most, and changes nothing.
///
/// # Errors
/// When it does not answer.
pub fn condition(url: &str) -> Result<Condition, Box<dyn std::error::Error + Send + Sync>> {
    #[derive(diesel::QueryableByName)]
    struct Server {
        #[diesel(sql_type = diesel::sql_types::Text)]
        server: String,
        #[diesel(sql_type = diesel::sql_types::Bool)]
        migrated: bool,
    }
    let and = if url.contains('?') { '&' } else { '?' };
    #[expect(clippy::disallowed_methods, reason = "to see whether there is a door")]
    let mut conn = PgConnection::establish(&format!("{url}{and}connect_timeout=10"))?;
    let Server { server, migrated } = diesel::sql_query(
        "SELECT current_setting('server_version') AS server, to_regclass('__diesel_schema_migrations') IS NOT NULL AS migrated",
    )
    .get_result(&mut conn)?;
    let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations()?;
    let known: Vec<_> = known.iter().map(|migration| migration.name().version().to_string()).collect();
    // Asking for them would make the table.
    let applied = if migrated { conn.applied_migrations()? } else { Vec::new() };
    let applied: Vec<_> = applied.iter().map(ToString::to_string).collect();
    let without = |all: &[String], but: &[String]| all.iter().filter(|one| !but.contains(one)).cloned().collect();
    Ok(Condition { server, pending: without(&known, &applied), unknown: without(&applied, &known) })
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
pub fn migrate(connection: &mut PgConnection) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
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
