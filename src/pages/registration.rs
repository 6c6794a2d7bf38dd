//! `GET, POST /register`: making an account.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::routes;
use crate::web::auth::sign_in;
use crate::web::forms::{Field, local_path};
use crate::web::htmx::{Htmx, page as whole_page, see_other};
use crate::web::new_account::{self, Fields, NewAccount, Refused};
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "registration/form.html", blocks = ["form"])]
struct Register {
    page: Page,
    open: bool,
    username: Field,
    email: Field,
    full_name: Field,
    password: Field,
    next: Option<String>,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Next {
    /// A path of ours.
    pub next: Option<String>,
}

/// The form.
pub async fn show_registration(page: Page, query: web::Query<Next>) -> Result<HttpResponse, AppError> {
    let next = query.into_inner().next;
    if page.viewer.is_some() {
        return Ok(see_other(&local_path(next.as_deref(), routes::photos())));
    }
    let open = page.registration_open;
    let view = Register {
        page,
        open,
        username: Field::default(),
        email: Field::default(),
        full_name: Field::default(),
        password: Field::default(),
        next,
    };
    whole_page(StatusCode::OK, &view)
}

/// What is sent.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(flatten)]
    account: NewAccount,
    next: Option<String>,
}

/// Makes the account and signs in.
pub async fn create_account(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    htmx: Htmx,
    form: web::Form<Sent>,
) -> Result<HttpResponse, AppError> {
    let Sent { account, next } = form.into_inner();
    match new_account::register(&state, account).await? {
        Ok(user) => {
            sign_in(&request, &state, &user).await?;
            Ok(see_other(&local_path(next.as_deref(), routes::photos())))
        }
        Err(Refused { fields: Fields { username, email, full_name, password }, .. }) => {
            let view = Register { page, open: true, username, email, full_name, password, next };
            htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_form())
        }
    }
}
