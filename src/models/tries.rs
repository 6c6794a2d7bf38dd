//! Tries at what must not be guessed, counted for all instances together.
//!
//! A row holds the times of the last tries that were let through, as many as its limit allows. One more is let through when
//! there is room, or when the oldest has left the window: exact at every moment, where counters that start anew let twice as many through around
//! the hour. One statement a try; Postgres's row lock puts those who try at once in order, and its clock is the only one.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Double, Integer};

use crate::db::schema::known_addresses;

/// What is counted: a keyed hash, so that no address can be read from the table.
pub type Key = [u8; 16];

/// So many in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How it is called in answers.
    pub name: &'static str,
    /// The most tries.
    pub count: u32,
    /// In any stretch of time this long, in seconds.
    pub seconds: u32,
}

#[derive(QueryableByName)]
struct Wait {
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// Counts a try and lets it through, or says how long to wait.
///
/// # Errors
/// Of the database.
pub fn take(conn: &mut PgConnection, key: &Key, limit: Limit) -> QueryResult<Option<Duration>> {
    let taken = diesel::sql_query(
        "INSERT INTO tries AS t (key, times) VALUES ($1, ARRAY[clock_timestamp()]) \
         ON CONFLICT (key) DO UPDATE SET times = \
             CASE WHEN cardinality(t.times) < $2 THEN t.times ELSE t.times[2:] END || clock_timestamp() \
         WHERE cardinality(t.times) < $2 OR t.times[1] <= clock_timestamp() - $3 * interval '1 second'",
    )
    .bind::<Binary, _>(key.as_slice())
    .bind::<Integer, _>(i32::try_from(limit.count).unwrap_or(i32::MAX))
    .bind::<BigInt, _>(i64::from(limit.seconds))
    .execute(conn)?;
    if taken > 0 {
        return Ok(None);
    }
    let wait: Option<Wait> = diesel::sql_query(
        "SELECT extract(epoch FROM times[1] + $2 * interval '1 second' - clock_timestamp())::float8 AS seconds \
         FROM tries WHERE key = $1",
    )
    .bind::<Binary, _>(key.as_slice())
    .bind::<BigInt, _>(i64::from(limit.seconds))
    .get_result(conn)
    .optional()?;
    let seconds = wait.map_or(1.0, |wait| wait.seconds.clamp(1.0, f64::from(limit.seconds)));
    Ok(Some(Duration::from_secs_f64(seconds)))
}

/// Takes one try back: it turned out to be no guess.
///
/// # Errors
/// Of the database.
pub fn give_back(conn: &mut PgConnection, key: &Key) -> QueryResult<()> {
    // The latest one: which of several is the same to the count, and the oldest says when there will be room.
    diesel::sql_query(
        "UPDATE tries SET times = times[:cardinality(times) - 1] WHERE key = $1 AND cardinality(times) > 0",
    )
    .bind::<Binary, _>(key.as_slice())
    .execute(conn)
    .map(drop)
}

/// Remembers an account's address.
///
/// # Errors
/// Of the database.
pub fn know(conn: &mut PgConnection, key: &Key) -> QueryResult<()> {
    diesel::insert_into(known_addresses::table)
        .values(known_addresses::key.eq(key.as_slice()))
        .on_conflict(known_addresses::key)
        .do_update()
        .set(known_addresses::seen_at.eq(diesel::dsl::now))
        .execute(conn)
        .map(drop)
}

/// Whether that is an account's address.
///
/// # Errors
/// Of the database.
pub fn is_known(conn: &mut PgConnection, key: &Key) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(known_addresses::table.find(key.as_slice()))).get_result(conn)
}

/// Deletes what counts no more: tries older than the longest window, an hour, and addresses not seen for 90 days.
///
/// # Errors
/// Of the database.
pub fn sweep(conn: &mut PgConnection) -> QueryResult<usize> {
    let tries = diesel::sql_query(
        "DELETE FROM tries WHERE coalesce(times[cardinality(times)], '-infinity') < now() - interval '1 hour'",
    )
    .execute(conn)?;
    let addresses =
        diesel::sql_query("DELETE FROM known_addresses WHERE seen_at < now() - interval '90 days'").execute(conn)?;
    Ok(tries + addresses)
}
