//! Hashtags that are for all to see: those that somebody created, and those on public photos of active users.
//!
//! Lists go by name, page by page, along an index over these names alone: a page costs what is on it, however many names
//! there are. One person may create so many ([`MOST_CREATED`], [`CREATED_AN_HOUR`]); an admin can take any of them off.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use crate::db::schema::{hashtags, public_hashtag_counts, users};
use crate::models::hashtag::{lock_owner, pattern_of};
use crate::models::tries::Limit;
use crate::models::{Hashtag, UserId};

/// How many hashtags one person may have created.
pub const MOST_CREATED: i64 = 500;
/// How many new ones in an hour.
pub const CREATED_AN_HOUR: Limit = Limit { name: "public-hashtags", count: 200, seconds: 60 * 60 };

/// Rows looked at a turn for [`PublicHashtag::forget_unshown`].
const AT_ONCE: i64 = 500;

/// A hashtag that is for all to see, with the number of public photos that carry it.
#[derive(Debug, QueryableByName)]
pub struct PublicHashtag {
    /// Without `#`.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Public ones of active users.
    #[diesel(sql_type = BigInt)]
    pub photos: i64,
}

/// What came of creating one.
pub enum Created {
    /// It is one now, and was none.
    New(PublicHashtag),
    /// It was one before.
    Known(PublicHashtag),
    /// Its creator has created [`MOST_CREATED`].
    TooMany,
    /// An admin took it off the list.
    Hidden,
}

/// The public photos of active users that carry `hashtags.id`.
const CARRIED: &str = "public_hashtag_counts AS counts JOIN users ON users.id = counts.owner_id AND users.active \
     WHERE counts.hashtag_id = hashtags.id AND counts.photos > 0";

/// $1: the first name of the page is one after it, or NULL; $2: how many.
fn list() -> String {
    format!(
        "SELECT name, coalesce((SELECT sum(counts.photos) FROM {CARRIED}), 0)::bigint AS photos FROM hashtags \
         WHERE (listed OR shown) AND NOT hidden AND ($1 IS NULL OR name > $1) \
         AND (listed OR EXISTS (SELECT FROM {CARRIED})) ORDER BY name LIMIT $2"
    )
}

/// As [`list`], of the names like $3; those like $4 come first.
fn search() -> String {
    format!(
        "SELECT name, coalesce((SELECT sum(counts.photos) FROM {CARRIED}), 0)::bigint AS photos FROM hashtags \
         WHERE (listed OR shown) AND NOT hidden AND name LIKE $3 \
         AND ($1 IS NULL OR (name NOT LIKE $4, name) > ($1 NOT LIKE $4, $1)) \
         AND (listed OR EXISTS (SELECT FROM {CARRIED})) ORDER BY name NOT LIKE $4, name LIMIT $2"
    )
}

impl PublicHashtag {
    /// Those with `part` in their name, those that begin with it first, by name; from the one after `after` on.
    ///
    /// # Errors
    /// Of the database.
    pub fn page(conn: &mut PgConnection, part: &str, after: Option<&str>, limit: i64) -> QueryResult<Vec<Self>> {
        let pattern = pattern_of(part);
        if pattern.is_empty() {
            let list = diesel::sql_query(list()).bind::<Nullable<Text>, _>(after).bind::<BigInt, _>(limit);
            return list.load(conn);
        }
        diesel::sql_query(search())
            .bind::<Nullable<Text>, _>(after)
            .bind::<BigInt, _>(limit)
            .bind::<Text, _>(format!("%{pattern}%"))
            .bind::<Text, _>(format!("{pattern}%"))
            .load(conn)
    }

    /// Makes a hashtag one for all to see, for `by`. That private photos carry a name is nobody's business, so it counts as new.
    ///
    /// # Errors
    /// Of the database.
    pub fn create(conn: &mut PgConnection, by: UserId, name: &Hashtag) -> QueryResult<Created> {
        // Of two at once the second counts the first one's.
        lock_owner(conn, by)?;
        let ids = Hashtag::ensure(conn, std::slice::from_ref(name))?;
        let this = hashtags::table.filter(hashtags::id.eq_any(ids));
        // Whoever creates it in the same instant waits here.
        let (id, listed, hidden): (i32, bool, bool) =
            this.for_update().select((hashtags::id, hashtags::listed, hashtags::hidden)).first(conn)?;
        if hidden {
            return Ok(Created::Hidden);
        }
        let counted = public_hashtag_counts::table
            .inner_join(users::table)
            .filter(public_hashtag_counts::hashtag_id.eq(id).and(users::active))
            .select(public_hashtag_counts::photos)
            .load::<i64>(conn)?;
        let hashtag = Self { name: name.as_str().to_owned(), photos: counted.iter().sum() };
        if listed {
            return Ok(Created::Known(hashtag));
        }
        let created: i64 = hashtags::table.filter(hashtags::listed_by.eq(by)).count().get_result(conn)?;
        if created >= MOST_CREATED {
            return Ok(Created::TooMany);
        }
        diesel::update(hashtags::table.find(id))
            .set((hashtags::listed.eq(true), hashtags::listed_by.eq(by)))
            .execute(conn)?;
        Ok(if hashtag.photos == 0 { Created::New(hashtag) } else { Created::Known(hashtag) })
    }

    /// Takes one off the list, also where public photos carry it, until an admin [puts it back](Self::put_back). False when
    /// there is no such hashtag.
    ///
    /// # Errors
    /// Of the database.
    pub fn take_off(conn: &mut PgConnection, name: &Hashtag) -> QueryResult<bool> {
        let this = hashtags::table.filter(hashtags::name.eq(name.as_str()).and(hashtags::hidden.eq(false)));
        let public = this.filter(hashtags::listed.or(hashtags::shown));
        diesel::update(public)
            .set((hashtags::listed.eq(false), hashtags::listed_by.eq(None::<i64>), hashtags::hidden.eq(true)))
            .execute(conn)
            .map(|rows| rows > 0)
    }

    /// Lets one that was taken off be on the list again.
    ///
    /// # Errors
    /// Of the database.
    pub fn put_back(conn: &mut PgConnection, name: &Hashtag) -> QueryResult<()> {
        let this = hashtags::table.filter(hashtags::name.eq(name.as_str()).and(hashtags::hidden));
        diesel::update(this).set(hashtags::hidden.eq(false)).execute(conn).map(drop)
    }

    /// Marks names that no public photo carries any more, so that no page looks at them. In a transaction.
    ///
    /// # Errors
    /// Of the database.
    pub fn forget_unshown(conn: &mut PgConnection) -> QueryResult<usize> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Integer)]
            id: i32,
        }
        const CARRIED: &str =
            "EXISTS (SELECT FROM public_hashtag_counts WHERE hashtag_id = hashtags.id AND photos > 0)";
        // Locked first and looked at again by another statement: whoever makes such a name public meanwhile is seen by it, or
        // waits for us (`show_hashtag` in the migrations).
        let locked: Vec<Row> = diesel::sql_query(format!(
            "SELECT id FROM hashtags WHERE shown AND NOT {CARRIED} LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED"
        ))
        .bind::<BigInt, _>(AT_ONCE)
        .load(conn)?;
        let ids: Vec<i32> = locked.into_iter().map(|row| row.id).collect();
        diesel::sql_query(format!("UPDATE hashtags SET shown = false WHERE id = ANY($1) AND NOT {CARRIED}"))
            .bind::<Array<Integer>, _>(ids)
            .execute(conn)
    }
}
