//! `GET /api/v1/auth/login` and `GET /api/v1/auth/callback`: logging a program in elsewhere. Its user follows the first with a browser, or
//! it does itself with a place for cookies; the second answers the pair of tokens that `/auth/token` does.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::api::auth::pair;
use crate::app::AppState;
use crate::error::AppError;
use crate::routes;
use crate::web::caller::sign_in_program;
use crate::web::htmx::see_other;
use crate::web::new_account::Link;
use crate::web::oidc::{self, Answer, Purpose};

/// `GET /auth/login`: sends to the provider.
pub async fn begin_login(
    request: HttpRequest,
    state: web::Data<AppState>,
    link: web::Query<Link>,
) -> Result<HttpResponse, AppError> {
    let callback = routes::api_login_callback();
    Ok(see_other(
        &oidc::begin(&request, &state, Purpose::Program, callback, Link { next: None, ..link.into_inner() }).await?,
    ))
}

/// `GET /auth/callback`: back from there, a pair of tokens.
pub async fn finish_login(
    request: HttpRequest,
    state: web::Data<AppState>,
    answer: web::Query<Answer>,
) -> Result<HttpResponse, AppError> {
    let callback = routes::api_login_callback();
    let returned = oidc::finish(&request, &state, callback, answer.into_inner()).await?;
    if returned.purpose != Purpose::Program {
        return Err(oidc::begun_elsewhere());
    }
    let user = oidc::account(&state, returned.person, returned.link.invitation).await?;
    let (session, refresh) = sign_in_program(&request, &state, &user).await?;
    pair(&state, &user, session, &refresh)
}
