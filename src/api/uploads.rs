//! `/api/v1/photos/upload-url`, `…/uploads/{id}`, `…/confirm`: photos that programs put into the storage themselves.
//!
//! A bucket takes the bytes straight at the address that is given out. Beside a disk, Lumina receives them itself, at an
//! address of its own that holds a secret.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::album::direct::{NotConfirmed, key};
use crate::api::idempotency::{Claimed, IdempotencyKey, Try, fingerprint, respond};
use crate::api::photos::{Names, answer_to, names, refused, remember};
use crate::app::AppState;
use crate::error::{AppError, FieldErrors};
use crate::media::Format;
use crate::models::{Hashtag, Upload, UploadId, UserId};
use crate::routes;
use crate::storage::{Kind, ObjectKey};
use crate::tokens::RandomSecret;
use crate::web::caller::{Sent, WritePhotos};
use crate::web::forms::{JsonBody, Pairs};

/// Other names for the types of the formats: what is in the file is found out when it is confirmed.
const ALIASES: [&str; 6] =
    ["image/jpg", "image/pjpeg", "image/apng", "image/heif", "image/heic-sequence", "application/octet-stream"];

/// A file that is to come.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UploadAnnouncement)]
pub struct Announcement {
    /// Shown to people; never a path.
    #[schema(min_length = 1, example = "IMG_4711.jpg")]
    filename: String,
    /// What it says it is; what it is shows when it is confirmed.
    #[schema(example = "image/jpeg")]
    content_type: String,
    /// Exactly so many bytes have to come.
    #[schema(minimum = 1, example = 3_481_204)]
    size_bytes: u64,
}

/// Where to put a file.
#[derive(Serialize, ToSchema)]
pub struct UploadTarget {
    /// The address: the bucket's own, or Lumina's where photos are on disk. Whoever knows it may put the file there.
    #[schema(format = Uri, example = "https://photos.example/api/v1/photos/uploads/0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11?secret=q4vJ0m8u")]
    upload_url: String,
    /// Always `PUT`.
    #[schema(pattern = "^PUT$", example = "PUT")]
    method: &'static str,
    /// What has to be sent along, by name.
    #[schema(example = json!({ "Content-Type": "image/jpeg", "Content-Length": "3481204" }))]
    headers: BTreeMap<&'static str, String>,
    /// Names it when it is confirmed.
    #[schema(example = "uploads/11/0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11")]
    key: String,
    /// Until when it can be put there and confirmed.
    #[schema(example = "2026-11-21T10:00:00Z")]
    expires_at: DateTime<Utc>,
}

/// `POST /photos/upload-url`: where to put a file.
pub async fn create_upload(
    request: HttpRequest,
    state: web::Data<AppState>,
    sent: Sent<WritePhotos, JsonBody<Announcement>>,
) -> Result<HttpResponse, AppError> {
    let Sent(caller, JsonBody(new)) = sent;
    state.rates.upload_of(&request, caller.user.id)?;
    new.check(&state)?;
    let secret = RandomSecret::generate();
    let announced = state.album.announce(caller.user.id, &new.filename, new.size_bytes, secret.hash()).await?;
    let id = announced.upload.id;
    let own = || state.absolute(&routes::api_upload(&id.to_string(), &secret.text()));
    let headers = [("Content-Type", new.content_type), ("Content-Length", new.size_bytes.to_string())];
    let target = UploadTarget {
        upload_url: announced.url.unwrap_or_else(own),
        method: "PUT",
        headers: headers.into(),
        key: key(id).to_string(),
        expires_at: announced.upload.expires_at,
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(target))
}

impl Announcement {
    /// What can be refused before a byte comes.
    fn check(&self, state: &AppState) -> Result<(), AppError> {
        let kind = self.content_type.trim().to_ascii_lowercase();
        let takes = state.album.formats().map(Format::content_type).chain(ALIASES).any(|known| known == kind);
        let mut wrong = FieldErrors::new();
        if self.size_bytes == 0 {
            wrong.insert("size_bytes", vec!["This file is empty.".to_owned()]);
        }
        if self.filename.trim().is_empty() {
            wrong.insert("filename", vec!["Give the file's name.".to_owned()]);
        }
        if !wrong.is_empty() {
            return Err(AppError::InvalidFields(wrong));
        }
        if !takes {
            return Err(AppError::Unsupported(format!("Send a {}.", state.album.formats_in_words())));
        }
        let limits = &state.config.limits;
        if self.size_bytes > limits.upload_bytes() {
            return Err(AppError::TooLarge(format!("This file is larger than {} MiB.", limits.upload_mib)));
        }
        Ok(())
    }
}

/// `PUT /photos/uploads/{id}?secret=`: receives a file where the storage is a disk. Whoever knows the address may.
pub async fn receive_upload(
    request: HttpRequest,
    state: web::Data<AppState>,
    id: web::Path<UploadId>,
    mut body: web::Payload,
) -> Result<HttpResponse, AppError> {
    let secret = RandomSecret::parse(Pairs::of_query(&request)?.first("secret")).ok_or(AppError::NotFound)?;
    let (id, hash) = (*id, secret.hash());
    let upload = state.db.read(move |conn| Upload::awaited(conn, id, &hash)).await?;
    let announced = upload.size_bytes.unsigned_abs();
    let other = |came: u64| AppError::BadRequest(NotConfirmed::OtherSize { announced, came }.to_string());
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(length) = length.filter(|length| *length != announced) {
        return Err(other(length));
    }
    let mut incoming = state.album.begin_receiving(&upload).await?;
    let mut size = 0_u64;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| AppError::BadRequest("The upload broke off. Send it again.".to_owned()))?;
        size += chunk.len() as u64;
        if size > announced {
            return Err(other(size));
        }
        state.album.receive_chunk(&mut incoming, &chunk).await?;
    }
    if size < announced {
        return Err(other(size));
    }
    state.album.received(&upload, incoming).await?;
    Ok(HttpResponse::Ok().finish())
}

/// What has been put where it was to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UploadConfirmation)]
pub struct Confirmation {
    /// As it was given out with the address.
    #[schema(example = "uploads/11/0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11")]
    key: String,
    /// What it is to carry, at most 50.
    #[schema(schema_with = names)]
    hashtags: Option<Names>,
}

/// `POST /photos/confirm`: makes what was put there a photo, after the same checks as for any upload.
pub async fn confirm_upload(
    state: web::Data<AppState>,
    key: IdempotencyKey,
    sent: Sent<WritePhotos, JsonBody<Confirmation>>,
) -> Result<HttpResponse, AppError> {
    let Sent(caller, JsonBody(Confirmation { key: named, hashtags })) = sent;
    let id = id_in(&named).ok_or(AppError::NotFound)?;
    let typed = hashtags.map(Names::into_text).unwrap_or_default();
    let hashtags =
        Hashtag::parse_list(&typed).map_err(|error| AppError::invalid_field("hashtags", error.to_string()))?;
    let request = fingerprint([&b"POST /photos/confirm"[..], named.as_bytes(), typed.as_bytes()]);
    match key.claim(&state.db, caller.user.id, request).await? {
        Claimed::Before(answer) => Ok(answer),
        Claimed::Now(this) => confirm(state, this, caller.user.id, id, hashtags).await,
    }
}

async fn confirm(
    state: web::Data<AppState>,
    this: Try,
    owner: UserId,
    id: UploadId,
    hashtags: Vec<Hashtag>,
) -> Result<HttpResponse, AppError> {
    let also = remember(&state, &this, None);
    match this.run(state.album.confirm(owner, id, hashtags, also)).await {
        Ok(taken) => Ok(respond(answer_to(&state, this.hold.as_ref(), &taken)?)),
        Err(NotConfirmed::NotTaken(error)) => Err(refused(key(id).to_string(), error)),
        Err(error) => Err(AppError::invalid_field("key", error.to_string())),
    }
}

/// The upload that a key names.
fn id_in(named: &str) -> Option<UploadId> {
    let key: ObjectKey = named.parse().ok()?;
    (key.kind() == Kind::Upload).then_some(UploadId(key.id()))
}
