//! Listings of one owner's photos, newest first: pages, filters by hashtags, neighbours.
//!
//! One statement a page, hashtags included, and no page counts or skips what came before: it begins where the cursor
//! says (keyset pagination). A filter by several hashtags merges one index-only scan a hashtag, all in the gallery's
//! order, so that its cost is bounded by the number of photos that carry them even when few carry all; where one of them
//! is rare, its photos are looked up under the others instead.
//!
//! The statement is written out and not built by Diesel's expressions, which have no row comparison and no merge of
//! that kind; as a [`QueryFragment`] it is still prepared once a connection, which `sql_query` never is.

use chrono::{DateTime, Datelike, Utc};
use diesel::dsl::AsSelect;
use diesel::expression::Expression;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};

use crate::db::schema::{hashtag_counts, hashtags, photo_counts};
use crate::models::{Photo, PhotoId, UserId};

/// How many hashtags a filter may name; each is one more index scan.
pub const MOST_FILTERS: usize = 10;

/// A place between two photos of a listing: after the photo with this time and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The photo's `taken_at`.
    pub taken_at: DateTime<Utc>,
    /// The photo's id, which decides among those taken in the same instant.
    pub id: PhotoId,
    /// What the clock there was ahead of UTC: tells the month that the photo stands under.
    pub utc_offset_minutes: i16,
}

impl Cursor {
    /// The place after `photo`.
    #[must_use]
    pub fn after(photo: &Photo) -> Self {
        Self {
            taken_at: photo.taken_at,
            id: photo.id,
            utc_offset_minutes: photo.utc_offset_minutes.unwrap_or_default(),
        }
    }
}

/// As it stands in links: the microseconds since 1970 (what Postgres keeps), the id, and the offset unless it is 0. For the
/// owner's eyes: visitors are not told the time.
impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.taken_at.timestamp_micros(), self.id.0.simple())?;
        if self.utc_offset_minutes == 0 { Ok(()) } else { write!(f, ".{}", self.utc_offset_minutes) }
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (micros, rest) = text.split_once('.').ok_or(())?;
        let (id, offset) = rest.split_once('.').unwrap_or((rest, "0"));
        let taken_at = micros.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or(())?;
        // Postgres ends long before chrono does, and no photo is older than the calendar.
        if !(1..=9999).contains(&taken_at.year()) {
            return Err(());
        }
        let id = id.parse().map_err(drop)?;
        let utc_offset_minutes = offset.parse().map_err(drop)?;
        Ok(Self { taken_at, id, utc_offset_minutes })
    }
}

/// Which photos: of one owner, all or the public ones, that carry all of some hashtags.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Whose photos.
    pub owner: UserId,
    /// Only what everybody may see.
    pub only_public: bool,
    /// Normalised names; at most [`MOST_FILTERS`].
    pub hashtags: Vec<String>,
}

/// A photo and its hashtags, in the order of their names.
pub type Listed = (Photo, Vec<String>);

impl Listing {
    /// At most `limit` photos, from the newest or from `after` on.
    ///
    /// # Errors
    /// Of the database.
    pub fn page(&self, conn: &mut PgConnection, after: Option<Cursor>, limit: i64) -> QueryResult<Vec<Listed>> {
        match self.carried(conn)? {
            Some(carried) => self.select(&carried, after, Order::NewestFirst, limit).load(conn),
            None => Ok(Vec::new()),
        }
    }

    /// How many photos the whole listing has; `None` where counting would take longer than listing. All photos, and those
    /// with one hashtag, are counted already; with several hashtags, the photos of the rarest are looked up, if they are
    /// not too many. For owners: what of it is public is not counted apart.
    ///
    /// # Errors
    /// Of the database.
    pub fn total(&self, conn: &mut PgConnection) -> QueryResult<Option<i64>> {
        if self.hashtags.is_empty() {
            let all = photo_counts::table.find(self.owner).select(photo_counts::photos).first(conn).optional()?;
            return Ok(Some(all.unwrap_or(0)));
        }
        let Some(carried) = self.carried(conn)? else { return Ok(Some(0)) };
        match carried.ids.as_slice() {
            [_] => Ok(Some(carried.fewest)),
            _ if carried.fewest > MOST_COUNTED => Ok(None),
            ids => {
                let counted: Counted = diesel::sql_query(COUNT)
                    .bind::<BigInt, _>(self.owner)
                    .bind::<Array<Integer>, _>(ids)
                    .get_result(conn)?;
                Ok(Some(counted.photos))
            }
        }
    }

    /// The photos next to the one at `cursor`: the newer and the older one.
    ///
    /// # Errors
    /// Of the database.
    pub fn neighbours(&self, conn: &mut PgConnection, at: Cursor) -> QueryResult<(Option<Photo>, Option<Photo>)> {
        let Some(carried) = self.carried(conn)? else { return Ok((None, None)) };
        let mut next = |order| {
            let found: Option<Listed> = self.select(&carried, Some(at), order, 1).get_result(conn).optional()?;
            QueryResult::Ok(found.map(|(photo, _)| photo))
        };
        Ok((next(Order::OldestFirst)?, next(Order::NewestFirst)?))
    }

    /// The hashtags filtered by, the rarest first; `None` when the owner has no photo with one of them, so that nothing
    /// matches. The planner knows hashtags by their average only, and would scan a common one where a rare one decides.
    fn carried(&self, conn: &mut PgConnection) -> QueryResult<Option<Carried>> {
        if self.hashtags.is_empty() {
            return Ok(Some(Carried { ids: Vec::new(), fewest: 0, rare: false }));
        }
        let found: Vec<(i32, i64)> = hashtag_counts::table
            .inner_join(hashtags::table)
            .filter(hashtag_counts::owner_id.eq(self.owner).and(hashtag_counts::photos.gt(0)))
            .filter(hashtags::name.eq_any(&self.hashtags))
            .order((hashtag_counts::photos, hashtag_counts::hashtag_id))
            .select((hashtag_counts::hashtag_id, hashtag_counts::photos))
            .load(conn)?;
        if found.len() < self.hashtags.len() {
            return Ok(None);
        }
        let counts = found.first().zip(found.last());
        let rare = counts.is_some_and(|((_, fewest), (_, most))| fewest.saturating_mul(RARE) < *most);
        let fewest = found.first().map_or(0, |(_, fewest)| *fewest);
        Ok(Some(Carried { ids: found.into_iter().map(|(id, _)| id).collect(), fewest, rare }))
    }

    fn select<'a>(&'a self, carried: &'a Carried, from: Option<Cursor>, order: Order, limit: i64) -> Select<'a> {
        Select { listing: self, carried, from, order, limit, columns: Photo::as_select() }
    }
}

/// From this ratio of photos on, looking each photo of the rare hashtag up under the common one is faster than merging.
const RARE: i64 = 20;

/// Up to so many photos of the rarest hashtag are looked up; each took 27 µs while both cores were busy.
const MOST_COUNTED: i64 = 1_000;

/// The photos of an owner that carry all of these hashtags, counted from the first, the rarest.
const COUNT: &str = "SELECT count(*) AS photos FROM photo_hashtags AS rarest WHERE owner_id = $1 AND hashtag_id = ($2)[1] \
     AND (SELECT count(*) FROM photo_hashtags AS other WHERE other.photo_id = rarest.photo_id \
     AND other.hashtag_id = ANY($2)) = cardinality($2)";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    photos: i64,
}

/// What [`Listing::hashtags`] come to for the listing's owner.
struct Carried {
    /// The rarest first.
    ids: Vec<i32>,
    /// How many photos carry the rarest.
    fewest: i64,
    /// The first is much rarer than the last.
    rare: bool,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    /// The comparison that goes on from a cursor, and the direction.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::NewestFirst => (" < ", " DESC"),
            Self::OldestFirst => (" > ", " ASC"),
        }
    }
}

struct Select<'a> {
    listing: &'a Listing,
    carried: &'a Carried,
    from: Option<Cursor>,
    order: Order,
    limit: i64,
    columns: AsSelect<Photo, Pg>,
}

impl Query for Select<'_> {
    type SqlType = (<AsSelect<Photo, Pg> as Expression>::SqlType, Array<Text>);
}

impl QueryId for Select<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<PgConnection> for Select<'_> {}

impl QueryFragment<Pg> for Select<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (_, direction) = self.order.sql();
        out.push_sql("SELECT ");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(
            ", ARRAY(SELECT hashtags.name FROM photo_hashtags JOIN hashtags ON hashtags.id = photo_hashtags.hashtag_id \
             WHERE photo_hashtags.photo_id = photos.id ORDER BY hashtags.name) FROM ",
        );
        if self.carried.ids.is_empty() {
            out.push_sql("photos WHERE photos.owner_id = ");
            out.push_bind_param::<BigInt, _>(&self.listing.owner)?;
            if self.listing.only_public {
                out.push_sql(" AND photos.visibility = 'public'");
            }
            self.walk_cursor("photos.taken_at, photos.id", &mut out)?;
        } else {
            out.push_sql("(");
            self.walk_matches(&mut out)?;
            out.push_sql(") AS matches JOIN photos ON photos.id = matches.photo_id");
        }
        out.push_sql(" ORDER BY photos.taken_at");
        out.push_sql(direction);
        out.push_sql(", photos.id");
        out.push_sql(direction);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl<'b> Select<'b> {
    /// The ids of one page of the photos that carry all the hashtags: scans of one hashtag each, all in the listing's
    /// order, merged; or, where the first is rare, that one's scan with the others looked up.
    fn walk_matches(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (_, direction) = self.order.sql();
        let others = || self.carried.ids.iter().enumerate().skip(1);
        out.push_sql("SELECT h0.photo_id FROM photo_hashtags AS h0");
        for (n, id) in others().filter(|_| !self.carried.rare) {
            out.push_sql(&format!(" JOIN photo_hashtags AS h{n} ON "));
            self.walk_same_photo(n, id, out)?;
            // Each scan begins at the cursor, or a deep page would read the others from the newest photo on.
            self.walk_cursor(&format!("h{n}.taken_at, h{n}.photo_id"), out)?;
        }
        if self.listing.only_public {
            out.push_sql(" JOIN photos AS shown ON shown.id = h0.photo_id AND shown.visibility = 'public'");
        }
        out.push_sql(" WHERE h0.owner_id = ");
        out.push_bind_param::<BigInt, _>(&self.listing.owner)?;
        if let Some(id) = self.carried.ids.first() {
            out.push_sql(" AND h0.hashtag_id = ");
            out.push_bind_param::<Integer, _>(id)?;
        }
        for (n, id) in others().filter(|_| self.carried.rare) {
            // A scalar subquery: the planner cannot turn it into a join.
            out.push_sql(&format!(" AND (SELECT true FROM photo_hashtags AS h{n} WHERE "));
            self.walk_same_photo(n, id, out)?;
            out.push_sql(")");
        }
        self.walk_cursor("h0.taken_at, h0.photo_id", out)?;
        out.push_sql(&format!(" ORDER BY h0.taken_at{direction}, h0.photo_id{direction} LIMIT "));
        out.push_bind_param::<BigInt, _>(&self.limit)
    }

    /// That `h{n}` is the row of the photo of `h0` under another hashtag.
    fn walk_same_photo(&'b self, n: usize, hashtag: &'b i32, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&format!("h{n}.taken_at = h0.taken_at AND h{n}.photo_id = h0.photo_id AND h{n}.owner_id = "));
        out.push_bind_param::<BigInt, _>(&self.listing.owner)?;
        out.push_sql(&format!(" AND h{n}.hashtag_id = "));
        out.push_bind_param::<Integer, _>(hashtag)
    }

    fn walk_cursor(&'b self, columns: &str, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some(cursor) = &self.from else { return Ok(()) };
        out.push_sql(&format!(" AND ({columns}){}(", self.order.sql().0));
        out.push_bind_param::<Timestamptz, _>(&cursor.taken_at)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&cursor.id)?;
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_link() {
        let id = PhotoId::generate();
        for micros in [-1, 0, 1_780_000_000_123_456] {
            for utc_offset_minutes in [0, 180, -570] {
                let taken_at = DateTime::from_timestamp_micros(micros).unwrap();
                let cursor = Cursor { taken_at, id, utc_offset_minutes };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
        for text in [
            "",
            ".",
            "1.",
            "x.1",
            "1",
            "99999999999999999999.0",
            "9223372036854775807.0190",
            "-300000000000000000.00000000000000000000000000000000",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
