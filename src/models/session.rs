//! Signed-in devices and programs. A browser's signed cookie or a program's access token names a row here, and the row
//! decides: without it cookie and token are worth nothing.
//!
//! A program's row also knows its one refresh token that still counts, which changes at each use. Whoever shows an older
//! one has a copy, or the other one has: the row goes, and with it every token that was made from it.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use serde_json::Value;

use crate::db::schema::{sessions, users};
use crate::models::{SessionId, User, UserId};
use crate::tokens::{GenuineRefreshToken, ShownRefreshToken};

/// A device that was not seen for this long is signed out.
pub const IDLE_DAYS: i64 = 30;

/// A row is marked as seen at most this often: writing at every request would cost more than reading the page.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(10);

/// A row of `sessions`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
pub struct Session {
    /// Named by the cookie; also how the account page speaks of it.
    pub id: SessionId,
    /// What the browser said it is.
    pub user_agent: String,
    /// What next pages say: a list, the latest last.
    pub notice: Option<Value>,
    /// When the device signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last seen, give or take ten minutes.
    pub last_seen_at: DateTime<Utc>,
    /// SHA-256 of the secret in a program's refresh token; `None` for a browser.
    pub refresh_hash: Option<Vec<u8>>,
}

/// What came of showing a refresh token.
#[derive(Debug)]
pub enum Rotation {
    /// It was the one that counts; from now on the new one does.
    Done(Box<User>),
    /// It was made here and is not the one that counts: an older one. The session is over.
    Reused,
    /// There is no such session, its user is disabled, or the token was made up. Nothing has changed.
    Unknown,
}

impl Session {
    /// Signs a device in, or a program with the hash of its first refresh token.
    ///
    /// # Errors
    /// Of the database.
    pub fn start(
        conn: &mut PgConnection,
        id: SessionId,
        user: UserId,
        user_agent: &str,
        refresh_hash: Option<&[u8]>,
    ) -> QueryResult<()> {
        let user_agent: String = user_agent.chars().filter(|c| !c.is_control()).take(512).collect();
        diesel::insert_into(sessions::table)
            .values((
                sessions::id.eq(id),
                sessions::user_id.eq(user),
                sessions::user_agent.eq(user_agent),
                sessions::refresh_hash.eq(refresh_hash),
            ))
            .execute(conn)
            .map(drop)
    }

    /// The live session and its active user.
    ///
    /// # Errors
    /// Of the database.
    pub fn find(conn: &mut PgConnection, id: SessionId) -> QueryResult<Option<(Self, User)>> {
        let found: Option<(Self, User)> = sessions::table
            .inner_join(users::table)
            .filter(sessions::id.eq(id))
            .filter(sessions::last_seen_at.gt(Utc::now() - TimeDelta::days(IDLE_DAYS)))
            .filter(users::active)
            .select((Self::as_select(), User::as_select()))
            .first(conn)
            .optional()?;
        Self::count_as_seen(conn, found.iter().map(|(session, _)| (session.id, session.last_seen_at)))?;
        Ok(found)
    }

    /// These sessions, each with when it was last seen, are seen now. Waits for nobody: a row that somebody holds is marked at
    /// the next request.
    ///
    /// # Errors
    /// Of the database.
    pub(super) fn count_as_seen(
        conn: &mut PgConnection,
        seen: impl Iterator<Item = (SessionId, DateTime<Utc>)>,
    ) -> QueryResult<()> {
        let now = Utc::now();
        let stale: Vec<_> = seen.filter(|(_, seen)| now - seen > SEEN_EVERY).map(|(id, _)| id).collect();
        if stale.is_empty() {
            return Ok(());
        }
        let mark = diesel::sql_query(
            "UPDATE sessions SET last_seen_at = now() \
             WHERE id IN (SELECT id FROM sessions WHERE id = ANY($1) FOR UPDATE SKIP LOCKED)",
        );
        mark.bind::<Array<SqlUuid>, _>(stale).execute(conn).map(drop)
    }

    /// Puts the hash of the next refresh token in place of the shown one's, if that is the one that counts. Two who show the
    /// same one at once come one after the other, and the second ends the session.
    ///
    /// # Errors
    /// Of the database.
    pub fn rotate(conn: &mut PgConnection, shown: &ShownRefreshToken, next: &[u8]) -> QueryResult<Rotation> {
        let row: Option<(UserId, Option<Vec<u8>>)> = sessions::table
            .find(shown.session)
            .filter(sessions::refresh_hash.is_not_null())
            .filter(sessions::last_seen_at.gt(Utc::now() - TimeDelta::days(IDLE_DAYS)))
            .for_update()
            .select((sessions::user_id, sessions::refresh_hash))
            .first(conn)
            .optional()?;
        let Some((user, current)) = row else { return Ok(Rotation::Unknown) };
        if current.as_ref() != Some(&shown.hash) {
            let Some(genuine) = shown.genuine else { return Ok(Rotation::Unknown) };
            Self::end_reused(conn, genuine)?;
            return Ok(Rotation::Reused);
        }
        let user = users::table.find(user).filter(users::active).select(User::as_select()).first(conn).optional()?;
        let Some(user) = user else { return Ok(Rotation::Unknown) };
        diesel::update(sessions::table.find(shown.session))
            .set((sessions::refresh_hash.eq(next), sessions::last_seen_at.eq(diesel::dsl::now)))
            .execute(conn)?;
        Ok(Rotation::Done(Box::new(user)))
    }

    /// Ends the session of a program that shows its refresh token. False when that is not the one that counts; an older one
    /// ends the session too.
    ///
    /// # Errors
    /// Of the database.
    pub fn end_by_refresh(conn: &mut PgConnection, shown: &ShownRefreshToken) -> QueryResult<bool> {
        let this = sessions::table.find(shown.session).filter(sessions::refresh_hash.eq(&shown.hash));
        if diesel::delete(this).execute(conn)? > 0 {
            return Ok(true);
        }
        shown.genuine.map(|genuine| Self::end_reused(conn, genuine)).transpose()?;
        Ok(false)
    }

    /// Ends the session of a program one of whose older refresh tokens was shown.
    fn end_reused(conn: &mut PgConnection, genuine: GenuineRefreshToken) -> QueryResult<()> {
        let this = sessions::table.find(genuine.session()).filter(sessions::refresh_hash.is_not_null());
        diesel::delete(this).execute(conn).map(drop)
    }

    /// The devices on which `user` is signed in, the latest first.
    ///
    /// # Errors
    /// Of the database.
    pub fn of_user(conn: &mut PgConnection, user: UserId) -> QueryResult<Vec<Self>> {
        sessions::table
            .filter(sessions::user_id.eq(user))
            .filter(sessions::last_seen_at.gt(Utc::now() - TimeDelta::days(IDLE_DAYS)))
            .order((sessions::last_seen_at.desc(), sessions::created_at.desc()))
            .select(Self::as_select())
            .load(conn)
    }

    /// Signs one device of `user` out. False when there is no such device.
    ///
    /// # Errors
    /// Of the database.
    pub fn end(conn: &mut PgConnection, user: UserId, id: SessionId) -> QueryResult<bool> {
        diesel::delete(sessions::table.find(id).filter(sessions::user_id.eq(user))).execute(conn).map(|rows| rows > 0)
    }

    /// Signs all devices of `user` out but `kept`.
    ///
    /// # Errors
    /// Of the database.
    pub fn end_others(conn: &mut PgConnection, user: UserId, kept: SessionId) -> QueryResult<usize> {
        diesel::delete(sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::id.ne(kept))).execute(conn)
    }

    /// Signs all devices of `user` out.
    ///
    /// # Errors
    /// Of the database.
    pub fn end_all(conn: &mut PgConnection, user: UserId) -> QueryResult<usize> {
        diesel::delete(sessions::table.filter(sessions::user_id.eq(user))).execute(conn)
    }

    /// What next pages say; until the transaction ends nobody else changes that.
    ///
    /// # Errors
    /// Of the database.
    pub fn notice_to_change(conn: &mut PgConnection, id: SessionId) -> QueryResult<Option<Value>> {
        let row: Option<Option<Value>> =
            sessions::table.find(id).for_update().select(sessions::notice).first(conn).optional()?;
        Ok(row.flatten())
    }

    /// Says what next pages say.
    ///
    /// # Errors
    /// Of the database.
    pub fn set_notice(conn: &mut PgConnection, id: SessionId, notice: Option<Value>) -> QueryResult<()> {
        diesel::update(sessions::table.find(id)).set(sessions::notice.eq(notice)).execute(conn).map(drop)
    }

    /// How many are live, of all users: for those who watch over us. Reads an index.
    ///
    /// # Errors
    /// Of the database.
    pub fn count(conn: &mut PgConnection) -> QueryResult<i64> {
        let limit = Utc::now() - TimeDelta::days(IDLE_DAYS);
        sessions::table.filter(sessions::last_seen_at.gt(limit)).count().get_result(conn)
    }

    /// Deletes the rows that are too old to be used.
    ///
    /// # Errors
    /// Of the database.
    pub fn delete_expired(conn: &mut PgConnection) -> QueryResult<usize> {
        let limit = Utc::now() - TimeDelta::days(IDLE_DAYS);
        diesel::delete(sessions::table.filter(sessions::last_seen_at.lt(limit))).execute(conn)
    }
}
