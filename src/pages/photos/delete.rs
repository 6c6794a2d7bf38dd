//! `POST /photos/{id}/delete` and, for a minute, `POST /photos/{id}/restore`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::PhotoId;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::filter::Filter;
use crate::web::forms::{IfSent, Pairs, local_path};
use crate::web::htmx::{Htmx, see_other};
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
    Notice::deleted(1, *id).leave(&state, user.session.id).await;
    Ok(see_other(&back))
}

/// Takes the deletion back that this photo was part of. A script puts the photos back in their places; without one the page
/// comes again from which it was undone (`next`), else what is back is shown.
pub async fn restore_photo(
    state: web::Data<AppState>,
    user: CurrentUser,
    htmx: Htmx,
    id: web::Path<PhotoId>,
    form: IfSent<Pairs>,
) -> Result<HttpResponse, AppError> {
    let back = state.album.take_back(user.user.id, *id).await?;
    Notice::withdraw(&state, user.session.id, back.clone()).await;
    let notice = Notice::Restored(back.len(), Some(*id));
    if htmx.wants_fragment() {
        return notice.fragment();
    }
    notice.leave(&state, user.session.id).await;
    let otherwise = match back.as_slice() {
        [one] => routes::photo(&one.to_string()),
        _ => routes::photos().to_owned(),
    };
    let next = form.0.as_ref().map(|form| form.first("next"));
    Ok(see_other(&local_path(next, &otherwise)))
}
