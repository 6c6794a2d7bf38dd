//! Photos as rows: who may see one, and what its owner may change.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use rand::Rng;
use rand::distr::Alphanumeric;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::schema::{photos, users};
use crate::error::AppError;
use crate::media::{Format, RenditionName};
use crate::models::{DateSource, PhotoId, UserId, hashtag};

/// Characters of a link's secret: 22 of 62 give 131 bits, more than a random UUID has.
const SHARE_TOKEN_LENGTH: usize = 22;

/// Who may see a photo beside its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Nobody.
    Private,
    /// Whoever has its link.
    Link,
    /// Everybody; also on the owner's public page.
    Public,
}

impl Visibility {
    /// The visibility of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Private, Self::Link, Self::Public].into_iter().find(|known| known.as_str() == name)
    }

    /// As the row and the forms have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Link => "link",
            Self::Public => "public",
        }
    }
}

/// A row of `photos`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = photos, check_for_backend(Pg))]
pub struct Photo {
    /// Which photo.
    pub id: PhotoId,
    /// Whose.
    pub owner_id: UserId,
    /// As uploaded; shown, never used as a path.
    pub filename: String,
    /// Found by reading the bytes.
    pub content_type: String,
    /// Of the original.
    pub size_bytes: i64,
    /// Of the original.
    pub sha256: Vec<u8>,
    /// In pixels, upright.
    pub width: i32,
    /// In pixels, upright.
    pub height: i32,
    /// A ThumbHash, shown until the bytes arrive. Empty while its renditions are those of an older Lumina.
    pub placeholder: Vec<u8>,
    /// More than one frame, hence a rendition that plays.
    pub animated: bool,
    /// Which renditions are stored: [`crate::media::VERSION`] when they were made.
    pub renditions_version: i16,
    /// May be empty.
    pub title: String,
    visibility: String,
    /// The secret of its link, while it is shared.
    pub share_token: Option<String>,
    /// When it was taken, by [`Photo::date_source`]; else when it was uploaded.
    pub taken_at: DateTime<Utc>,
    date_source: Option<String>,
    /// What the camera's clock was ahead of UTC, if it says.
    pub utc_offset_minutes: Option<i16>,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
    /// Copies of its renditions for a CDN, while it is public and they are there.
    pub public_copy: Option<Uuid>,
}

/// The secret of its link, and what its owner calls it, stay out of logs.
impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Photo").field("id", &self.id).field("owner_id", &self.owner_id).finish_non_exhaustive()
    }
}

/// What the file itself says of how and where it was taken: for its owner's eyes. Missing is what it does not say.
#[derive(Debug, Clone, Default, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = photos, check_for_backend(Pg), treat_none_as_null = true)]
pub struct PhotoFacts {
    /// Maker and model.
    pub camera: Option<String>,
    /// Maker and model.
    pub lens: Option<String>,
    /// The shutter's.
    pub exposure_seconds: Option<f64>,
    /// Focal length by aperture.
    pub f_number: Option<f64>,
    /// Sensitivity.
    pub iso: Option<i32>,
    /// The lens's own, not that of an equivalent one.
    pub focal_length_mm: Option<f64>,
    /// In degrees north.
    pub latitude: Option<f64>,
    /// In degrees east.
    pub longitude: Option<f64>,
    /// See [`Photo`].
    pub utc_offset_minutes: Option<i16>,
}

/// What a new row needs.
#[derive(Insertable)]
#[diesel(table_name = photos, check_for_backend(Pg))]
pub struct NewPhoto {
    /// See [`Photo`].
    pub id: PhotoId,
    /// See [`Photo`].
    pub owner_id: UserId,
    /// See [`Photo`]; 1 to 255 characters.
    pub filename: String,
    /// See [`Photo`].
    pub content_type: &'static str,
    /// See [`Photo`].
    pub size_bytes: i64,
    /// Of the original.
    pub sha256: Vec<u8>,
    /// See [`Photo`].
    pub taken_at: DateTime<Utc>,
    /// [`DateSource::as_str`].
    pub date_source: &'static str,
    /// See [`Photo`].
    #[diesel(embed)]
    pub made: Made,
    /// See [`PhotoFacts`].
    #[diesel(embed)]
    pub facts: PhotoFacts,
}

/// What making its renditions found out about a photo.
#[derive(Debug, Clone, Insertable, AsChangeset)]
#[diesel(table_name = photos, check_for_backend(Pg))]
pub struct Made {
    /// See [`Photo`].
    pub width: i32,
    /// See [`Photo`].
    pub height: i32,
    /// See [`Photo`].
    pub placeholder: Vec<u8>,
    /// See [`Photo`].
    pub animated: bool,
    /// Which renditions these are: [`crate::media::VERSION`] at the time.
    pub renditions_version: i16,
}

impl NewPhoto {
    /// Inserts the row.
    ///
    /// # Errors
    /// Of the database.
    pub fn insert(&self, conn: &mut PgConnection) -> QueryResult<Photo> {
        diesel::insert_into(photos::table).values(self).returning(Photo::as_returning()).get_result(conn)
    }
}

impl Photo {
    /// The ids of the photos that came last, of anybody.
    ///
    /// # Errors
    /// Of the database.
    pub fn latest_ids(conn: &mut PgConnection, most: i64) -> QueryResult<Vec<PhotoId>> {
        photos::table.select(photos::id).order(photos::id.desc()).limit(most).load(conn)
    }

    /// Who may see it beside its owner.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        match self.visibility.as_str() {
            "link" => Visibility::Link,
            "public" => Visibility::Public,
            _ => Visibility::Private,
        }
    }

    /// What tells when it was taken.
    #[must_use]
    pub fn date_source(&self) -> DateSource {
        DateSource::of(self.date_source.as_deref(), self.taken_at, self.created_at)
    }

    /// What the original is.
    ///
    /// # Errors
    /// When this version does not know the type: the row is a newer one's.
    pub fn format(&self) -> Result<Format, AppError> {
        let unknown = || AppError::internal(format!("{} is a type this version does not know", self.content_type));
        Format::of_content_type(&self.content_type).ok_or_else(unknown)
    }

    /// The content type of a rendition; `None` for one that this photo has not.
    #[must_use]
    pub fn rendition_type(&self, name: RenditionName) -> Option<&str> {
        match name {
            RenditionName::Moving => Some(self.content_type.as_str()).filter(|_| self.animated),
            RenditionName::Small | RenditionName::Medium | RenditionName::Large => Some("image/webp"),
        }
    }

    /// The usual extension of what shows it to visitors: the animation where it plays, else its large rendition.
    #[must_use]
    pub fn shown_extension(&self) -> &'static str {
        let moving = Format::of_content_type(&self.content_type).filter(|_| self.animated);
        moving.unwrap_or(Format::WebP).extension()
    }

    /// The photo, if `owner` owns it.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is none, or it is somebody else's.
    pub fn owned_by(conn: &mut PgConnection, owner: UserId, id: PhotoId) -> QueryResult<Self> {
        photos::table.find(id).filter(photos::owner_id.eq(owner)).select(Self::as_select()).first(conn)
    }

    /// As [`Photo::owned_by`], and nobody else changes it until the transaction ends.
    ///
    /// # Errors
    /// As [`Photo::owned_by`].
    pub fn hold(conn: &mut PgConnection, owner: UserId, id: PhotoId) -> QueryResult<Self> {
        let own = photos::table.find(id).filter(photos::owner_id.eq(owner));
        own.for_no_key_update().select(Self::as_select()).first(conn)
    }

    /// What the file says of itself, if `owner` owns the photo.
    ///
    /// # Errors
    /// As [`Photo::owned_by`].
    pub fn facts(conn: &mut PgConnection, owner: UserId, id: PhotoId) -> QueryResult<PhotoFacts> {
        photos::table.find(id).filter(photos::owner_id.eq(owner)).select(PhotoFacts::as_select()).first(conn)
    }

    /// The photo of `owner` with exactly these bytes, the oldest if there are several.
    ///
    /// # Errors
    /// Of the database.
    pub fn with_bytes(conn: &mut PgConnection, owner: UserId, sha256: &[u8]) -> QueryResult<Option<Self>> {
        photos::table
            .filter(photos::owner_id.eq(owner).and(photos::sha256.eq(sha256)))
            .order(photos::id)
            .select(Self::as_select())
            .first(conn)
            .optional()
    }

    /// Those of these photos that `owner` owns.
    ///
    /// # Errors
    /// Of the database.
    pub fn all_owned_by(conn: &mut PgConnection, owner: UserId, ids: &[PhotoId]) -> QueryResult<Vec<PhotoId>> {
        photos::table.filter(photos::owner_id.eq(owner).and(photos::id.eq_any(ids))).select(photos::id).load(conn)
    }

    /// The photo with this link, if it is a public one of `owner`.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such public photo.
    pub fn public_of(conn: &mut PgConnection, owner: UserId, token: &str) -> QueryResult<Self> {
        photos::table
            .filter(photos::share_token.eq(token))
            .filter(photos::owner_id.eq(owner).and(photos::visibility.eq(Visibility::Public.as_str())))
            .select(Self::as_select())
            .first(conn)
    }

    /// The shared photo behind a link, and its owner.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when no photo has this link (any more).
    pub fn by_share_token(conn: &mut PgConnection, token: &str) -> QueryResult<(Self, crate::models::User)> {
        photos::table
            .inner_join(users::table)
            .filter(photos::share_token.eq(token))
            .filter(users::active)
            .select((Self::as_select(), crate::models::User::as_select()))
            .first(conn)
    }

    /// Whether there is such a photo, whosever it is: for work that is not done for anybody.
    ///
    /// # Errors
    /// Of the database.
    pub fn exists(conn: &mut PgConnection, id: PhotoId) -> QueryResult<bool> {
        diesel::select(diesel::dsl::exists(photos::table.find(id))).get_result(conn)
    }

    /// The photo, whosever it is, if it is still there: for work that is not done for anybody.
    ///
    /// # Errors
    /// Of the database.
    pub fn whosever(conn: &mut PgConnection, id: PhotoId) -> QueryResult<Option<Self>> {
        photos::table.find(id).select(Self::as_select()).first(conn).optional()
    }

    /// Photos of all owners in the order of their ids, from the one after `after` on: for work that is not done for
    /// anybody.
    ///
    /// # Errors
    /// Of the database.
    pub fn all_after(conn: &mut PgConnection, after: Option<PhotoId>, limit: i64) -> QueryResult<Vec<Self>> {
        let after = after.unwrap_or(PhotoId(Uuid::nil()));
        photos::table.filter(photos::id.gt(after)).order(photos::id).limit(limit).select(Self::as_select()).load(conn)
    }

    /// How many photos there are, of all owners. Reads them all.
    ///
    /// # Errors
    /// Of the database.
    pub fn count_all(conn: &mut PgConnection) -> QueryResult<i64> {
        photos::table.count().get_result(conn)
    }

    /// Writes down what making the renditions anew found out, and when the photo was taken by its file, if that tells it and
    /// its owner did not. A photo that is gone stays gone.
    ///
    /// # Errors
    /// Of the database.
    pub fn set_made(
        conn: &mut PgConnection,
        photo: &Self,
        made: &Made,
        facts: &PhotoFacts,
        dated: Option<(DateTime<Utc>, DateSource)>,
    ) -> QueryResult<()> {
        hashtag::lock_owner(conn, photo.owner_id)?;
        let dated = dated.filter(|_| photo.date_source() != DateSource::Owner);
        let dated = dated.map(|(at, source)| (photos::taken_at.eq(at), photos::date_source.eq(source.as_str())));
        diesel::update(photos::table.find(photo.id)).set((made, facts, dated)).execute(conn).map(drop)
    }

    /// Sets the title. Called by [`PhotoEdit`](crate::models::PhotoEdit) alone.
    ///
    /// # Errors
    /// [`diesel::NotFound`] as [`Photo::owned_by`].
    pub(super) fn set_title(conn: &mut PgConnection, owner: UserId, id: PhotoId, title: &str) -> QueryResult<Self> {
        diesel::update(photos::table.find(id).filter(photos::owner_id.eq(owner)))
            .set(photos::title.eq(title))
            .returning(Self::as_returning())
            .get_result(conn)
    }

    /// Sets who may see it, whatever it was: for a photo that is just coming in. Of one that is here,
    /// [`PhotoEdit`](crate::models::PhotoEdit) changes it. Making it private ends its link for good: sharing it again makes a
    /// new one.
    ///
    /// # Errors
    /// [`diesel::NotFound`] as [`Photo::owned_by`].
    pub fn set_visibility(
        conn: &mut PgConnection,
        owner: UserId,
        id: PhotoId,
        visibility: Visibility,
    ) -> QueryResult<Self> {
        let photo = Self::hold(conn, owner, id)?;
        let token = match visibility {
            Visibility::Private => None,
            Visibility::Link | Visibility::Public => Some(photo.share_token.unwrap_or_else(new_share_token)),
        };
        diesel::update(photos::table.find(id))
            .set((photos::visibility.eq(visibility.as_str()), photos::share_token.eq(token)))
            .returning(Self::as_returning())
            .get_result(conn)
    }
}

/// Whether a link can have this secret at all.
#[must_use]
pub fn is_share_token(text: &str) -> bool {
    text.len() == SHARE_TOKEN_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn new_share_token() -> String {
    rand::rng().sample_iter(Alphanumeric).take(SHARE_TOKEN_LENGTH).map(char::from).collect()
}
