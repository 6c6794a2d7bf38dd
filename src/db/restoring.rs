//! Putting another database in the place of one that nobody uses yet.

mod fill;

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};
use diesel_migrations::MigrationHarness;

use super::migrations::{MIGRATION_LOCK, MIGRATIONS, first_connection};
use super::{long, waiting};
pub use fill::{Filling, fill};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The `application_name` of who takes tables down and puts others in their place.
pub const APPLICATION_NAME: &str = "lumina restore";

/// Whether nobody has an account in the database at `url`, which is waited for, nor anybody else anything.
///
/// # Errors
/// Of the database.
pub fn is_unused(url: &str) -> Result<bool, Error> {
    let mut conn = waiting::connect(url)?;
    if is(&mut conn, "to_regclass('users') IS NOT NULL AND to_regclass('__diesel_schema_migrations') IS NOT NULL")? {
        return Ok(is(&mut conn, "NOT EXISTS (SELECT FROM users)")?);
    }
    Ok(is(
        &mut conn,
        // A restore that was killed may have begun to make tables.
        "NOT EXISTS (SELECT FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace \
         AND relname <> '__diesel_schema_migrations')",
    )?)
}

/// Keeps the database at `url` to this restore until the connection is dropped: others do not restore into it, and servers that
/// start wait with their migrations. Ends what a [restore](APPLICATION_NAME) that was killed left running there: its sessions
/// outlive it, and would go on in the middle of this one.
///
/// # Errors
/// When somebody else restores or migrates, a session does not end, or the database will not do.
pub fn begin(url: &str) -> Result<PgConnection, Error> {
    drop(first_connection(url)?);
    let mut conn = long::connect(url)?;
    let mut until = |sql: &str, refusal: &str| {
        for _ in 0..100 {
            if is(&mut conn, sql)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err::<(), Error>(refusal.into())
    };
    until(
        &format!("pg_try_advisory_lock({MIGRATION_LOCK})"),
        "Another restore into this database is under way, or a server that starts migrates it.",
    )?;
    until(
        &format!(
            "(SELECT count(pg_terminate_backend(pid)) = 0 FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = '{APPLICATION_NAME}')"
        ),
        "A restore that was killed goes on in the database and does not end: restart Postgres.",
    )?;
    Ok(conn)
}

/// Takes all tables down in the database at `url`, for another to be put in their place. All or none, and none where
/// somebody has an account by now.
///
/// # Errors
/// When somebody has, or a migration cannot be reverted.
pub fn take_down(url: &str) -> Result<(), Error> {
    let mut conn = long::connect(url)?;
    conn.batch_execute(&format!("SET application_name = '{APPLICATION_NAME}'"))?;
    // In one transaction: it ends with who asked for it, where a single statement would go on after a kill.
    conn.transaction(|conn| {
        if is(conn, "to_regclass('users') IS NOT NULL")? {
            conn.batch_execute("LOCK TABLE users")?;
            if is(conn, "EXISTS (SELECT FROM users)")? {
                return Err(
                    "Somebody has made an account in this database meanwhile: is a server running on it?".into()
                );
            }
        }
        conn.revert_all_migrations(MIGRATIONS)?;
        Ok(conn.batch_execute("DROP TABLE IF EXISTS __diesel_schema_migrations")?)
    })
}

fn is(conn: &mut PgConnection, condition: &str) -> diesel::QueryResult<bool> {
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(condition)).get_result(conn)
}
