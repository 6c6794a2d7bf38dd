//! Files that programs put into the storage themselves and confirm afterwards: what was announced of them.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::db::schema::{uploads, users};
use crate::models::clock::from_now;
use crate::models::{PhotoId, UploadId, UserId, hashtag};

/// For how long bytes may begin to come.
pub const LIFETIME: TimeDelta = TimeDelta::hours(1);

/// For how long after that those that have come may be confirmed: the last may have begun to come late, and be many.
const CONFIRM: TimeDelta = TimeDelta::hours(6);

/// For how long bytes that have begun to come in time may go on, once that makes no difference any more.
pub(super) const BEGUN: TimeDelta = TimeDelta::minutes(10);

/// The most that one person may have announced at a time.
pub const MOST: i64 = 1000;

/// A row of `uploads`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = uploads, check_for_backend(Pg))]
pub struct Upload {
    /// Names its object.
    pub id: UploadId,
    /// Who may confirm it.
    pub owner_id: UserId,
    /// As announced; shown, never used as a path.
    pub filename: String,
    /// As announced.
    pub size_bytes: i64,
    /// SHA-256 of what proves that somebody was given the address, where Lumina receives the bytes itself.
    pub secret_hash: Option<Vec<u8>>,
    /// The photo it became; it may be deleted since.
    pub photo_id: Option<PhotoId>,
    /// Until when bytes may begin to come.
    pub expires_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
}

impl Upload {
    /// A new one, not yet written down.
    #[must_use]
    pub fn new(owner: UserId, filename: String, size_bytes: i64, secret_hash: Option<Vec<u8>>) -> Self {
        let expires_at = Utc::now() + LIFETIME;
        Self {
            id: UploadId::generate(),
            owner_id: owner,
            filename,
            size_bytes,
            secret_hash,
            photo_id: None,
            expires_at,
            due_at: expires_at + CONFIRM,
        }
    }

    /// Writes it down. Answers how many bytes its owner has announced before and not confirmed, or `None` when those are too
    /// many uploads already.
    ///
    /// # Errors
    /// Of the database.
    pub fn announce(&self, conn: &mut PgConnection) -> QueryResult<Option<i64>> {
        #[derive(QueryableByName)]
        struct Waiting {
            #[diesel(sql_type = BigInt)]
            uploads: i64,
            #[diesel(sql_type = BigInt)]
            bytes: i64,
        }
        hashtag::lock_owner(conn, self.owner_id)?;
        let waiting: Waiting = diesel::sql_query(
            "SELECT count(*) AS uploads, coalesce(sum(size_bytes), 0)::bigint AS bytes FROM uploads \
             WHERE owner_id = $1 AND photo_id IS NULL AND due_at > now()",
        )
        .bind::<BigInt, _>(self.owner_id)
        .get_result(conn)?;
        if waiting.uploads >= MOST {
            return Ok(None);
        }
        diesel::insert_into(uploads::table).values(self).execute(conn)?;
        diesel::update(uploads::table.find(self.id))
            .set((uploads::expires_at.eq(from_now(LIFETIME)), uploads::due_at.eq(from_now(LIFETIME + CONFIRM))))
            .execute(conn)?;
        Ok(Some(waiting.bytes))
    }

    /// What `owner` has announced under this id.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is nothing, it was too long ago, or it is somebody else's.
    pub fn owned_by(conn: &mut PgConnection, owner: UserId, id: UploadId) -> QueryResult<Self> {
        uploads::table
            .find(id)
            .filter(uploads::owner_id.eq(owner).and(uploads::due_at.gt(diesel::dsl::now)))
            .select(Self::as_select())
            .first(conn)
    }

    /// What is to be received here under this id, for whoever has its secret.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such upload, the secret is another, it has expired or become a photo, or its owner
    /// is not active any more.
    pub fn awaited(conn: &mut PgConnection, id: UploadId, secret_hash: &[u8]) -> QueryResult<Self> {
        uploads::table
            .find(id)
            .filter(uploads::secret_hash.eq(secret_hash))
            .filter(uploads::expires_at.gt(diesel::dsl::now).and(uploads::photo_id.is_null()))
            .filter(uploads::owner_id.eq_any(users::table.filter(users::active).select(users::id)))
            .select(Self::as_select())
            .first(conn)
    }

    /// Whether it has not become a photo yet.
    ///
    /// # Errors
    /// Of the database.
    pub fn is_open(conn: &mut PgConnection, id: UploadId) -> QueryResult<bool> {
        let open = uploads::table.find(id).filter(uploads::photo_id.is_null());
        diesel::select(diesel::dsl::exists(open)).get_result(conn)
    }

    /// It has become this photo. What is put at its address after that goes as soon as nothing can be put there any more.
    ///
    /// # Errors
    /// Of the database.
    pub fn became(conn: &mut PgConnection, id: UploadId, photo: PhotoId) -> QueryResult<()> {
        diesel::update(uploads::table.find(id))
            .set((uploads::photo_id.eq(photo), uploads::due_at.eq(uploads::expires_at + BEGUN)))
            .execute(conn)
            .map(drop)
    }

    /// Uploads whose objects are to go, from the earliest on. Nobody can confirm them any more, and removing one twice is fine.
    ///
    /// # Errors
    /// Of the database.
    pub fn due(conn: &mut PgConnection, limit: i64) -> QueryResult<Vec<UploadId>> {
        let due = uploads::table.filter(uploads::due_at.le(diesel::dsl::now)).order(uploads::due_at);
        due.limit(limit).select(uploads::id).load(conn)
    }

    /// Forgets uploads whose objects are gone.
    ///
    /// # Errors
    /// Of the database.
    pub fn forget(conn: &mut PgConnection, ids: &[UploadId]) -> QueryResult<()> {
        diesel::delete(uploads::table.filter(uploads::id.eq_any(ids))).execute(conn).map(drop)
    }
}
