//! Hashtags: how what people type becomes a name, and which photos carry it.
//!
//! Names are shared by all users; who uses which is not: every query here takes the owner.

use std::collections::BTreeSet;

use diesel::prelude::*;
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::db::schema::{hashtag_counts, hashtags, photo_hashtags, photos, users};
use crate::models::{PhotoId, UserId};

/// The longest name, in characters.
pub const LONGEST: usize = 64;
/// How many hashtags a photo may carry.
pub const MOST_PER_PHOTO: usize = 50;
/// The longest list of hashtags, in bytes: fifty names of 64 characters of four bytes fit.
pub const LONGEST_LIST: usize = 16 * 1024;
/// The longest list to filter by, in bytes, all fields together.
const LONGEST_FILTER: usize = 4 * 1024;

/// A hashtag's name in its one form: NFKC-normalised, case-folded, without the `#`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hashtag(String);

/// Why a text is no list of hashtags; the words are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashtagError {
    /// A character that no name may have.
    #[error("“{0}” cannot be a hashtag: use letters, digits, _ and -.")]
    Character(String),
    /// A name over [`LONGEST`].
    #[error("“{0}…” is too long: a hashtag has at most {LONGEST} characters.")]
    TooLong(String),
    /// A text over [`LONGEST_LIST`], of which nothing was read.
    #[error("This list is too long: a photo has at most {MOST_PER_PHOTO} hashtags.")]
    ListTooLong,
    /// More than [`MOST_PER_PHOTO`] names.
    #[error("A photo has at most {MOST_PER_PHOTO} hashtags; these are {0}.")]
    TooMany(usize),
}

/// More hashtags to filter by than are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyNames;

/// Invisible characters that people paste without knowing; NFKC_Casefold (Unicode 16, chapter 3.13, R5) removes them too.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// One form for every way to write the same: NFKC, case folded, NFKC again, as folding can undo it.
fn normalise(text: &str) -> String {
    let composed: String = text.nfkc().filter(|c| !is_ignorable(*c)).collect();
    UniCase::new(composed).to_folded_case().nfkc().collect()
}

impl Hashtag {
    /// The names in `text`, which may hold `#`, commas and spaces in any mixture; sorted, each once.
    ///
    /// # Errors
    /// [`HashtagError`] for the first thing that is wrong.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, HashtagError> {
        if text.len() > LONGEST_LIST {
            return Err(HashtagError::ListTooLong);
        }
        let mut names = BTreeSet::new();
        for word in Self::words(text) {
            let allowed = |c: char| c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '_' | '-');
            if !word.chars().all(allowed) {
                return Err(HashtagError::Character(word.chars().take(LONGEST).collect()));
            }
            if word.chars().count() > LONGEST {
                return Err(HashtagError::TooLong(word.chars().take(20).collect()));
            }
            names.insert(Self(word));
        }
        if names.len() > MOST_PER_PHOTO {
            return Err(HashtagError::TooMany(names.len()));
        }
        Ok(names.into_iter().collect())
    }

    /// The names to filter by, at most `most`, each once. A word that no photo can carry stays: it finds nothing, and the page
    /// says so. Nothing is read any more once it is known that these are too many.
    ///
    /// # Errors
    /// [`TooManyNames`].
    pub fn filter_names<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        most: usize,
    ) -> Result<Vec<String>, TooManyNames> {
        let (mut names, mut bytes) = (Vec::new(), 0);
        for text in texts {
            bytes += text.len();
            if bytes > LONGEST_FILTER {
                return Err(TooManyNames);
            }
            for word in Self::words(text) {
                let name: String = word.chars().take(LONGEST + 1).collect();
                if names.contains(&name) {
                    continue;
                }
                if names.len() == most {
                    return Err(TooManyNames);
                }
                names.push(name);
            }
        }
        Ok(names)
    }

    fn words(text: &str) -> impl Iterator<Item = String> {
        let text = normalise(text);
        let separator = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '#' | '、' | '،');
        text.split(separator).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>().into_iter()
    }

    /// The name, without `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids of these hashtags, which come into being where they are new.
    ///
    /// # Errors
    /// Of the database.
    pub fn ensure(conn: &mut PgConnection, names: &[Self]) -> QueryResult<Vec<i32>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = names.iter().map(Self::as_str).collect();
        let ids = |conn: &mut PgConnection| {
            hashtags::table.filter(hashtags::name.eq_any(&names)).select(hashtags::id).load::<i32>(conn)
        };
        let known = ids(conn)?;
        if known.len() == names.len() {
            return Ok(known);
        }
        // In the order of the names (they come sorted), so that two who make the same ones never wait crosswise.
        let rows: Vec<_> = names.iter().map(|name| hashtags::name.eq(name)).collect();
        diesel::insert_into(hashtags::table).values(rows).on_conflict_do_nothing().execute(conn)?;
        ids(conn)
    }

    /// Gives photos of `owner` more hashtags. Photos of others are passed over.
    ///
    /// # Errors
    /// Of the database.
    pub fn add(conn: &mut PgConnection, owner: UserId, to: &[PhotoId], names: &[Self]) -> QueryResult<()> {
        lock_owner(conn, owner)?;
        let ids = Self::ensure(conn, names)?;
        let targets = photos::table
            .filter(photos::owner_id.eq(owner).and(photos::id.eq_any(to)))
            .select((photos::id, photos::taken_at))
            .load::<(PhotoId, chrono::DateTime<chrono::Utc>)>(conn)?;
        let rows: Vec<_> = targets
            .iter()
            .flat_map(|(photo, taken_at)| {
                ids.iter().map(move |id| {
                    (
                        photo_hashtags::owner_id.eq(owner),
                        photo_hashtags::hashtag_id.eq(*id),
                        photo_hashtags::taken_at.eq(*taken_at),
                        photo_hashtags::photo_id.eq(*photo),
                    )
                })
            })
            .collect();
        // Postgres takes at most 65 535 bound values a statement.
        for some in rows.chunks(10_000) {
            diesel::insert_into(photo_hashtags::table).values(some).on_conflict_do_nothing().execute(conn)?;
        }
        Ok(())
    }

    /// Takes hashtags away from photos of `owner`.
    ///
    /// # Errors
    /// Of the database.
    pub fn remove(conn: &mut PgConnection, owner: UserId, from: &[PhotoId], names: &[Self]) -> QueryResult<()> {
        lock_owner(conn, owner)?;
        let names: Vec<&str> = names.iter().map(Self::as_str).collect();
        let ids = hashtags::table.filter(hashtags::name.eq_any(names)).select(hashtags::id);
        diesel::delete(
            photo_hashtags::table
                .filter(photo_hashtags::owner_id.eq(owner))
                .filter(photo_hashtags::photo_id.eq_any(from))
                .filter(photo_hashtags::hashtag_id.eq_any(ids)),
        )
        .execute(conn)
        .map(drop)
    }

    /// Makes these the hashtags of one photo of `owner`. Called by [`PhotoEdit`](crate::models::PhotoEdit) alone, which looks
    /// whether they were changed meanwhile.
    ///
    /// # Errors
    /// Of the database.
    pub(super) fn replace(conn: &mut PgConnection, owner: UserId, photo: PhotoId, names: &[Self]) -> QueryResult<()> {
        lock_owner(conn, owner)?;
        let kept = Self::ensure(conn, names)?;
        diesel::delete(
            photo_hashtags::table
                .filter(photo_hashtags::owner_id.eq(owner))
                .filter(photo_hashtags::photo_id.eq(photo))
                .filter(photo_hashtags::hashtag_id.ne_all(kept)),
        )
        .execute(conn)?;
        Self::add(conn, owner, &[photo], names)
    }

    /// The most hashtags any of these photos of `owner` has.
    ///
    /// # Errors
    /// Of the database.
    pub fn most_on_one(conn: &mut PgConnection, owner: UserId, of: &[PhotoId]) -> QueryResult<usize> {
        let counts = photo_hashtags::table
            .filter(photo_hashtags::owner_id.eq(owner).and(photo_hashtags::photo_id.eq_any(of)))
            .group_by(photo_hashtags::photo_id)
            .select(diesel::dsl::count_star())
            .order(diesel::dsl::count_star().desc())
            .first::<i64>(conn)
            .optional()?;
        Ok(usize::try_from(counts.unwrap_or(0)).unwrap_or(usize::MAX))
    }

    /// The names on one photo, which the caller has found to be theirs to see.
    ///
    /// # Errors
    /// Of the database.
    pub fn of_photo(conn: &mut PgConnection, photo: PhotoId) -> QueryResult<Vec<String>> {
        photo_hashtags::table
            .inner_join(hashtags::table)
            .filter(photo_hashtags::photo_id.eq(photo))
            .order(hashtags::name)
            .select(hashtags::name)
            .load(conn)
    }

    /// The hashtags on one photo, sorted as [`Hashtag::parse_list`] does.
    ///
    /// # Errors
    /// Of the database.
    pub fn on_photo(conn: &mut PgConnection, photo: PhotoId) -> QueryResult<Vec<Self>> {
        let mut hashtags: Vec<_> = Self::of_photo(conn, photo)?.into_iter().map(Self).collect();
        hashtags.sort();
        Ok(hashtags)
    }

    /// The hashtags `owner` uses most, with the number of photos.
    ///
    /// # Errors
    /// Of the database.
    pub fn most_used(conn: &mut PgConnection, owner: UserId, limit: i64) -> QueryResult<Vec<(String, i64)>> {
        hashtag_counts::table
            .inner_join(hashtags::table)
            .filter(hashtag_counts::owner_id.eq(owner).and(hashtag_counts::photos.gt(0)))
            .order((hashtag_counts::photos.desc(), hashtag_counts::hashtag_id))
            .limit(limit)
            .select((hashtags::name, hashtag_counts::photos))
            .load(conn)
    }

    /// The hashtags of `owner` with the number of photos, most used first; only names with `part` in them, and those
    /// that begin with it before the others.
    ///
    /// # Errors
    /// Of the database.
    pub fn of_owner(conn: &mut PgConnection, owner: UserId, part: &str, limit: i64) -> QueryResult<Vec<(String, i64)>> {
        let pattern = pattern_of(part);
        hashtag_counts::table
            .inner_join(hashtags::table)
            .filter(hashtag_counts::owner_id.eq(owner).and(hashtag_counts::photos.gt(0)))
            .filter(hashtags::name.like(format!("%{pattern}%")))
            .order((
                hashtags::name.like(format!("{pattern}%")).desc(),
                hashtag_counts::photos.desc(),
                hashtags::name.asc(),
            ))
            .limit(limit)
            .select((hashtags::name, hashtag_counts::photos))
            .load(conn)
    }
}

/// What is searched for, as `LIKE` wants it.
pub(super) fn pattern_of(part: &str) -> String {
    let part = Hashtag::words(part).collect::<String>();
    part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Writers of one owner's hashtags go one after the other; see `hashtag_counts` in the migrations. Reading and
/// uploading without hashtags do not wait. Taken before any other row, so that no two transactions wait crosswise.
///
/// # Errors
/// Of the database.
pub fn lock_owner(conn: &mut PgConnection, owner: UserId) -> QueryResult<()> {
    users::table.find(owner).select(users::id).for_no_key_update().first::<UserId>(conn).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<String> {
        Hashtag::parse_list(text).unwrap().into_iter().map(|name| name.0).collect()
    }

    #[test]
    fn every_way_to_type_a_list_is_understood() {
        for text in
            ["#Sunset", "sunset", " SUNSET ", "＃ｓｕｎｓｅｔ", "sunset,sunset", "#sunset#Sunset", "sun\u{ad}set"]
        {
            assert_eq!(parse(text), ["sunset"], "{text}");
        }
        assert_eq!(parse("nature, sunset travel"), ["nature", "sunset", "travel"]);
        assert_eq!(parse(""), Vec::<String>::new());
        assert_eq!(parse(" ,#, "), Vec::<String>::new());
    }

    #[test]
    fn names_of_any_script_fold_to_one_form() {
        assert_eq!(parse("Straße STRASSE"), ["strasse"]);
        assert_eq!(parse("ΟΔΟΣ οδος οδοσ"), ["οδοσ"]);
        assert_eq!(parse("Cafe\u{301} CAFÉ"), ["café"]);
        assert_eq!(parse("हिन्दी 日本、東京"), ["हिन्दी", "日本", "東京"]);
    }

    #[test]
    fn what_cannot_be_a_name_is_refused_with_a_reason() {
        assert_eq!(Hashtag::parse_list("a/b"), Err(HashtagError::Character("a/b".into())));
        assert!(matches!(Hashtag::parse_list("<script>"), Err(HashtagError::Character(_))));
        assert!(matches!(Hashtag::parse_list(&"é".repeat(65)), Err(HashtagError::TooLong(_))));
        assert!(Hashtag::parse_list(&"é".repeat(64)).is_ok());
        let many = (0..51).map(|n| format!("t{n} ")).collect::<String>();
        assert_eq!(Hashtag::parse_list(&many), Err(HashtagError::TooMany(51)));
        assert_eq!(Hashtag::parse_list(&"x ".repeat(LONGEST_LIST)), Err(HashtagError::ListTooLong));
        let longest = (0..50).map(|n| format!("{}{n:02} ", "𝒳".repeat(62))).collect::<String>();
        assert_eq!(parse(&longest).len(), 50);
    }

    #[test]
    fn a_filter_is_read_no_further_than_to_the_first_name_too_many() {
        let read = std::cell::Cell::new(0);
        let endless = (0_u32..).map(|n| &*format!("t{n}").leak()).inspect(|_| read.set(read.get() + 1));
        assert_eq!(Hashtag::filter_names(endless, 10), Err(TooManyNames));
        assert_eq!(read.get(), 11);
        let (endless, read) = (std::iter::repeat("same,same, SAME"), std::cell::Cell::new(0));
        assert_eq!(Hashtag::filter_names(endless.inspect(|_| read.set(read.get() + 1)), 10), Err(TooManyNames));
        assert!(read.get() < 500, "the same name for ever ends too: {}", read.get());
        assert_eq!(Hashtag::filter_names(["a,b", "b #C", ""], 3).unwrap(), ["a", "b", "c"]);
        assert_eq!(Hashtag::filter_names(["a/b"], 3).unwrap(), ["a/b"]);
    }
}
