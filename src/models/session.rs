//! Signed-in devices. The signed cookie names a row here, and the row decides: without it the cookie is worth nothing.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use serde_json::Value;

use crate::db::schema::{sessions, users};
use crate::models::{SessionId, User, UserId};

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
    /// What the next page says once.
    pub notice: Option<Value>,
    /// When the device signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last seen, give or take ten minutes.
    pub last_seen_at: DateTime<Utc>,
}

impl Session {
    /// Signs a device in.
    ///
    /// # Errors
    /// Of the database.
    pub fn start(conn: &mut PgConnection, user: UserId, user_agent: &str) -> QueryResult<SessionId> {
        let user_agent: String = user_agent.chars().filter(|c| !c.is_control()).take(512).collect();
        diesel::insert_into(sessions::table)
            .values((
                sessions::id.eq(SessionId::generate()),
                sessions::user_id.eq(user),
                sessions::user_agent.eq(user_agent),
            ))
            .returning(sessions::id)
            .get_result(conn)
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
        if let Some((session, _)) = &found
            && Utc::now() - session.last_seen_at > SEEN_EVERY
        {
            diesel::update(sessions::table.find(id)).set(sessions::last_seen_at.eq(diesel::dsl::now)).execute(conn)?;
        }
        Ok(found)
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

    /// Leaves a word for the next page, or takes it away.
    ///
    /// # Errors
    /// Of the database.
    pub fn set_notice(conn: &mut PgConnection, id: SessionId, notice: Option<Value>) -> QueryResult<()> {
        diesel::update(sessions::table.find(id)).set(sessions::notice.eq(notice)).execute(conn).map(drop)
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
