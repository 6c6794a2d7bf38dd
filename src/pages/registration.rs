//! `GET, POST /register`: making an account.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::admission::{Admission, NotAdmitted};
use crate::routes;
use crate::web::auth::sign_in;
use crate::web::forms::{Field, local_path};
use crate::web::htmx::{Htmx, page as whole_page, see_other};
use crate::web::new_account::{self, Fields, Link, NewAccount, NotMade, Refused};
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "registration/form.html", blocks = ["form"])]
struct Register {
    page: Page,
    /// Why nobody, or not this one, can make an account.
    closed: Option<NotAdmitted>,
    /// This is the setup link.
    setting_up: bool,
    /// The secret of the invitation or setup link that this person came with.
    invitation: String,
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
pub async fn show_registration(
    state: web::Data<AppState>,
    page: Page,
    query: web::Query<Link>,
) -> Result<HttpResponse, AppError> {
    let Link { next, invitation } = query.into_inner();
    if page.viewer.is_some() {
        return Ok(see_other(&local_path(next.as_deref(), routes::photos())));
    }
    let (rules, secret) = (state.admission_rules.clone(), invitation.clone());
    let admission = state.db.read(move |conn| Admission::of(conn, &rules, &secret)).await?;
    let (setting_up, closed) = (admission == Ok(Admission::SetUp), admission.err());
    whole_page(StatusCode::OK, &Register { setting_up, closed, invitation, next, ..Register::empty(page) })
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
    let invitation = account.invitation().to_owned();
    match new_account::register(&request, &state, account).await? {
        Ok(user) => {
            sign_in(&request, &state, &user).await?;
            Ok(see_other(&local_path(next.as_deref(), routes::photos())))
        }
        Err(NotMade::NotAdmitted(reason)) => {
            let view = Register { closed: Some(reason), ..Register::empty(page) };
            htmx.answer(StatusCode::FORBIDDEN, &view, &view.as_form())
        }
        Err(NotMade::Refused(Refused { fields: Fields { username, email, full_name, password }, .. })) => {
            let view = Register { invitation, username, email, full_name, password, next, ..Register::empty(page) };
            htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_form())
        }
    }
}

impl Register {
    fn empty(page: Page) -> Self {
        Self {
            page,
            closed: None,
            setting_up: false,
            invitation: String::new(),
            username: Field::default(),
            email: Field::default(),
            full_name: Field::default(),
            password: Field::default(),
            next: None,
        }
    }
}
