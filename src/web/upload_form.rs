//! Reading an upload: multipart fields in any order, each file streamed to a temporary file.
//!
//! A file that is too large does not spoil the others: its bytes are read and dropped up to a point, so that the client
//! gets to see the answer. A client that stalls is cut off by [`crate::web::pace`].

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::StatusCode;
use futures_util::StreamExt;

use crate::album::{Album, NotTaken, Staged, shown_name};
use crate::config::Limits;
use crate::error::{AppError, DISK_FULL};
use crate::media::MediaError;
use crate::models::{UserId, hashtag};
use crate::web::form_part::PartName;

/// The longest `hashtags` field, in bytes.
const LONGEST_TEXT: usize = hashtag::LONGEST_LIST;
/// The most fields that hold a text: some programs send each hashtag in a field of its own.
const MOST_TEXTS: usize = 100;
/// Empty files beyond the most files of an upload.
const SPARE: usize = 10;
/// What an unwanted field counts beside its bytes: its head.
const FIELD: u64 = 1024;
/// Unwanted bytes that are read to the end rather than cut off.
const PATIENCE: u64 = 1024 * 1024 * 1024;

/// A file that was not kept, and why, in words.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// As it was sent.
    pub filename: String,
    /// What to tell the one who sent it.
    pub reason: String,
    /// What the answer would be if it were the only file.
    pub status: StatusCode,
}

impl Refusal {
    /// What to say of `error`. Causes that are ours go to the log.
    #[must_use]
    pub fn of(filename: String, error: &NotTaken) -> Self {
        let (status, reason) = match error {
            NotTaken::Refused(
                MediaError::NotAnImage { .. } | MediaError::RareKind { .. } | MediaError::DecoderMissing { .. },
            ) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, error.to_string()),
            NotTaken::Refused(MediaError::Internal(cause)) => {
                tracing::error!(%cause, "a photo could not be processed");
                (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
            }
            NotTaken::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            NotTaken::Failed(AppError::Invalid(reason)) => (StatusCode::UNPROCESSABLE_ENTITY, reason.clone()),
            NotTaken::Failed(AppError::OverQuota(reason)) => (StatusCode::PAYLOAD_TOO_LARGE, reason.clone()),
            NotTaken::Failed(AppError::LoginRequired) => {
                (StatusCode::UNAUTHORIZED, "You were logged out meanwhile. Nothing was kept of this photo.".to_owned())
            }
            NotTaken::Failed(AppError::Unavailable(cause)) => {
                tracing::warn!(cause, "a photo could not be kept");
                let reason =
                    "Lumina cannot store photos just now. Nothing was kept of this one. Try again in a moment.";
                (StatusCode::SERVICE_UNAVAILABLE, reason.to_owned())
            }
            NotTaken::Failed(AppError::DiskFull) => (StatusCode::INSUFFICIENT_STORAGE, DISK_FULL.to_owned()),
            NotTaken::Failed(cause) => {
                tracing::error!(%cause, "a photo could not be kept");
                let reason = "Something went wrong on our side. Nothing was kept of this photo. Try again.";
                (StatusCode::INTERNAL_SERVER_ERROR, reason.to_owned())
            }
        };
        Self { filename, reason, status }
    }

    /// As the error of a request that this file was all of.
    #[must_use]
    pub fn into_error(self) -> AppError {
        match self.status {
            StatusCode::INSUFFICIENT_STORAGE => AppError::DiskFull,
            StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLarge(self.reason),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => AppError::Unsupported(self.reason),
            _ => AppError::invalid_field("file", self.reason),
        }
    }

    fn too_large(filename: String, limits: &Limits) -> Self {
        let reason =
            format!("This file is larger than {} MiB. Make it smaller, then send it again.", limits.upload_mib);
        Self { filename, reason, status: StatusCode::PAYLOAD_TOO_LARGE }
    }

    fn too_many(filename: String, limits: &Limits) -> Self {
        let reason = format!("At most {} files can be sent at once. Send this one again.", limits.files_per_upload);
        Self { filename, reason, status: StatusCode::PAYLOAD_TOO_LARGE }
    }
}

/// What came in an upload.
#[derive(Default)]
pub struct UploadForm {
    /// The files that arrived whole.
    pub files: Vec<Staged>,
    /// The files that did not.
    pub refused: Vec<Refusal>,
    /// As it was typed.
    pub hashtags: String,
    /// As it was sent; empty when it was not. Programs alone send one.
    pub visibility: String,
}

impl UploadForm {
    /// Reads the whole upload.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] when it breaks off or is no multipart form, [`AppError::Unavailable`] when there is no
    /// room for it. Nothing stays behind then.
    pub async fn read(mut upload: Multipart, album: &Album, owner: UserId, limits: &Limits) -> Result<Self, AppError> {
        let mut form = Self::default();
        let mut reader = Reader { album, owner, limits, unwanted: 0, files: 0, texts: 0 };
        while let Some(field) = upload.next().await {
            let mut field = field.map_err(|error| unreadable(&error))?;
            let name = PartName::of(&field);
            match name.field.as_str() {
                "file" => form.read_file(&name.file, &mut field, &mut reader).await?,
                "hashtags" => reader.add_text(&mut form.hashtags, &mut field).await?,
                "visibility" => reader.add_text(&mut form.visibility, &mut field).await?,
                _ => reader.drain(&mut field).await?,
            }
            if reader.unwanted > PATIENCE {
                break;
            }
        }
        Ok(form)
    }

    async fn read_file(&mut self, filename: &str, field: &mut Field, reader: &mut Reader<'_>) -> Result<(), AppError> {
        let limits = reader.limits;
        let chosen = !filename.is_empty();
        let filename = shown_name(filename);
        // Empty parts and parts without a name too, of which browsers send one: each costs a temporary file.
        reader.files += 1;
        let most = limits.files_per_upload as usize;
        if reader.files > most + SPARE || self.files.len() + self.refused.len() >= most {
            // As many again are named; a hostile form could go on for millions.
            if self.refused.len() < most {
                self.refused.push(Refusal::too_many(filename, limits));
            }
            return reader.drain(field).await;
        }
        let mut staging = reader.album.stage(reader.owner).await?;
        while let Some(chunk) = field.next().await {
            staging.write(&chunk.map_err(|_| broken_off())?).await?;
            if staging.size() > limits.upload_bytes() {
                drop(staging);
                self.refused.push(Refusal::too_large(filename, limits));
                return reader.drain(field).await;
            }
        }
        // Browsers send an empty, nameless file where none was chosen.
        if staging.size() > 0 || chosen {
            self.files.push(staging.finish(&filename).await?);
        }
        Ok(())
    }
}

/// How the reading of one form goes.
struct Reader<'a> {
    album: &'a Album,
    owner: UserId,
    limits: &'a Limits,
    /// Bytes so far that nobody wants.
    unwanted: u64,
    /// Parts so far that are called “file”.
    files: usize,
    /// Fields so far that hold a text.
    texts: usize,
}

impl Reader<'_> {
    /// A field that comes more than once holds all that was sent.
    async fn add_text(&mut self, text: &mut String, field: &mut Field) -> Result<(), AppError> {
        self.texts += 1;
        if self.texts > MOST_TEXTS {
            return Err(AppError::TooLarge(format!("Send at most {MOST_TEXTS} fields beside the files.")));
        }
        let more = read_text(field).await?;
        if text.len() + more.len() > LONGEST_TEXT {
            return Err(too_long());
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&more);
        Ok(())
    }

    /// Reads on without keeping anything, up to [`PATIENCE`].
    async fn drain(&mut self, field: &mut Field) -> Result<(), AppError> {
        self.unwanted += FIELD;
        while let Some(chunk) = field.next().await {
            self.unwanted += chunk.map_err(|_| broken_off())?.len() as u64;
            if self.unwanted > PATIENCE {
                break;
            }
        }
        Ok(())
    }
}

fn too_long() -> AppError {
    AppError::TooLarge("A field other than the file is too long.".to_owned())
}

async fn read_text(field: &mut Field) -> Result<String, AppError> {
    let bytes = field.bytes(LONGEST_TEXT).await.map_err(|_| too_long())?;
    Ok(String::from_utf8_lossy(&bytes.map_err(|_| broken_off())?).into_owned())
}

/// It is no upload at all, or it breaks off.
fn unreadable(error: &MultipartError) -> AppError {
    use MultipartError::{BoundaryMissing, ContentTypeIncompatible, ContentTypeMissing, ContentTypeParse};
    match error {
        BoundaryMissing | ContentTypeIncompatible | ContentTypeMissing | ContentTypeParse => {
            AppError::Unsupported("Send the upload as multipart/form-data.".to_owned())
        }
        _ => broken_off(),
    }
}

fn broken_off() -> AppError {
    AppError::BadRequest("The upload broke off. Nothing was kept. Send it again.".to_owned())
}
