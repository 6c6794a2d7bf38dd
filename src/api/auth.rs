//! `/api/v1/auth/…`: making an account, logging in for tokens, refreshing and ending them, and who one is.
//!
//! Logging in is OAuth 2's password flow (RFC 6749, 4.3). A login is a row of `sessions`, as a browser's is, so that it
//! stands among the devices on the account page and ends as they do.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::rfc3339;
use crate::app::AppState;
use crate::error::{AppError, FieldErrors};
use crate::models::session::Rotation;
use crate::models::{Session, SessionId, User};
use crate::tokens::{Named, RefreshToken};
use crate::web::auth::with_password;
use crate::web::caller::{AnyCaller, Caller, sign_in_program};
use crate::web::forms::FormOrJson;
use crate::web::new_account::{self, NewAccount, NotMade};

const WRONG_PASSWORD: AppError = AppError::Credentials("The username or the password is wrong.");
const WRONG_TOKEN: AppError = AppError::Credentials("This refresh token is not good any more. Log in again.");

/// `POST /auth/register`: makes an account. Logging in is another request.
pub async fn create_account(state: web::Data<AppState>, new: web::Json<NewAccount>) -> Result<HttpResponse, AppError> {
    match new_account::register(&state, new.into_inner()).await? {
        Ok(user) => Ok(HttpResponse::Created().json(shown(&user))),
        Err(NotMade::NotAdmitted(reason)) => Err(AppError::Forbidden(reason.words())),
        Err(NotMade::Refused(refused)) => {
            let wrong = refused.fields.named().into_iter().filter(|(_, field)| !field.is_fine());
            let errors: FieldErrors = wrong.map(|(name, field)| (name, field.errors)).collect();
            Err(if refused.taken { AppError::Taken(errors) } else { AppError::InvalidFields(errors) })
        }
    }
}

/// A username or email address, and its password. What else OAuth 2 sends is of no use here.
#[derive(Deserialize)]
pub struct Credentials {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// `POST /auth/token`: logs a program in.
pub async fn create_token(
    request: HttpRequest,
    state: web::Data<AppState>,
    sent: FormOrJson<Credentials>,
) -> Result<HttpResponse, AppError> {
    let FormOrJson(Credentials { username, password }) = sent;
    let user = with_password(&state, &username, password).await?.ok_or(WRONG_PASSWORD)?;
    let (session, refresh) = sign_in_program(&request, &state, &user).await?;
    pair(&state, &user, session, &refresh)
}

/// A refresh token.
#[derive(Deserialize)]
pub struct Refresh {
    #[serde(default)]
    refresh_token: String,
}

/// `POST /auth/refresh`: a new pair for a refresh token, which is worth nothing from then on. Whoever shows one for the
/// second time ends the login, as one of the two who have it should not.
pub async fn refresh_token(state: web::Data<AppState>, sent: FormOrJson<Refresh>) -> Result<HttpResponse, AppError> {
    let (session, secret) = RefreshToken::parse(&sent.0.refresh_token).ok_or(WRONG_TOKEN)?;
    let next = RefreshToken::generate();
    let (shown, hash) = (secret.hash(), next.hash());
    match state.db.write(move |conn| Session::rotate(conn, session, &shown, &hash)).await? {
        Rotation::Done(user) => pair(&state, &user, session, &next),
        Rotation::Reused => {
            tracing::warn!(%session, "a refresh token came for the second time: this login is over");
            Err(WRONG_TOKEN)
        }
        Rotation::Unknown => Err(WRONG_TOKEN),
    }
}

/// `POST /auth/logout`: ends a login for good, with a refresh token in the body; or, with an empty one, the login whose
/// access token or cookie this request brings.
pub async fn end_login(
    state: web::Data<AppState>,
    caller: Result<AnyCaller, AppError>,
    sent: Option<FormOrJson<Refresh>>,
) -> Result<HttpResponse, AppError> {
    let sent = sent.map(|sent| sent.0.refresh_token).filter(|text| !text.is_empty());
    let ended = match sent {
        Some(text) => {
            let (session, secret) = RefreshToken::parse(&text).ok_or(WRONG_TOKEN)?;
            let shown = secret.hash();
            state.db.write(move |conn| Session::end_by_refresh(conn, session, &shown)).await?
        }
        None => {
            let caller = caller?.0.ok_or(AppError::LoginRequired)?;
            let (user, session) = (caller.user.id, caller.session.id);
            state.db.write(move |conn| Session::end(conn, user, session)).await?
        }
    };
    if ended { Ok(HttpResponse::NoContent().finish()) } else { Err(WRONG_TOKEN) }
}

/// `GET /auth/me`: who one is.
pub async fn show_me(caller: Caller) -> HttpResponse {
    HttpResponse::Ok().json(shown(&caller.user))
}

/// RFC 6749, 5.1: nobody keeps a copy.
fn pair(state: &AppState, user: &User, session: SessionId, refresh: &RefreshToken) -> Result<HttpResponse, AppError> {
    let access = state.tokens.make(Named { session, user: user.id }).map_err(AppError::internal)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "access_token": access,
        "token_type": "bearer",
        "expires_in": state.tokens.lifetime_seconds(),
        "refresh_token": refresh.text(session),
    })))
}

/// A user, to themselves.
fn shown(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "full_name": user.full_name,
        "role": user.role().as_str(),
        "created_at": rfc3339(user.created_at),
    })
}
