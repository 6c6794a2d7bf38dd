//! `GET, POST /login` and `POST /logout`.

use actix_session::Session as Cookie;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::Session;
use crate::pages::registration::Next;
use crate::routes;
use crate::web::auth::{Visitor, forget, sign_in, with_password};
use crate::web::forms::{Field, local_path};
use crate::web::hosts::address_for_login;
use crate::web::htmx::{Htmx, page as whole_page, see_other};
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "session/login.html", blocks = ["form"])]
struct Login {
    page: Page,
    username: Field,
    next: Option<String>,
    /// The username or the password was wrong; which of them is not said.
    failed: bool,
    /// Where to log in instead: the browser would keep no login from here.
    keeps_login: Option<String>,
}

/// The form.
pub async fn show_login(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    query: web::Query<Next>,
) -> Result<HttpResponse, AppError> {
    let next = query.into_inner().next;
    if page.viewer.is_some() {
        return Ok(see_other(&local_path(next.as_deref(), routes::photos())));
    }
    let keeps_login = address_for_login(&request, &state.config, &page.path);
    whole_page(StatusCode::OK, &Login { page, username: Field::default(), next, failed: false, keeps_login })
}

/// What is sent.
#[derive(Deserialize)]
pub struct Credentials {
    /// Or the email address.
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    next: Option<String>,
}

/// Signs this device in.
pub async fn create_session(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    htmx: Htmx,
    form: web::Form<Credentials>,
) -> Result<HttpResponse, AppError> {
    let form = form.into_inner();
    let username = Field::of(form.username.trim());
    let path = form.next.as_deref().map_or_else(|| routes::login().to_owned(), routes::login_next);
    if let keeps_login @ Some(_) = address_for_login(&request, &state.config, &path) {
        let view = Login { page, username, next: form.next, failed: false, keeps_login };
        return htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_form());
    }
    match with_password(&request, &state, &form.username, form.password).await? {
        Some(user) => {
            sign_in(&request, &state, &user).await?;
            Ok(see_other(&local_path(form.next.as_deref(), routes::photos())))
        }
        None => {
            let view = Login { page, username, next: form.next, failed: true, keeps_login: None };
            htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_form())
        }
    }
}

/// Signs this device out, for good: a copy of its cookie is dead too.
pub async fn delete_session(
    state: web::Data<AppState>,
    visitor: Visitor,
    cookie: Cookie,
) -> Result<HttpResponse, AppError> {
    if let Some(signed_in) = visitor.0 {
        let (user, session) = (signed_in.user.id, signed_in.session.id);
        state.db.write(move |conn| Session::end(conn, user, session)).await?;
    }
    forget(&cookie);
    let mut answer = see_other(routes::home());
    // What the browser kept of somebody's photos goes too. Browsers heed it on https only.
    if state.config.public_url.https() {
        let name = actix_web::http::header::HeaderName::from_static("clear-site-data");
        answer.headers_mut().insert(name, actix_web::http::header::HeaderValue::from_static("\"cache\""));
    }
    Ok(answer)
}
