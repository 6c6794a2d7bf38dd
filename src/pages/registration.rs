//! `GET, POST /register`: making an account.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::AppState;
use crate::config::Registration;
use crate::error::AppError;
use crate::models::user::{NewUser, Taken, User};
use crate::passwords;
use crate::routes;
use crate::web::auth::sign_in;
use crate::web::forms::{Field, local_path};
use crate::web::htmx::{Htmx, page as whole_page, see_other};
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
pub struct NewAccount {
    #[serde(default)]
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    password: String,
    next: Option<String>,
}

/// Makes the account and signs in.
pub async fn create_account(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    htmx: Htmx,
    form: web::Form<NewAccount>,
) -> Result<HttpResponse, AppError> {
    if state.config.registration == Registration::Closed {
        return Err(AppError::Forbidden("Nobody can make an account here at the moment."));
    }
    let form = form.into_inner();
    let mut view = Register {
        page,
        open: true,
        username: checked_username(&form.username),
        email: checked_email(&form.email),
        full_name: checked_full_name(&form.full_name),
        password: checked_password(&form.password),
        next: form.next,
    };
    if [&view.username, &view.email, &view.full_name, &view.password].iter().all(|field| field.is_fine()) {
        let new = NewUser {
            username: view.username.value.clone(),
            email: view.email.value.clone(),
            full_name: view.full_name.value.clone(),
            password_hash: state.passwords.hash(form.password).await?,
        };
        match state.db.write(move |conn| User::create(conn, &new)).await? {
            Ok(user) => {
                sign_in(&request, &state, &user).await?;
                return Ok(see_other(&local_path(view.next.as_deref(), routes::photos())));
            }
            Err(Taken::Username) => view.username.refuse("This username is taken. Choose another one."),
            Err(Taken::Email) => view.email.refuse(EMAIL_TAKEN),
        }
    }
    htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_form())
}

/// Said wherever an email address is entered that another account has.
pub const EMAIL_TAKEN: &str = "This email address already has an account. Log in, or use another one.";

fn checked_username(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !(3..=50).contains(&field.value.chars().count()) || !field.value.chars().all(allowed) {
        field.refuse("Use 3 to 50 letters, digits, dots, dashes or underscores.");
    }
    field
}

/// An address needs an `@` with something on both sides: more cannot be known without sending mail.
pub fn checked_email(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    let parts: Vec<&str> = field.value.split('@').collect();
    let well_formed = matches!(parts.as_slice(), [name, host] if !name.is_empty() && !host.is_empty())
        && !field.value.chars().any(|c| c.is_whitespace() || c.is_control());
    if !well_formed || field.value.chars().count() > 254 {
        field.refuse("Enter an email address, such as name@example.org.");
    }
    field
}

/// Any name, or none.
pub fn checked_full_name(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    if field.value.chars().count() > 100 || field.value.chars().any(char::is_control) {
        field.refuse("Use at most 100 characters.");
    }
    field
}

/// The value is not kept: passwords are never sent back.
pub fn checked_password(typed: &str) -> Field {
    let mut field = Field::default();
    if typed.chars().count() < passwords::SHORTEST {
        field.refuse(format!("Use at least {} characters.", passwords::SHORTEST));
    } else if typed.len() > passwords::LONGEST {
        field.refuse(format!("This is too long: use at most {} bytes.", passwords::LONGEST));
    } else if typed.contains('\0') {
        field.refuse("Use characters that can be typed.");
    }
    field
}
