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
use crate::web::hosts::address_for_login;
use crate::web::htmx::{Htmx, page as whole_page, see_other};
use crate::web::new_account::{self, Fields, Link, NewAccount, NotMade};
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "registration/form.html", blocks = ["form"])]
struct Register {
    page: Page,
    /// Why nobody, or not this one, can make an account.
    closed: Option<NotAdmitted>,
    /// Where to make it instead: the browser would keep no login from here.
    keeps_login: Option<String>,
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
    request: HttpRequest,
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
    let keeps_login = address_for_login(&request, &state.config, &page.path);
    whole_page(StatusCode::OK, &Register { keeps_login, setting_up, closed, invitation, next, ..Register::empty(page) })
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
    if let keeps_login @ Some(_) = address_for_login(&request, &state.config, &link_again(next.as_deref(), &invitation))
    {
        let fields = Fields::checked(&account);
        let view = Register { keeps_login, invitation, next, ..Register::with(page, fields) };
        return htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_form());
    }
    match new_account::register(&request, &state, account).await? {
        Ok(user) => {
            sign_in(&request, &state, &user).await?;
            Ok(see_other(&local_path(next.as_deref(), routes::photos())))
        }
        Err(NotMade::NotAdmitted(reason)) => {
            let view = Register { closed: Some(reason), ..Register::empty(page) };
            htmx.answer(StatusCode::FORBIDDEN, &view, &view.as_form())
        }
        Err(NotMade::Refused(refused)) => {
            let fields = refused.fields;
            let view = Register { invitation, next, ..Register::with(page, fields) };
            htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_form())
        }
    }
}

/// The address of the form for whoever comes with this.
fn link_again(next: Option<&str>, invitation: &str) -> String {
    match next {
        _ if !invitation.is_empty() => routes::admin::invitation(invitation),
        Some(next) => routes::register_next(next),
        None => routes::register().to_owned(),
    }
}

impl Register {
    fn with(page: Page, fields: Fields) -> Self {
        let Fields { username, email, full_name, password } = fields;
        Self { username, email, full_name, password, ..Self::empty(page) }
    }

    fn empty(page: Page) -> Self {
        Self {
            page,
            closed: None,
            keeps_login: None,
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
