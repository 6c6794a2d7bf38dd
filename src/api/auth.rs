//! `/api/v1/auth/…`: making an account, logging in for tokens, refreshing and ending them, and who one is.
//!
//! Logging in is OAuth 2's password flow (RFC 6749, 4.3). A login is a row of `sessions`, as a browser's is, so that it
//! stands among the devices on the account page and ends as they do.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::error::{AppError, FieldErrors};
use crate::models::session::Rotation;
use crate::models::{Session, SessionId, User};
use crate::tokens::{Named, RefreshToken, ShownRefreshToken};
use crate::web::auth::with_password;
use crate::web::caller::{AnyCaller, By, Caller, Nothing, ReadAccount, sign_in_program};
use crate::web::forms::{FormOrJson, IfSent, JsonBody};
use crate::web::new_account::{self, NewAccount, NotMade};

const WRONG_PASSWORD: AppError = AppError::Credentials("The username or the password is wrong.");
const NOT_A_LOGIN: AppError = AppError::Forbidden("A personal access token is ended on the account page.");
const WRONG_TOKEN: AppError = AppError::Credentials("This refresh token is not good any more. Log in again.");

/// `POST /auth/register`: makes an account. Logging in is another request.
pub async fn create_account(
    request: HttpRequest,
    state: web::Data<AppState>,
    new: JsonBody<NewAccount>,
) -> Result<HttpResponse, AppError> {
    match new_account::register(&request, &state, new.0).await? {
        Ok(user) => Ok(HttpResponse::Created().json(UserJson::of(&user))),
        Err(NotMade::NotAdmitted(reason)) => Err(AppError::Forbidden(reason.words())),
        Err(NotMade::Refused(refused)) => {
            let wrong = refused.fields.named().into_iter().filter(|(_, field)| !field.is_fine());
            let errors: FieldErrors = wrong.map(|(name, field)| (name, field.errors)).collect();
            Err(if refused.taken { AppError::Taken(errors) } else { AppError::InvalidFields(errors) })
        }
    }
}

/// A username or email address, and its password. What else OAuth 2 sends (`grant_type`, `scope`, `client_id`) is of no use
/// here and passed over.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The username, or the email address.
    #[serde(default)]
    #[schema(required, example = "maria")]
    username: String,
    /// The password.
    #[serde(default)]
    #[schema(required, format = Password, example = "correct horse battery")]
    password: String,
}

/// `POST /auth/token`: logs a program in.
pub async fn create_token(
    request: HttpRequest,
    state: web::Data<AppState>,
    sent: FormOrJson<Credentials>,
) -> Result<HttpResponse, AppError> {
    let FormOrJson(Credentials { username, password }) = sent;
    let user = with_password(&request, &state, &username, password).await?.ok_or(WRONG_PASSWORD)?;
    let (session, refresh) = sign_in_program(&request, &state, &user).await?;
    pair(&state, &user, session, &refresh)
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
pub struct Refresh {
    /// The newest one of its login.
    #[serde(default)]
    #[schema(required, example = "5d0c7c43f2f64a0f8f0a3a55d5b7a9c1.q4vJ0m8uYk1c0v0mJ3xg7m2pC1n6r9t8w5z4x3y2v1u")]
    refresh_token: String,
}

/// The login that is to end.
#[derive(Deserialize, ToSchema)]
#[schema(as = EndedLogin)]
pub struct Ended {
    /// Its newest refresh token. Left out or empty, it is the login that the request itself comes from.
    #[serde(default)]
    #[schema(example = "5d0c7c43f2f64a0f8f0a3a55d5b7a9c1.q4vJ0m8uYk1c0v0mJ3xg7m2pC1n6r9t8w5z4x3y2v1u")]
    refresh_token: String,
}

/// What a program shows instead of a password.
#[derive(Serialize, ToSchema)]
pub struct Tokens {
    /// Send it with every request, as `Authorization: Bearer …`. A JSON Web Token; what is in it is not for you.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")]
    access_token: String,
    /// Always `bearer`.
    #[schema(pattern = "^bearer$", example = "bearer")]
    token_type: &'static str,
    /// For how many seconds the access token is good.
    #[schema(minimum = 60, example = 1800)]
    expires_in: i64,
    /// Gets the next pair, once. Good until it was not used for 30 days.
    #[schema(example = "5d0c7c43f2f64a0f8f0a3a55d5b7a9c1.q4vJ0m8uYk1c0v0mJ3xg7m2pC1n6r9t8w5z4x3y2v1u")]
    refresh_token: String,
}

/// `POST /auth/refresh`: a new pair for a refresh token, which is worth nothing from then on. Whoever shows one for the
/// second time ends the login, as one of the two who have it should not.
pub async fn refresh_token(state: web::Data<AppState>, sent: FormOrJson<Refresh>) -> Result<HttpResponse, AppError> {
    let shown = shown(&state, &sent.0.refresh_token)?;
    let session = shown.session;
    let next = state.tokens.make_refresh(session).map_err(AppError::internal)?;
    let hash = next.hash();
    match state.db.write(move |conn| Session::rotate(conn, &shown, &hash)).await? {
        Rotation::Done(user) => pair(&state, &user, session, &next),
        Rotation::Reused => {
            tracing::warn!(%session, "a refresh token came for the second time: this login is over");
            Err(WRONG_TOKEN)
        }
        Rotation::Unknown => Err(WRONG_TOKEN),
    }
}

fn shown(state: &AppState, text: &str) -> Result<ShownRefreshToken, AppError> {
    state.tokens.read_refresh(text).ok_or(WRONG_TOKEN)
}

/// `POST /auth/logout`: ends a login for good, with a refresh token in the body; or, with an empty one, the login whose
/// access token or cookie this request brings.
pub async fn end_login(
    state: web::Data<AppState>,
    caller: Result<AnyCaller<Nothing>, AppError>,
    sent: IfSent<FormOrJson<Ended>>,
) -> Result<HttpResponse, AppError> {
    let sent = sent.0.map(|sent| sent.0.refresh_token).filter(|text| !text.is_empty());
    let ended = match sent {
        Some(text) => {
            let shown = shown(&state, &text)?;
            state.db.write(move |conn| Session::end_by_refresh(conn, &shown)).await?
        }
        None => {
            let caller = caller?.0.ok_or(AppError::LoginRequired)?;
            let By::Session(session) = caller.by else { return Err(NOT_A_LOGIN) };
            let user = caller.user.id;
            state.db.write(move |conn| Session::end(conn, user, session)).await?
        }
    };
    if ended { Ok(HttpResponse::NoContent().finish()) } else { Err(WRONG_TOKEN) }
}

/// `GET /auth/me`: who one is.
pub async fn show_me(caller: Caller<ReadAccount>) -> HttpResponse {
    HttpResponse::Ok().json(UserJson::of(&caller.user))
}

/// RFC 6749, 5.1: nobody keeps a copy.
pub(super) fn pair(
    state: &AppState,
    user: &User,
    session: SessionId,
    refresh: &RefreshToken,
) -> Result<HttpResponse, AppError> {
    let access = state.tokens.make(Named { session, user: user.id }).map_err(AppError::internal)?;
    let tokens = Tokens {
        access_token: access,
        token_type: "bearer",
        expires_in: state.tokens.lifetime_seconds(),
        refresh_token: refresh.text(),
    };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(tokens))
}

/// An account, to its owner.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserJson {
    /// Never changes.
    #[schema(example = 1)]
    id: i64,
    /// As it was typed at registration.
    #[schema(min_length = 3, max_length = 50, example = "maria")]
    username: String,
    /// For logging in.
    #[schema(max_length = 254, example = "maria@example.org")]
    email: String,
    /// Shown on the public page; may be empty.
    #[schema(max_length = 100, example = "Maria Papadaki")]
    full_name: String,
    /// `admin` may manage other accounts.
    #[schema(pattern = "^(user|admin)$", example = "user")]
    role: &'static str,
    /// When the account was made.
    #[schema(example = "2026-11-21T09:00:00.123456Z")]
    created_at: DateTime<Utc>,
}

impl UserJson {
    fn of(user: &User) -> Self {
        Self {
            id: user.id.0,
            username: user.username.clone(),
            email: user.email.clone(),
            full_name: user.full_name.clone(),
            role: user.role().as_str(),
            created_at: user.created_at,
        }
    }
}
