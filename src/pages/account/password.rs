//! `POST /account/password`: changing the password, which signs all other devices out, and ends the tokens of programs
//! unless one wants to keep them: whoever knew the old password may have made some.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::{PersonalToken, Session, User};
use crate::pages::account::Account;
use crate::passwords::Lane;
use crate::routes;
use crate::web::auth::{CurrentUser, sign_in};
use crate::web::htmx::Htmx;
use crate::web::new_account::checked_password;
use crate::web::notice::Notice;
use crate::web::page::Page;

/// What is sent.
#[derive(Deserialize)]
pub struct NewPassword {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    password: String,
    /// Anything: programs' tokens stay as they are.
    keep_tokens: Option<String>,
}

/// Needs the old password: a device left unlocked must not be enough to take the account over. Who logs in elsewhere alone has
/// none, and sets the first.
pub async fn update_password(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    form: web::Form<NewPassword>,
) -> Result<HttpResponse, AppError> {
    let form = form.into_inner();
    let mut view = Account::load(&state, page, &user).await?;
    view.new_password = checked_password(&form.password);
    if user.user.password_hash.is_some() {
        let tried = state.guesses.at_own_password(user.user.id).await?;
        if state.passwords.verify(Lane::Known, form.current_password, user.user.password_hash.clone()).await?.is_right()
        {
            tried.take_back().await?;
        } else {
            view.current_password.refuse("This is not your current password.");
        }
    }
    if !view.new_password.is_fine() || !view.current_password.is_fine() {
        return htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_password());
    }
    let keeps_tokens = form.keep_tokens.is_some();
    let hash = state.passwords.hash(Lane::Known, form.password).await?;
    let (before, id, session) = (user.user.clone(), user.user.id, user.session.id);
    let changed = state
        .db
        .write(move |conn| {
            // Comparing a password takes a while, in which it may have been changed in another tab.
            if !before.is_unchanged(conn)? {
                return Ok(None);
            }
            if !keeps_tokens {
                PersonalToken::end_all(conn, id)?;
            }
            let changed = User::set_password_hash(conn, id, &hash)?;
            diesel::QueryResult::Ok(Some((changed, Session::end_others(conn, id, session)?)))
        })
        .await?;
    let Some((changed, ended)) = changed else {
        view.current_password.refuse("Your password was changed meanwhile. Enter the one that counts now.");
        return htmx.answer(StatusCode::CONFLICT, &view, &view.as_password());
    };
    // This device gets a new session too: a copy of its cookie may be what the change is about.
    let renewed = sign_in(&request, &state, &changed).await?;
    let notice = if view.has_password { Notice::PasswordChanged(ended) } else { Notice::PasswordSet };
    notice.leave(&state, renewed).await;
    // The devices and tokens on the page are others now: it comes anew.
    Ok(htmx.go_to(routes::account()))
}
