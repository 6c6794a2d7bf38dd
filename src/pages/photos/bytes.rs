//! `GET /photos/{id}/original` and `GET /photos/{id}/{rendition}`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::media::RenditionName;
use crate::storage::Kind;
use crate::web::bytes::{Caching, Served, What};
use crate::web::seen::{OwnPhoto, VisiblePhoto};

/// The bytes as they were uploaded, for the owner alone.
pub async fn show_original(
    request: HttpRequest,
    state: web::Data<AppState>,
    photo: OwnPhoto,
) -> Result<HttpResponse, AppError> {
    let served = Served {
        photo: photo.id,
        what: What::Object(Kind::Original),
        version: photo.renditions_version,
        tag: format!("{}-original", photo.id.0.simple()),
        content_type: photo.content_type.clone(),
        filename: Some(photo.filename.clone()),
        caching: Caching::Private,
    };
    served.answer(&request, &state.album).await
}

/// A rendition, for the owner, or for anyone when the photo is public.
pub async fn show_rendition(
    request: HttpRequest,
    state: web::Data<AppState>,
    photo: VisiblePhoto,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let name: RenditionName = path.1.parse().map_err(|_| AppError::NotFound)?;
    let caching = if photo.is_own() { Caching::Private } else { Caching::Revalidated };
    Served::answer_rendition(&photo, name, caching, &request, &state.album).await
}
