//! `/api/v1/photos/`: one's own photos.

use actix_multipart::Multipart;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use crate::album::{NotTaken, Staged, Taken};
use crate::api::photo_json::shown;
use crate::api::tagged;
use crate::app::AppState;
use crate::config::Limits;
use crate::error::{AppError, FieldErrors};
use crate::media::MediaError;
use crate::models::{Cursor, Hashtag, Listing, Photo, PhotoId};
use crate::routes;
use crate::web::caller::{Caller, Sent};
use crate::web::filter::{Filter, cut_page};
use crate::web::forms::{Field, Pairs};
use crate::web::photo_changes::{Changes, Typed, Wrong};
use crate::web::upload_form::{Refusal, UploadForm};

/// Photos of an answer, unless it is asked for another number.
const PAGE: usize = 60;
/// The most.
const LARGEST_PAGE: usize = 200;

/// `GET /photos/?hashtag=&limit=&after=`: a page of them, newest first.
pub async fn list_photos(
    request: HttpRequest,
    state: web::Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, AppError> {
    let (filter, limit) = (Filter::of(&request)?, limit(&request)?);
    let after: Option<Cursor> = filter.after()?;
    let listing = Listing { owner: caller.user.id, only_public: false, hashtags: filter.hashtags.clone() };
    let (mut listed, total) = state
        .db
        .read(move |conn| diesel::QueryResult::Ok((listing.page(conn, after, limit as i64 + 1)?, listing.total(conn)?)))
        .await?;
    let next = cut_page(&mut listed, limit)
        .map(|cursor| state.absolute(&routes::api_photos(&filter.hashtags, limit, &cursor.to_string())));
    let photos: Vec<_> = listed.iter().map(|(photo, hashtags)| shown(&state, photo, hashtags)).collect();
    Ok(tagged(&request, &json!({ "photos": photos, "total": total, "next": next })))
}

/// `POST /photos/`: takes one photo in. The same bytes again are the photo that is here, with these hashtags added.
pub async fn create_photo(
    state: web::Data<AppState>,
    caller: Caller,
    upload: Multipart,
) -> Result<HttpResponse, AppError> {
    let limits = Limits { files_per_upload: 1, ..state.config.limits };
    let form = UploadForm::read(upload, &state.album, &limits).await?;
    let hashtags =
        Hashtag::parse_list(&form.hashtags).map_err(|error| AppError::invalid_field("hashtags", error.to_string()))?;
    let staged = only_file(form)?;
    let filename = staged.filename().to_owned();
    let taken = state.album.take_in(caller.user.id, staged, hashtags).await;
    let taken = taken.map_err(|error| refused(filename, error))?;
    Ok(kept(&state, &taken))
}

/// What was taken in: 201 for a new photo, 200 for one that was here.
pub(super) fn kept(state: &AppState, taken: &Taken) -> HttpResponse {
    let mut answer = if taken.already_here { HttpResponse::Ok() } else { HttpResponse::Created() };
    let here = state.absolute(&routes::api_photo(&taken.photo.id.to_string()));
    answer.insert_header((header::LOCATION, here)).json(shown(state, &taken.photo, &taken.hashtags))
}

/// `GET /photos/{id}`: one of them.
pub async fn show_photo(
    state: web::Data<AppState>,
    caller: Caller,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    answer(&state, &caller, *id).await
}

/// What is to change; what is absent stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    title: Option<String>,
    hashtags: Option<Names>,
    visibility: Option<String>,
}

/// Hashtags as people type them, or one by one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected hashtags as a text or a list of texts")]
pub(super) enum Names {
    Text(String),
    List(Vec<String>),
}

impl Names {
    /// As people type them.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(names) => names.join(" "),
        }
    }
}

/// `PATCH /photos/{id}`: title, hashtags, visibility; all that are sent, or none when one of them is wrong.
pub async fn update_photo(
    state: web::Data<AppState>,
    id: web::Path<PhotoId>,
    sent: Sent<web::Json<Patch>>,
) -> Result<HttpResponse, AppError> {
    let Sent(caller, patch) = sent;
    let Patch { title, hashtags, visibility } = patch.into_inner();
    let hashtags = hashtags.map(Names::into_text);
    let changes = Changes::parse(Typed { title, hashtags, visibility }).map_err(wrong)?;
    let (owner, photo) = (caller.user.id, *id);
    state.db.write(move |conn| changes.save(conn, owner, photo)).await?;
    answer(&state, &caller, photo).await
}

/// `DELETE /photos/{id}`: no door shows it from here on.
pub async fn delete_photo(
    state: web::Data<AppState>,
    caller: Caller,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    if state.album.let_go(caller.user.id, vec![*id]).await?.is_empty() {
        return Err(AppError::NotFound);
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn answer(state: &AppState, caller: &Caller, id: PhotoId) -> Result<HttpResponse, AppError> {
    let owner = caller.user.id;
    let (photo, hashtags) = state
        .db
        .read(move |conn| diesel::QueryResult::Ok((Photo::owned_by(conn, owner, id)?, Hashtag::of_photo(conn, id)?)))
        .await?;
    Ok(HttpResponse::Ok().json(shown(state, &photo, &hashtags)))
}

fn limit(request: &HttpRequest) -> Result<usize, AppError> {
    match Pairs::of_query(request)?.first("limit") {
        "" => Ok(PAGE),
        text => {
            text.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit)).ok_or_else(|| {
                AppError::invalid_field("limit", format!("Use a whole number from 1 to {LARGEST_PAGE}."))
            })
        }
    }
}

fn only_file(mut form: UploadForm) -> Result<Staged, AppError> {
    match (form.files.pop(), form.refused.pop()) {
        (Some(staged), None) => Ok(staged),
        (None, Some(refusal)) => Err(refusal.into_error()),
        (None, None) => Err(AppError::invalid_field("file", "Send a photo as “file”.")),
        (Some(_), Some(_)) => Err(AppError::invalid_field("file", "Send one photo at a time.")),
    }
}

/// What is ours stays as it is; what is the file's is said of the field.
pub(super) fn refused(filename: String, error: NotTaken) -> AppError {
    match error {
        NotTaken::Refused(MediaError::Internal(_)) => AppError::internal(error),
        NotTaken::Failed(AppError::Invalid(reason)) => AppError::invalid_field("hashtags", reason),
        NotTaken::Failed(error) => error,
        NotTaken::Refused(_) => Refusal::of(filename, &error).into_error(),
    }
}

fn wrong(wrong: Wrong) -> AppError {
    let visibility = wrong.visibility.then(|| Field::wrong("Use private, link or public."));
    let fields = [("title", wrong.title), ("hashtags", wrong.hashtags), ("visibility", visibility)];
    let wrong = fields.into_iter().filter_map(|(name, field)| Some((name, field?.errors)));
    AppError::InvalidFields(wrong.filter(|(_, errors)| !errors.is_empty()).collect::<FieldErrors>())
}
