//! Copies of public photos' renditions that a CDN may read; see `public_copies` in the migrations, whose triggers make them
//! due as soon as a photo is taken back.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::schema::{photos, public_copies, users};
use crate::media::VERSION;
use crate::models::clock::from_now;
use crate::models::{Photo, PhotoId, Visibility, hashtag};

/// How long making the copies of one photo may take before they count as left behind.
const MAKING: TimeDelta = TimeDelta::hours(1);

/// Public photos of active people that have no copies and that nobody is copying.
///
/// # Errors
/// Of the database.
pub fn missing(conn: &mut PgConnection, limit: i64) -> QueryResult<Vec<Photo>> {
    photos::table
        .inner_join(users::table)
        .filter(photos::visibility.eq(Visibility::Public.as_str()).and(photos::public_copy.is_null()))
        .filter(photos::renditions_version.eq(VERSION).and(users::active))
        .filter(not(exists(public_copies::table.filter(public_copies::photo_id.eq(photos::id)))))
        .order(photos::id)
        .limit(limit)
        .select(Photo::as_select())
        .load(conn)
}

/// Copies under this name are about to be stored: false when somebody else is about to store some of the same photo.
///
/// # Errors
/// Of the database.
pub fn announce(conn: &mut PgConnection, id: Uuid, photo: PhotoId) -> QueryResult<bool> {
    let row = (
        public_copies::id.eq(id),
        public_copies::photo_id.eq(photo),
        public_copies::due_at.eq(from_now(MAKING).nullable()),
    );
    let announced = diesel::insert_into(public_copies::table).values(row).on_conflict_do_nothing().execute(conn)?;
    Ok(announced == 1)
}

/// All copies of a photo are there: pages may link to them, unless the photo was taken back meanwhile; then they are due.
///
/// # Errors
/// Of the database.
pub fn complete(conn: &mut PgConnection, id: Uuid, photo: &Photo) -> QueryResult<()> {
    hashtag::lock_owner(conn, photo.owner_id)?;
    let copies = public_copies::table.find(id).filter(public_copies::due_at.gt(diesel::dsl::now));
    // Otherwise they are being removed.
    if diesel::update(copies).set(public_copies::due_at.eq(None::<DateTime<Utc>>)).execute(conn)? == 0 {
        return Ok(());
    }
    let active = users::table.filter(users::active).select(users::id);
    let named = diesel::update(photos::table.find(photo.id))
        .filter(photos::visibility.eq(Visibility::Public.as_str()).and(photos::public_copy.is_null()))
        .filter(photos::renditions_version.eq(photo.renditions_version))
        .filter(photos::owner_id.eq_any(active))
        .set(photos::public_copy.eq(id))
        .execute(conn)?;
    if named == 0 {
        postpone(conn, id, TimeDelta::zero())?;
    }
    Ok(())
}

/// Copies that are to go, from the earliest on. Removing them twice is fine.
///
/// # Errors
/// Of the database.
pub fn due(conn: &mut PgConnection, limit: i64) -> QueryResult<Vec<Uuid>> {
    let due = public_copies::table.filter(public_copies::due_at.le(diesel::dsl::now));
    due.order(public_copies::due_at).limit(limit).select(public_copies::id).load(conn)
}

/// Copies are to go so much later than now: perhaps they can be removed then.
///
/// # Errors
/// Of the database.
pub fn postpone(conn: &mut PgConnection, id: Uuid, by: TimeDelta) -> QueryResult<()> {
    diesel::update(public_copies::table.find(id))
        .set(public_copies::due_at.eq(from_now(by).nullable()))
        .execute(conn)
        .map(drop)
}

/// Forgets copies that are gone.
///
/// # Errors
/// Of the database.
pub fn forget(conn: &mut PgConnection, id: Uuid) -> QueryResult<()> {
    diesel::delete(public_copies::table.find(id)).execute(conn).map(drop)
}

/// A copy that pages link to: the one that [`withdraw_some`] takes back last.
///
/// # Errors
/// Of the database.
pub fn any(conn: &mut PgConnection) -> QueryResult<Option<Uuid>> {
    let named = photos::table.filter(photos::public_copy.is_not_null()).select(photos::public_copy.assume_not_null());
    named.order(photos::id).first(conn).optional()
}

/// A photo is to be copied anew.
///
/// # Errors
/// Of the database.
pub fn withdraw(conn: &mut PgConnection, id: Uuid) -> QueryResult<()> {
    let photo = diesel::update(photos::table.filter(photos::public_copy.eq(id)));
    photo.set(photos::public_copy.eq(None::<Uuid>)).execute(conn).map(drop)
}

/// So many photos are to be copied anew. Answers how many there were.
///
/// # Errors
/// Of the database.
pub fn withdraw_some(conn: &mut PgConnection, limit: i64) -> QueryResult<usize> {
    let some = photos::table.filter(photos::public_copy.is_not_null()).order(photos::id.desc());
    let some = some.limit(limit).for_update().skip_locked().select(photos::id).load(conn)?;
    withdraw_each(conn, some)
}

/// Takes back so many photos of people who are not active any more: nobody sees these, but who knows a copy's address
/// could still fetch it. Answers how many there were.
///
/// # Errors
/// Of the database.
pub fn withdraw_of_inactive(conn: &mut PgConnection, limit: i64) -> QueryResult<usize> {
    let inactive = users::table.filter(not(users::active)).select(users::id);
    let some = photos::table.filter(photos::owner_id.eq_any(inactive).and(photos::public_copy.is_not_null()));
    let some = some.limit(limit).for_update().skip_locked().select(photos::id).load(conn)?;
    withdraw_each(conn, some)
}

fn withdraw_each(conn: &mut PgConnection, photos: Vec<PhotoId>) -> QueryResult<usize> {
    let named = diesel::update(photos::table.filter(photos::id.eq_any(photos)));
    named.set(photos::public_copy.eq(None::<Uuid>)).execute(conn)
}
