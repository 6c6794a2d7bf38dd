//! `POST /account/theme`: light, dark, or as the system says. A cookie keeps it, so it needs no account.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::app::AppState;
use crate::routes;
use crate::web::forms::local_path;
use crate::web::htmx::{Htmx, see_other};
use crate::web::page::{THEME_COOKIE, theme_named};

/// What is sent.
#[derive(Deserialize)]
pub struct Theme {
    #[serde(default)]
    theme: String,
    next: Option<String>,
}

/// Keeps the choice for a year.
pub async fn update_theme(state: web::Data<AppState>, htmx: Htmx, form: web::Form<Theme>) -> HttpResponse {
    let cookie = Cookie::build(THEME_COOKIE, theme_named(&form.theme))
        .path("/")
        .max_age(Duration::days(365))
        .same_site(SameSite::Lax)
        .secure(state.config.public_url.https())
        .finish();
    let mut answer = if htmx.wants_fragment() {
        HttpResponse::NoContent().finish()
    } else {
        see_other(&local_path(form.next.as_deref(), routes::home()))
    };
    // A cookie of a name and value of ours can always be written into a header.
    if let Err(error) = answer.add_cookie(&cookie) {
        tracing::warn!(%error, "theme");
    }
    answer
}
