//! `GET /photos/{id}/original` and `GET /photos/{id}/{rendition}`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::media::RenditionName;
use crate::models::{Photo, PhotoId, Visibility};
use crate::storage::Kind;
use crate::web::bytes::{Caching, Served};
use crate::web::caller::{AnyCaller, Caller};

/// The bytes as they were uploaded, for the owner alone.
pub async fn show_original(
    request: HttpRequest,
    state: web::Data<AppState>,
    user: Caller,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    let (owner, id) = (user.user.id, *id);
    let photo = state.db.read(move |conn| Photo::owned_by(conn, owner, id)).await?;
    let served = Served {
        photo: id,
        kind: Kind::Original,
        tag: format!("{}-original", id.0.simple()),
        content_type: photo.content_type,
        filename: Some(photo.filename),
        caching: Caching::Private,
    };
    served.answer(&request, &state.album).await
}

/// A rendition, for the owner, or for anyone when the photo is public.
pub async fn show_rendition(
    request: HttpRequest,
    state: web::Data<AppState>,
    visitor: AnyCaller,
    path: web::Path<(PhotoId, String)>,
) -> Result<HttpResponse, AppError> {
    let (id, name) = path.into_inner();
    let name: RenditionName = name.parse().map_err(|_| AppError::NotFound)?;
    let viewer = visitor.0.map(|signed_in| signed_in.user.id);
    let photo = state.db.read(move |conn| Photo::visible_to(conn, viewer, id)).await?;
    let caching = match photo.visibility() {
        Visibility::Public => Caching::Public,
        Visibility::Private | Visibility::Link => Caching::Private,
    };
    Served::answer_rendition(&photo, name, caching, &request, &state.album).await
}
