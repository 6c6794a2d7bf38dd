//! `POST /photos/{id}/delete` and, for a minute, `POST /photos/{id}/restore`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::PhotoId;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::filter::Filter;
use crate::web::htmx::see_other;
use crate::web::notice::Notice;

/// Deletes one photo and goes back to the gallery as it was filtered, which offers to undo it.
pub async fn delete_photo(
    request: HttpRequest,
    state: web::Data<AppState>,
    user: CurrentUser,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    let back = routes::photos_with(&Filter::of(&request)?.hashtags);
    if state.album.let_go(user.user.id, vec![*id]).await?.is_empty() {
        return Err(AppError::NotFound);
    }
    Notice::Deleted(1, *id).leave(&state, user.session.id).await;
    Ok(see_other(&back))
}

/// Takes the deletion back that this photo was part of, and shows what is back.
pub async fn restore_photo(
    state: web::Data<AppState>,
    user: CurrentUser,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    let back = state.album.take_back(user.user.id, *id).await?;
    Notice::Restored(back.len()).leave(&state, user.session.id).await;
    match back.as_slice() {
        [one] => Ok(see_other(&routes::photo(&one.to_string()))),
        _ => Ok(see_other(routes::photos())),
    }
}
