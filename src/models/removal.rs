//! The durable list of stored bytes that are to go; see `removals` in the migrations.
//!
//! A photo's objects are named by its row or by a row here, from before the first byte is stored until after the last
//! one is removed. So a crash at any step leaves nothing that the sweeper cannot find.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Uuid as SqlUuid};

use crate::db::schema::{photos, removals};
use crate::models::clock::from_now;
use crate::models::{PhotoId, UserId, hashtag};

/// For how long a deletion can be undone.
pub const UNDO: TimeDelta = TimeDelta::seconds(60);

/// When removing objects is tried again that could not be removed.
const RETRY: TimeDelta = TimeDelta::minutes(5);

/// The lock that keeps objects from being removed ("lum hold" in ASCII).
const HELD_BACK: i64 = 0x6c75_6d20_686f_6c64;

/// How long taking in one photo may last before its bytes count as left behind.
const TAKE_IN: TimeDelta = TimeDelta::hours(1);

/// Announces that objects of a new photo are about to be stored.
///
/// # Errors
/// Of the database.
pub fn announce(conn: &mut PgConnection, owner: UserId, photo: PhotoId) -> QueryResult<()> {
    diesel::insert_into(removals::table)
        .values((removals::photo_id.eq(photo), removals::owner_id.eq(owner), removals::due_at.eq(from_now(TAKE_IN))))
        .execute(conn)
        .map(drop)
}

/// The photo's row is about to be inserted in this transaction: its objects stay. False when it took so long that the
/// sweeper was there first.
///
/// # Errors
/// Of the database.
pub fn withdraw(conn: &mut PgConnection, photo: PhotoId) -> QueryResult<bool> {
    diesel::delete(
        removals::table.find(photo).filter(removals::photo.is_null().and(removals::due_at.gt(diesel::dsl::now))),
    )
    .execute(conn)
    .map(|rows| rows > 0)
}

/// Makes the objects of a photo that was not taken in due at once, also where the sweeper had done with them before the last
/// one was stored.
///
/// # Errors
/// Of the database.
pub fn hasten(conn: &mut PgConnection, owner: UserId, photo: PhotoId) -> QueryResult<()> {
    let announced = removals::table.find(photo).filter(removals::photo.is_null());
    if diesel::update(announced).set(removals::due_at.eq(diesel::dsl::now)).execute(conn)? > 0 {
        return Ok(());
    }
    // Who inserts the photo's row holds this lock until it is known whether that was committed.
    hashtag::lock_owner(conn, owner).optional()?;
    diesel::sql_query(
        "INSERT INTO removals (photo_id, owner_id, due_at) SELECT $1, $2, now() \
         WHERE NOT EXISTS (SELECT FROM photos WHERE id = $1) ON CONFLICT DO NOTHING",
    )
    .bind::<SqlUuid, _>(photo)
    .bind::<BigInt, _>(owner)
    .execute(conn)
    .map(drop)
}

/// Deletes photos of `owner`: from here on no door shows them. Answers those that were there.
///
/// # Errors
/// Of the database.
pub fn delete_photos(conn: &mut PgConnection, owner: UserId, ids: &[PhotoId]) -> QueryResult<Vec<PhotoId>> {
    hashtag::lock_owner(conn, owner)?;
    let there: Vec<PhotoId> = photos::table
        .filter(photos::owner_id.eq(owner).and(photos::id.eq_any(ids)))
        .select(photos::id)
        .for_update()
        .load(conn)?;
    diesel::sql_query(
        "INSERT INTO removals (photo_id, owner_id, due_at, photo, hashtag_ids) \
         SELECT photos.id, photos.owner_id, now() + make_interval(secs => $2), to_jsonb(photos), \
                ARRAY(SELECT hashtag_id FROM photo_hashtags WHERE photo_id = photos.id) \
         FROM photos WHERE photos.id = ANY($1)",
    )
    .bind::<Array<SqlUuid>, _>(&there)
    .bind::<Double, _>(UNDO.as_seconds_f64())
    .execute(conn)?;
    diesel::delete(photos::table.filter(photos::id.eq_any(&there))).execute(conn)?;
    Ok(there)
}

/// Takes the deletion back that `id` was part of, hashtags and links included. Photos that were deleted together are due
/// at the same instant. Answers those that are back.
///
/// # Errors
/// [`diesel::NotFound`] when it is too late, or nothing of `owner` was deleted under this id.
pub fn restore_photos(conn: &mut PgConnection, owner: UserId, id: PhotoId) -> QueryResult<Vec<PhotoId>> {
    hashtag::lock_owner(conn, owner)?;
    let mine = removals::owner_id.eq(owner).and(removals::photo.is_not_null());
    let due_at: DateTime<Utc> = removals::table
        .find(id)
        .filter(mine)
        .filter(removals::due_at.gt(diesel::dsl::now))
        .for_update()
        .select(removals::due_at)
        .first(conn)?;
    let gone: Vec<PhotoId> = removals::table
        .filter(mine.and(removals::due_at.eq(due_at)))
        .for_update()
        .select(removals::photo_id)
        .load(conn)?;
    for step in [
        "INSERT INTO photos SELECT photo.* FROM removals, jsonb_populate_record(NULL::photos, removals.photo) AS photo \
         WHERE removals.photo_id = ANY($1)",
        "INSERT INTO photo_hashtags (owner_id, hashtag_id, taken_at, photo_id) \
         SELECT photos.owner_id, unnest(removals.hashtag_ids), photos.taken_at, photos.id \
         FROM removals JOIN photos ON photos.id = removals.photo_id WHERE removals.photo_id = ANY($1)",
    ] {
        diesel::sql_query(step).bind::<Array<SqlUuid>, _>(&gone).execute(conn)?;
    }
    finish(conn, &gone)?;
    Ok(gone)
}

/// Keeps objects from being removed until [`let_go`], for one who copies what the rows name now: what is deleted from here on
/// is claimed by nobody. False when somebody else does that. It ends with the connection.
///
/// # Errors
/// Of the database.
pub fn hold_back(conn: &mut PgConnection) -> QueryResult<bool> {
    for _ in 0..20 {
        // A sweeper has it for the moment of a claim.
        if ask(conn, &format!("pg_try_advisory_lock({HELD_BACK})"))? {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(false)
}

/// Lets objects be removed again. False when it was over already.
///
/// # Errors
/// Of the database.
pub fn let_go(conn: &mut PgConnection) -> QueryResult<bool> {
    ask(conn, &format!("pg_advisory_unlock({HELD_BACK})"))
}

fn ask(conn: &mut PgConnection, sql: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::sql::<Bool>(sql)).get_result(conn)
}

/// Nothing that was deleted can be had back any more.
///
/// # Errors
/// Of the database.
pub fn all_due(conn: &mut PgConnection) -> QueryResult<()> {
    diesel::update(removals::table.filter(removals::due_at.gt(diesel::dsl::now)))
        .set(removals::due_at.eq(diesel::dsl::now))
        .execute(conn)
        .map(drop)
}

/// Claims photos whose objects are due to be removed, those claimed before a crash included. From here on neither undo
/// nor a late take-in can have them back: both look at `due_at`, and this update waits for whoever was there first. None while
/// they are [held back](hold_back). To be called in a transaction.
///
/// # Errors
/// Of the database.
pub fn claim_due(conn: &mut PgConnection, limit: i64) -> QueryResult<Vec<PhotoId>> {
    if !ask(conn, &format!("pg_try_advisory_xact_lock_shared({HELD_BACK})"))? {
        return Ok(Vec::new());
    }
    #[derive(QueryableByName)]
    struct Claimed {
        #[diesel(sql_type = SqlUuid)]
        photo_id: PhotoId,
    }
    let claimed: Vec<Claimed> = diesel::sql_query(
        "UPDATE removals SET due_at = '-infinity' WHERE photo_id IN \
         (SELECT photo_id FROM removals WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) \
         RETURNING photo_id",
    )
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    Ok(claimed.into_iter().map(|row| row.photo_id).collect())
}

/// Puts claimed photos off whose objects could not be removed, so that they do not keep the others waiting. They cannot be
/// had back: some of their objects may be gone.
///
/// # Errors
/// Of the database.
pub fn postpone(conn: &mut PgConnection, ids: &[PhotoId]) -> QueryResult<()> {
    diesel::update(removals::table.filter(removals::photo_id.eq_any(ids)))
        .set((removals::due_at.eq(from_now(RETRY)), removals::photo.eq(None::<serde_json::Value>)))
        .execute(conn)
        .map(drop)
}

/// Crosses out photos whose objects are gone.
///
/// # Errors
/// Of the database.
pub fn finish(conn: &mut PgConnection, ids: &[PhotoId]) -> QueryResult<()> {
    diesel::delete(removals::table.filter(removals::photo_id.eq_any(ids))).execute(conn).map(drop)
}
