//! `POST /account/sessions/{id}/end` and `POST /account/sessions/end-others`: signing devices out.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::{Session, SessionId};
use crate::pages::account::Account;
use crate::routes;
use crate::web::auth::{CurrentUser, SignedIn};
use crate::web::htmx::{Htmx, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

/// Signs one device out.
pub async fn end_session(
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    id: web::Path<SessionId>,
) -> Result<HttpResponse, AppError> {
    let (owner, id) = (user.user.id, *id);
    if !state.db.write(move |conn| Session::end(conn, owner, id)).await? {
        return Err(AppError::NotFound);
    }
    if id == user.session.id {
        return Ok(see_other(routes::login()));
    }
    answer(&state, page, &user, htmx, 1).await
}

/// Signs all devices out but this one.
pub async fn end_other_sessions(
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
) -> Result<HttpResponse, AppError> {
    let (owner, kept) = (user.user.id, user.session.id);
    let ended = state.db.write(move |conn| Session::end_others(conn, owner, kept)).await?;
    answer(&state, page, &user, htmx, ended).await
}

async fn answer(
    state: &AppState,
    page: Page,
    user: &SignedIn,
    htmx: Htmx,
    ended: usize,
) -> Result<HttpResponse, AppError> {
    if !htmx.wants_fragment() {
        Notice::DevicesSignedOut(ended).leave(state, user.session.id).await;
        return Ok(see_other(routes::account()));
    }
    let mut view = Account::load(state, page, user).await?;
    view.saved = Some(Notice::DevicesSignedOut(ended).text());
    htmx.answer(StatusCode::OK, &view, &view.as_sessions())
}
