//! What became of requests that brought an `Idempotency-Key`, for a day: the same request again gets the same answer.
//!
//! A row is claimed before the work begins and holds the answer once the work is done, written in the transaction that did
//! it. Whoever works on it says so every few seconds; when that stops, because the process died, the next one to ask with the
//! same key takes over.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use crate::db::schema::idempotency_keys;
use crate::models::UserId;
use crate::models::clock::from_now;

/// For how long an answer is remembered.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// How many keys of one user are remembered: of more, the oldest are forgotten before their time.
const MOST_PER_USER: i64 = 10_000;

/// When a try that said nothing for so long counts as dead.
const SILENCE: TimeDelta = TimeDelta::seconds(30);

/// A try that may do the work.
#[derive(Debug, Clone)]
pub struct Hold {
    user: UserId,
    key: Vec<u8>,
    holder: Uuid,
    /// When the first try with this key began, where this one has taken over from it.
    pub first_began: Option<DateTime<Utc>>,
}

/// An answer, to be given again. It is a success: what was refused or failed is not remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 2xx.
    pub status: u16,
    /// The header of this name.
    pub location: Option<String>,
    /// JSON.
    pub body: String,
}

/// What came of showing a key.
#[derive(Debug)]
pub enum Claim {
    /// Do it.
    Mine(Hold),
    /// It was done before.
    Answered(Answer),
    /// Another try is at it.
    Running,
    /// The key came with another request before.
    OtherRequest,
}

/// Claims a key of `user` for a request; both are given as their SHA-256.
///
/// # Errors
/// Of the database.
pub fn claim(conn: &mut PgConnection, user: UserId, key: &[u8], request: &[u8]) -> QueryResult<Claim> {
    let row = idempotency_keys::table.find((user, key));
    let old = idempotency_keys::created_at.lt(from_now(-REMEMBERED));
    diesel::delete(row.filter(old.and(idempotency_keys::alive_until.lt(diesel::dsl::now)))).execute(conn)?;
    let holder = Uuid::new_v4();
    let inserted = diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::user_id.eq(user),
            idempotency_keys::key.eq(key),
            idempotency_keys::request.eq(request),
            idempotency_keys::holder.eq(holder),
            idempotency_keys::alive_until.eq(from_now(SILENCE)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    let mine = |first_began| Claim::Mine(Hold { user, key: key.to_vec(), holder, first_began });
    if inserted > 0 {
        forget_surplus(conn, user)?;
        return Ok(mine(None));
    }
    type Row = (Vec<u8>, bool, DateTime<Utc>, Option<i16>, Option<String>, Option<String>);
    let columns = (
        idempotency_keys::request,
        idempotency_keys::alive_until.gt(diesel::dsl::now),
        idempotency_keys::created_at,
        idempotency_keys::status,
        idempotency_keys::location,
        idempotency_keys::body,
    );
    let known: Option<Row> = row.select(columns).for_update().first(conn).optional()?;
    // Freed between the two statements: the one who sent it tries again.
    let Some((known, alive, since, status, location, body)) = known else { return Ok(Claim::Running) };
    if known != request {
        return Ok(Claim::OtherRequest);
    }
    match (status.and_then(|status| u16::try_from(status).ok()), body) {
        (Some(status), Some(body)) => Ok(Claim::Answered(Answer { status, location, body })),
        _ if alive => Ok(Claim::Running),
        _ => {
            let taken = (idempotency_keys::holder.eq(holder), idempotency_keys::alive_until.eq(from_now(SILENCE)));
            diesel::update(row).set(taken).execute(conn)?;
            Ok(mine(Some(since)))
        }
    }
}

impl Hold {
    /// Says that the work goes on.
    ///
    /// # Errors
    /// Of the database.
    pub fn keep_alive(&self, conn: &mut PgConnection) -> QueryResult<()> {
        diesel::update(idempotency_keys::table.filter(self.held()))
            .set(idempotency_keys::alive_until.eq(from_now(SILENCE)))
            .execute(conn)
            .map(drop)
    }

    /// Writes the answer down: from when this transaction ends, it is what everyone with this key gets. Nothing happens when
    /// another try has taken over.
    ///
    /// # Errors
    /// Of the database.
    pub fn finish(&self, conn: &mut PgConnection, answer: &Answer) -> QueryResult<()> {
        diesel::update(idempotency_keys::table.filter(self.held()))
            .set((
                idempotency_keys::status.eq(i16::try_from(answer.status).ok()),
                idempotency_keys::location.eq(&answer.location),
                idempotency_keys::body.eq(&answer.body),
            ))
            .execute(conn)
            .map(drop)
    }

    /// Nothing came of it: the key is as if it had never been shown. An answer that was written down stays.
    ///
    /// # Errors
    /// Of the database.
    pub fn free(&self, conn: &mut PgConnection) -> QueryResult<()> {
        diesel::delete(idempotency_keys::table.filter(self.held())).execute(conn).map(drop)
    }

    /// That a row is the one of this try, and still without an answer.
    fn held(&self) -> Held<'_> {
        Box::new(
            idempotency_keys::user_id
                .eq(self.user)
                .and(idempotency_keys::key.eq(self.key.as_slice()))
                .and(idempotency_keys::holder.eq(self.holder))
                .and(idempotency_keys::status.is_null()),
        )
    }
}

type Held<'a> = Box<dyn BoxableExpression<idempotency_keys::table, Pg, SqlType = Bool> + 'a>;

/// Forgets what is older than [`REMEMBERED`].
///
/// # Errors
/// Of the database.
pub fn delete_expired(conn: &mut PgConnection) -> QueryResult<usize> {
    let old = idempotency_keys::created_at.lt(from_now(-REMEMBERED));
    diesel::delete(idempotency_keys::table.filter(old.and(idempotency_keys::alive_until.lt(diesel::dsl::now))))
        .execute(conn)
}

fn forget_surplus(conn: &mut PgConnection, user: UserId) -> QueryResult<()> {
    let of_user = idempotency_keys::table.filter(idempotency_keys::user_id.eq(user));
    let oldest_kept: Option<DateTime<Utc>> = of_user
        .order(idempotency_keys::created_at.desc())
        .offset(MOST_PER_USER)
        .select(idempotency_keys::created_at)
        .first(conn)
        .optional()?;
    let Some(oldest_kept) = oldest_kept else { return Ok(()) };
    let surplus =
        of_user.filter(idempotency_keys::created_at.le(oldest_kept)).filter(idempotency_keys::status.is_not_null());
    diesel::delete(surplus).execute(conn).map(drop)
}
