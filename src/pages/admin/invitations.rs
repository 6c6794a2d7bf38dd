//! `POST /admin/invitations` and `POST /admin/invitations/{id}/revoke`: making invitation links and taking them back.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, web};
use chrono::{TimeDelta, Utc};
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::InvitationId;
use crate::models::invitation::{Invitation, MOST, NewInvitation};
use crate::pages::admin::registration::AdminRegistration;
use crate::routes;
use crate::web::auth::Admin;
use crate::web::forms::Field;
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

/// What is sent.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    note: String,
    #[serde(default)]
    uses: String,
    #[serde(default)]
    days: String,
}

/// Makes a link. The answer shows it, as nothing keeps it: after a redirect it would have to be kept somewhere.
pub async fn create_invitation(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    form: web::Form<Wanted>,
) -> Result<HttpResponse, AppError> {
    let Wanted { note, uses, days } = form.into_inner();
    let (note, uses) = (checked_note(&note), checked_uses(&uses));
    let expires = days.parse().ok().filter(|days| (1..=365).contains(days)).map(TimeDelta::days);
    let expires = expires.ok_or_else(|| AppError::Invalid("Choose how long the link is good.".to_owned()))?;
    let (true, Ok(max_uses)) = (note.is_fine() && uses.is_fine(), uses.value.parse()) else {
        let mut view = AdminRegistration::load(&state, page).await?;
        (view.note, view.uses, view.days) = (note, uses, days);
        return whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view);
    };
    let (by, new) = (admin.user.id, NewInvitation { note: note.value, expires_at: Utc::now() + expires, max_uses });
    let secret = state.db.write(move |conn| Invitation::create(conn, by, &new)).await?;
    let too_many = || AppError::Conflict(format!("There are {MOST} links that can be used. Take one back first."));
    let secret = secret.ok_or_else(too_many)?;
    let mut view = AdminRegistration::load(&state, page).await?;
    view.link = Some(state.absolute(&routes::admin::invitation(&secret)));
    let mut answer = whole_page(StatusCode::CREATED, &view)?;
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Takes a link back: nobody can use it from here on. Accounts that were made with it stay.
pub async fn revoke_invitation(
    state: web::Data<AppState>,
    admin: Admin,
    id: web::Path<InvitationId>,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    if !state.db.write(move |conn| Invitation::revoke(conn, id)).await? {
        return Err(AppError::NotFound);
    }
    Notice::InvitationRevoked.leave(&state, admin.session.id).await;
    Ok(see_other(routes::admin::registration()))
}

fn checked_note(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    if field.value.chars().count() > 100 || field.value.chars().any(char::is_control) {
        field.refuse("Use at most 100 characters.");
    }
    field
}

fn checked_uses(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    if !field.value.parse().is_ok_and(|uses: i32| (1..=1000).contains(&uses)) {
        field.refuse("Use a whole number from 1 to 1000.");
    }
    field
}
