//! Stored objects that no row names; see `strays` in the migrations.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz};

/// Notes that nothing names these objects. Answers those of which that has been known since before `before`.
///
/// # Errors
/// Of the database.
pub fn note(conn: &mut PgConnection, keys: &[String], before: DateTime<Utc>) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Stray {
        #[diesel(sql_type = Text)]
        key: String,
        #[diesel(sql_type = Timestamptz)]
        found_at: DateTime<Utc>,
    }
    let noted: Vec<Stray> = diesel::sql_query(
        "INSERT INTO strays (key) SELECT unnest($1) ON CONFLICT (key) DO UPDATE SET seen_at = now() RETURNING key, found_at",
    )
    .bind::<Array<Text>, _>(keys)
    .load(conn)?;
    Ok(noted.into_iter().filter(|stray| stray.found_at < before).map(|stray| stray.key).collect())
}

/// Forgets those whose keys begin like this and that were not noted lately: they are gone, or named again.
///
/// # Errors
/// Of the database.
pub fn forget(conn: &mut PgConnection, prefix: &str) -> QueryResult<()> {
    diesel::sql_query("DELETE FROM strays WHERE starts_with(key, $1) AND seen_at < now() - interval '1 hour'")
        .bind::<Text, _>(prefix)
        .execute(conn)
        .map(drop)
}
