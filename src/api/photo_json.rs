//! A photo as its owner's programs see it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use crate::app::AppState;
use crate::media::RenditionName;
use crate::models::{DateSource, Photo, Visibility};
use crate::routes;

/// A photo, to its owner. Its URLs are whole, for use elsewhere.
#[derive(Serialize, ToSchema)]
#[schema(as = Photo)]
pub struct PhotoJson {
    /// Never changes, and later photos have larger ones.
    #[schema(example = "0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11")]
    id: Uuid,
    /// The bytes as they were uploaded; for the owner alone.
    #[schema(format = Uri, example = "http://localhost:8080/photos/0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11/original")]
    url: String,
    /// As it was sent, without folders.
    #[schema(min_length = 1, max_length = 255, example = "IMG_4711.jpg")]
    filename: String,
    /// One line; may be empty.
    #[schema(max_length = 200, example = "Evening at the harbour")]
    title: String,
    /// Found by reading the bytes, whatever was said of them.
    #[schema(pattern = "^image/(jpeg|png|gif|webp|heic|avif)$", example = "image/jpeg")]
    content_type: String,
    /// Of the original.
    #[schema(minimum = 1, example = 3_481_204)]
    size_bytes: i64,
    /// Of the original, in lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$", example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    sha256: String,
    /// In pixels, as seen upright.
    #[schema(minimum = 1, example = 4032)]
    width: i32,
    /// In pixels, as seen upright.
    #[schema(minimum = 1, example = 3024)]
    height: i32,
    /// When it was taken, by `date_source`; when that is `none`, it was uploaded then. Lists are sorted by it, the newest first.
    #[schema(example = "2026-07-14T18:30:00Z")]
    taken_at: DateTime<Utc>,
    /// What tells when it was taken.
    #[schema(schema_with = date_sources)]
    date_source: DateSource,
    /// When it was uploaded.
    #[schema(example = "2026-11-21T09:00:00.123456Z")]
    created_at: DateTime<Utc>,
    /// By name, without `#`.
    #[schema(max_items = 50, example = json!(["crete", "sunset"]))]
    hashtags: Vec<String>,
    /// Who may see it beside its owner.
    #[schema(schema_with = visibilities)]
    visibility: Visibility,
    /// Smaller copies without metadata, by name: `small`, `medium`, `large`; and `moving` for an animation.
    renditions: BTreeMap<String, Rendition>,
    /// The bytes for anyone who has this address, without metadata; null while the photo is private.
    #[schema(format = Uri, example = "http://localhost:8080/i/4fRm0ZbW7cYx2LkQ9vTnHs.webp")]
    public_url: Option<String>,
}

/// A smaller copy of a photo.
#[derive(Serialize, ToSchema)]
pub struct Rendition {
    /// For whoever may see the photo.
    #[schema(format = Uri, example = "http://localhost:8080/photos/0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11/small")]
    url: String,
    /// In pixels.
    #[schema(minimum = 1, example = 480)]
    width: u32,
    /// In pixels.
    #[schema(minimum = 1, example = 360)]
    height: u32,
    /// Of these bytes.
    #[schema(example = "image/webp")]
    content_type: String,
}

/// A page of photos.
#[derive(Serialize, ToSchema)]
pub struct PhotoList {
    /// Newest first.
    pub photos: Vec<PhotoJson>,
    /// How many the whole list has. Null where counting would take longer than listing: with several hashtags of which each
    /// is on more than 1 000 photos.
    #[schema(minimum = 0, example = 72)]
    pub total: Option<i64>,
    /// The address of the next page; null on the last one.
    #[schema(
        format = Uri,
        example = "http://localhost:8080/api/v1/photos/?after=1784053800000000.0199a2f05a4b7c3e9d1f2b6f0c8e4a11&limit=60"
    )]
    pub next: Option<String>,
}

impl PhotoJson {
    /// A photo with the names of its hashtags.
    pub fn of(state: &AppState, photo: Photo, hashtags: Vec<String>) -> Self {
        let id = photo.id.to_string();
        let extension = photo.shown_extension();
        let public_url =
            photo.share_token.as_deref().map(|token| state.absolute(&routes::shared_bytes(token, extension)));
        let (visibility, date_source) = (photo.visibility(), photo.date_source());
        Self {
            url: state.absolute(&routes::original(&id)),
            renditions: renditions(state, &photo, &id),
            id: photo.id.0,
            filename: photo.filename,
            title: photo.title,
            content_type: photo.content_type,
            size_bytes: photo.size_bytes,
            sha256: hex(&photo.sha256),
            width: photo.width,
            height: photo.height,
            date_source,
            taken_at: photo.taken_at,
            created_at: photo.created_at,
            hashtags,
            visibility,
            public_url: public_url.filter(|_| visibility != Visibility::Private),
        }
    }
}

fn renditions(state: &AppState, photo: &Photo, id: &str) -> BTreeMap<String, Rendition> {
    let (width, height) = (photo.width.unsigned_abs(), photo.height.unsigned_abs());
    let shown = |name: RenditionName| {
        let content_type = photo.rendition_type(name)?.to_owned();
        let (width, height) = name.fitted(width, height);
        let url = state.absolute(&routes::rendition(id, name.as_str(), photo.renditions_version));
        Some((name.to_string(), Rendition { url, width, height, content_type }))
    };
    RenditionName::ALL.into_iter().filter_map(shown).collect()
}

/// The schema of a visibility.
fn visibilities() -> Object {
    let words = "Who may see it beside its owner: nobody (`private`), anyone with its link (`link`), or anyone, on the owner's \
                 public page (`public`).";
    let names = [Visibility::Private, Visibility::Link, Visibility::Public].map(Visibility::as_str);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(words))
        .enum_values(Some(names))
        .examples(["private"])
        .build()
}

/// The schema of what tells a date.
fn date_sources() -> Object {
    let words = "What tells when it was taken: what the camera or a program wrote into the file (`camera`), its name (`file name`), \
                 its owner (`owner`), or nothing (`none`).";
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(words))
        .enum_values(Some(DateSource::ALL.map(DateSource::as_str)))
        .examples(["camera"])
        .build()
}

/// The same where it may be left as it is.
pub fn visibilities_or_null() -> Object {
    let mut schema = visibilities();
    schema.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    schema.enum_values.get_or_insert_default().push(serde_json::Value::Null);
    schema
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
