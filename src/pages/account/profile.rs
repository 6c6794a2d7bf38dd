//! `POST /account`: email address and full name.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::User;
use crate::pages::account::Account;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::htmx::{Htmx, see_other};
use crate::web::new_account::{EMAIL_TAKEN, checked_email, checked_full_name};
use crate::web::notice::Notice;
use crate::web::page::Page;

/// What is sent.
#[derive(Deserialize)]
pub struct Profile {
    #[serde(default)]
    email: String,
    #[serde(default)]
    full_name: String,
}

/// Saves both, or neither.
pub async fn update_profile(
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    form: web::Form<Profile>,
) -> Result<HttpResponse, AppError> {
    let mut view = Account::load(&state, page, &user).await?;
    view.email = checked_email(&form.email);
    view.full_name = checked_full_name(&form.full_name);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    if view.email.is_fine() && view.full_name.is_fine() {
        let (id, email, full_name) = (user.user.id, view.email.value.clone(), view.full_name.value.clone());
        match state.db.write(move |conn| User::update_profile(conn, id, &email, &full_name)).await? {
            Ok(_) if !htmx.wants_fragment() => {
                Notice::ProfileSaved.leave(&state, user.session.id).await;
                return Ok(see_other(routes::account()));
            }
            Ok(_) => status = StatusCode::OK,
            Err(_) => view.email.refuse(EMAIL_TAKEN),
        }
    }
    htmx.answer(status, &view, &view.as_profile())
}
