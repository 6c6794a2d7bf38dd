//! `POST /account`: email address and full name.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::User;
use crate::models::user::ProfileKept;
use crate::pages::account::Account;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::edits::{Input, NOT_SAVED};
use crate::web::forms::Pairs;
use crate::web::htmx::{Htmx, see_other};
use crate::web::new_account::{EMAIL_TAKEN, checked_email, checked_full_name};
use crate::web::notice::Notice;
use crate::web::page::Page;

/// Saves both, or neither.
pub async fn update_profile(
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    form: Pairs,
) -> Result<HttpResponse, AppError> {
    let email = form.input("email").unwrap_or_default();
    let full_name = form.input("full_name").unwrap_or_else(|| Input::untouched(&user.user.full_name));
    let (checked_email, checked_name) = (email.checked(checked_email), full_name.checked(checked_full_name));
    let fine = checked_email.is_fine() && checked_name.is_fine();
    let (id, edits) = (user.user.id, (email.text_edit(), full_name.text_edit()));
    let outcome = if fine {
        state.db.write(move |conn| User::update_profile(conn, id, edits.0, edits.1)).await?.map(|_| ()).map_err(Some)
    } else {
        Err(None)
    };
    if outcome.is_ok() && !htmx.wants_fragment() {
        Notice::ProfileSaved.leave(&state, user.session.id).await;
        return Ok(see_other(routes::account()));
    }
    let mut view = Account::load(&state, page, &user).await?;
    let status = match outcome {
        Ok(()) => {
            view.saved = Some(Notice::ProfileSaved.text());
            StatusCode::OK
        }
        Err(Some(ProfileKept::Stale(stale))) => {
            view.not_saved = Some(NOT_SAVED);
            view.email = view.email.after("email", &stale, &email, &email.value);
            view.full_name = view.full_name.after("full_name", &stale, &full_name, &full_name.value);
            StatusCode::CONFLICT
        }
        refused => {
            view.email = view.email.again(&email, checked_email);
            view.full_name = view.full_name.again(&full_name, checked_name);
            if let Err(Some(ProfileKept::Taken(_))) = refused {
                view.email.refuse(EMAIL_TAKEN);
            }
            StatusCode::UNPROCESSABLE_ENTITY
        }
    };
    htmx.answer(status, &view, &view.as_profile())
}
