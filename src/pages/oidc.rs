//! `GET /login/oidc` and `GET /login/oidc/callback`: logging in elsewhere; `POST /account/identity` and
//! `POST /account/identity/end`: connecting who one is there with one's account.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::identity::Identity;
use crate::routes;
use crate::web::auth::{CurrentUser, Visitor, sign_in};
use crate::web::forms::local_path;
use crate::web::hosts::address_for_login;
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::new_account::Link;
use crate::web::notice::Notice;
use crate::web::oidc::{self, Answer, Purpose, Returned};
use crate::web::page::Page;

/// On the way to the provider, for those whose browser does not go by itself.
#[derive(Template)]
#[template(path = "session/leaving.html")]
struct Leaving {
    page: Page,
    name: String,
    url: String,
}

/// Sends a browser to the provider.
pub async fn begin_login(
    request: HttpRequest,
    state: web::Data<AppState>,
    link: web::Query<Link>,
) -> Result<HttpResponse, AppError> {
    let (callback, link) = (routes::login_elsewhere_callback(), link.into_inner());
    // What the browser is to keep meanwhile would be lost.
    let here = routes::login_elsewhere(link.next.as_deref(), &link.invitation);
    if let Some(address) = address_for_login(&request, &state.config, &here) {
        return Ok(see_other(&address));
    }
    let url = oidc::begin(&request, &state, Purpose::Browser, callback, link).await?;
    Ok(see_other(&url))
}

/// Back from the provider: logs the browser in, or connects accounts.
pub async fn finish_login(
    request: HttpRequest,
    state: web::Data<AppState>,
    visitor: Visitor,
    answer: web::Query<Answer>,
) -> Result<HttpResponse, AppError> {
    let callback = routes::login_elsewhere_callback();
    let Returned { person, purpose, link } = oidc::finish(&request, &state, callback, answer.into_inner()).await?;
    match (purpose, visitor.0) {
        (Purpose::Browser, _) => {
            let user = oidc::account(&state, person, link.invitation).await?;
            sign_in(&request, &state, &user).await?;
            Ok(see_other(&local_path(link.next.as_deref(), routes::photos())))
        }
        (Purpose::Connect(user), Some(signed_in)) if signed_in.user.id == user => {
            let name = state.oidc.as_ref().map(|oidc| oidc.name().to_owned()).unwrap_or_default();
            let notice = Notice::Connected(name.clone());
            state.db.write(move |conn| oidc::connect(conn, user, &person, &name)).await?;
            notice.leave(&state, signed_in.session.id).await;
            Ok(see_other(routes::account()))
        }
        _ => Err(oidc::begun_elsewhere()),
    }
}

/// Sends somebody to the provider to say who they are there. A page and no redirect: browsers refuse to follow a form of ours
/// to another site.
pub async fn begin_connecting(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
) -> Result<HttpResponse, AppError> {
    let purpose = Purpose::Connect(user.user.id);
    let url = oidc::begin(&request, &state, purpose, routes::login_elsewhere_callback(), Link::default()).await?;
    let name = state.oidc.as_ref().map(|oidc| oidc.name().to_owned()).unwrap_or_default();
    whole_page(StatusCode::OK, &Leaving { page, name, url })
}

/// Forgets who somebody is elsewhere; they log in by password from then on.
pub async fn disconnect(state: web::Data<AppState>, user: CurrentUser) -> Result<HttpResponse, AppError> {
    let owner = user.user.id;
    if user.user.password_hash.is_none() {
        return Err(AppError::Invalid("Set a password first: without one this is how you log in.".to_owned()));
    }
    if !state.db.write(move |conn| Identity::disconnect(conn, owner)).await? {
        return Err(AppError::NotFound);
    }
    Notice::Disconnected.leave(&state, user.session.id).await;
    Ok(see_other(routes::account()))
}
