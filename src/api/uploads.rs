//! `/api/v1/photos/upload-url`, `…/uploads/{id}`, `…/confirm`: photos that programs put into the storage themselves.
//!
//! A bucket takes the bytes straight at the address that is given out. Beside a disk, Lumina receives them itself, at an
//! address of its own that holds a secret.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use crate::album::direct::{NotConfirmed, key};
use crate::api::photos::{Names, kept, refused};
use crate::api::rfc3339;
use crate::app::AppState;
use crate::error::{AppError, FieldErrors};
use crate::media::Format;
use crate::models::{Hashtag, Upload, UploadId};
use crate::routes;
use crate::storage::{Kind, ObjectKey};
use crate::tokens::RandomSecret;
use crate::web::caller::Sent;
use crate::web::forms::Pairs;
use crate::web::pace::Pace;

/// Other names for the types of the formats: what is in the file is found out when it is confirmed.
const ALIASES: [&str; 6] =
    ["image/jpg", "image/pjpeg", "image/apng", "image/heif", "image/heic-sequence", "application/octet-stream"];

/// A file that is to come.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    filename: String,
    content_type: String,
    size_bytes: u64,
}

/// `POST /photos/upload-url`: where to put a file.
pub async fn create_upload(
    state: web::Data<AppState>,
    sent: Sent<web::Json<Announcement>>,
) -> Result<HttpResponse, AppError> {
    let Sent(caller, new) = sent;
    new.check(&state)?;
    let secret = RandomSecret::generate();
    let announced = state.album.announce(caller.user.id, &new.filename, new.size_bytes, secret.hash()).await?;
    let id = announced.upload.id;
    let own = || state.absolute(&routes::api_upload(&id.to_string(), &secret.text()));
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "upload_url": announced.url.unwrap_or_else(own),
        "method": "PUT",
        "headers": { "Content-Type": new.content_type, "Content-Length": new.size_bytes.to_string() },
        "key": key(id).to_string(),
        "expires_at": rfc3339(announced.upload.expires_at),
    })))
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
    let (mut file, mut pace, mut size) = (state.album.temporary().await?, Pace::default(), 0_u64);
    while let Some(chunk) = pace.next(&mut body).await? {
        let chunk = chunk.map_err(|_| AppError::BadRequest("The upload broke off. Send it again.".to_owned()))?;
        size += chunk.len() as u64;
        if size > announced {
            return Err(other(size));
        }
        file.write(&chunk).await?;
    }
    if size < announced {
        return Err(other(size));
    }
    state.album.receive(&upload, file.finish().await?).await?;
    Ok(HttpResponse::Ok().finish())
}

/// What has been put where it was to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    key: String,
    hashtags: Option<Names>,
}

/// `POST /photos/confirm`: makes what was put there a photo, after the same checks as for any upload.
pub async fn confirm_upload(
    state: web::Data<AppState>,
    sent: Sent<web::Json<Confirmation>>,
) -> Result<HttpResponse, AppError> {
    let Sent(caller, confirmation) = sent;
    let Confirmation { key: named, hashtags } = confirmation.into_inner();
    let id = id_in(&named).ok_or(AppError::NotFound)?;
    let typed = hashtags.map(Names::into_text).unwrap_or_default();
    let hashtags =
        Hashtag::parse_list(&typed).map_err(|error| AppError::invalid_field("hashtags", error.to_string()))?;
    match state.album.confirm(caller.user.id, id, hashtags).await {
        Ok(taken) => Ok(kept(&state, &taken)),
        Err(NotConfirmed::NotTaken(error)) => Err(refused(named, error)),
        Err(error) => Err(AppError::invalid_field("key", error.to_string())),
    }
}

/// The upload that a key names.
fn id_in(named: &str) -> Option<UploadId> {
    let key: ObjectKey = named.parse().ok()?;
    (key.kind() == Kind::Upload).then_some(UploadId(key.id()))
}
