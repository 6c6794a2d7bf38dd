//! Which bytes the rows promise: for work on the whole library, done for nobody in particular.

use std::collections::HashSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, SmallInt, Uuid as SqlUuid};
use uuid::Uuid;

use crate::models::PhotoId;

/// Rows read at a time.
const PAGE: u32 = 1000;

/// What a photo's row says of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Inventoried {
    /// Which photo.
    #[diesel(sql_type = SqlUuid)]
    pub id: PhotoId,
    /// Of the original.
    #[diesel(sql_type = BigInt)]
    pub size_bytes: i64,
    /// Of the original.
    #[diesel(sql_type = Binary)]
    pub sha256: Vec<u8>,
    /// Which renditions are stored: [`crate::media::VERSION`] when they were made.
    #[diesel(sql_type = SmallInt)]
    pub renditions_version: i16,
    /// Whether there is one that plays.
    #[diesel(sql_type = Bool)]
    pub animated: bool,
    /// Copies of its renditions for a CDN.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub public_copy: Option<Uuid>,
}

impl Inventoried {
    /// The row as it is now; `None` when the photo is gone.
    ///
    /// # Errors
    /// Of the database.
    pub fn now(conn: &mut PgConnection, id: PhotoId) -> QueryResult<Option<Self>> {
        diesel::sql_query(format!("SELECT {COLUMNS} FROM photos WHERE id = $1"))
            .bind::<SqlUuid, _>(id)
            .get_result(conn)
            .optional()
    }
}

const COLUMNS: &str = "id, size_bytes, sha256, renditions_version, animated, public_copy";

/// All photos as they are at one instant, in the order of their objects' keys. Begin it within a transaction; after that it
/// needs none, as Postgres has put the rows aside, on its disk when they are many, and holds nothing back meanwhile.
///
/// # Errors
/// Of the database.
pub fn begin(conn: &mut PgConnection) -> QueryResult<()> {
    // The shard is the last byte of the id: two letters of the key.
    conn.batch_execute(&format!(
        "SET LOCAL work_mem = '32MB'; \
         DECLARE inventory NO SCROLL CURSOR WITH HOLD FOR \
         SELECT {COLUMNS} FROM photos ORDER BY get_byte(uuid_send(id), 15), id"
    ))
}

/// The next rows; none when all were read. Rows are then forgotten.
///
/// # Errors
/// Of the database.
pub fn next(conn: &mut PgConnection) -> QueryResult<Vec<Inventoried>> {
    let rows: Vec<_> = diesel::sql_query(format!("FETCH {PAGE} FROM inventory")).load(conn)?;
    if rows.is_empty() {
        end(conn)?;
    }
    Ok(rows)
}

/// Forgets rows that were not read.
///
/// # Errors
/// Of the database.
pub fn end(conn: &mut PgConnection) -> QueryResult<()> {
    conn.batch_execute("CLOSE inventory")
}

/// Those of these ids that some row names, so that their objects are not left behind: photos that are shown, deleted and not
/// yet swept, or on their way in; uploads that were announced; copies for a CDN.
///
/// # Errors
/// Of the database.
pub fn named(conn: &mut PgConnection, ids: &[Uuid]) -> QueryResult<HashSet<Uuid>> {
    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    let named: Vec<Named> = diesel::sql_query(
        "SELECT id FROM photos WHERE id = ANY($1) UNION SELECT photo_id FROM removals WHERE photo_id = ANY($1) \
         UNION SELECT id FROM uploads WHERE id = ANY($1) UNION SELECT id FROM public_copies WHERE id = ANY($1)",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .load(conn)?;
    Ok(named.into_iter().map(|named| named.id).collect())
}

/// Counts that are not what the rows come to, and would not become so by themselves.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Miscounted {
    /// Whose.
    #[diesel(sql_type = BigInt)]
    pub owner_id: i64,
    /// How many of the owner's photos are miscounted: by themselves, or under some hashtag.
    #[diesel(sql_type = BigInt)]
    pub wrong: i64,
}

/// Owners whose `photo_counts` or `hashtag_counts` are wrong: at most a thousand. One statement, which sees one instant.
///
/// # Errors
/// Of the database.
pub fn miscounted(conn: &mut PgConnection) -> QueryResult<Vec<Miscounted>> {
    conn.transaction(|conn| {
        conn.batch_execute("SET LOCAL work_mem = '32MB'")?;
        diesel::sql_query(
            "SELECT owner_id, sum(wrong)::bigint AS wrong FROM ( \
                 SELECT owner_id, 1 AS wrong FROM photo_counts AS kept \
                 FULL JOIN (SELECT owner_id, count(*) AS photos, sum(size_bytes) AS bytes FROM photos \
                            GROUP BY owner_id) AS real USING (owner_id) \
                 WHERE coalesce(kept.photos, 0) <> coalesce(real.photos, 0) \
                    OR coalesce(kept.bytes, 0) <> coalesce(real.bytes, 0) \
                 UNION ALL \
                 SELECT owner_id, 1 FROM hashtag_counts AS kept \
                 FULL JOIN (SELECT owner_id, hashtag_id, count(*) AS photos FROM photo_hashtags \
                            GROUP BY owner_id, hashtag_id) AS real USING (owner_id, hashtag_id) \
                 WHERE coalesce(kept.photos, 0) <> coalesce(real.photos, 0) \
             ) AS found GROUP BY owner_id ORDER BY owner_id LIMIT 1000",
        )
        .load(conn)
    })
}

/// Counts an owner's photos anew.
///
/// # Errors
/// Of the database.
pub fn recount(conn: &mut PgConnection, owner: crate::models::UserId) -> QueryResult<()> {
    conn.transaction(|conn| {
        crate::models::hashtag::lock_owner(conn, owner)?;
        for step in [
            "DELETE FROM photo_counts WHERE owner_id = $1",
            "INSERT INTO photo_counts (owner_id, photos, bytes) SELECT owner_id, count(*), sum(size_bytes)::bigint \
             FROM photos WHERE owner_id = $1 GROUP BY owner_id",
            "DELETE FROM hashtag_counts WHERE owner_id = $1",
            "INSERT INTO hashtag_counts (owner_id, hashtag_id, photos) SELECT owner_id, hashtag_id, count(*) \
             FROM photo_hashtags WHERE owner_id = $1 GROUP BY owner_id, hashtag_id",
        ] {
            diesel::sql_query(step).bind::<BigInt, _>(owner).execute(conn)?;
        }
        Ok(())
    })
}
