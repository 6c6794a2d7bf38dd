//! The one place where an error becomes an answer: a page, a fragment for a script, or problem+json (`problem`); logged
//! once.
//!
//! It also catches what no handler returned: routes that do not exist, methods they do not have, and panics.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse};
use askama::Template;
use futures_util::FutureExt;

use crate::error::{AppError, DISK_FULL, Fault};
use crate::oidc::printable;
use crate::routes;
use crate::web::headers;
use crate::web::htmx::{Htmx, see_other};
use crate::web::limits;
use crate::web::notice::Notice;
use crate::web::page::Page;
use crate::web::problem::{Problem, wants_json};
use crate::web::request_log::request_id;

/// Any error, for people.
#[derive(Template)]
#[template(path = "error.html", blocks = ["message"])]
pub struct ErrorPage {
    page: Page,
    status: u16,
    heading: String,
    message: String,
    request_id: String,
    /// Whether trying again may help.
    retry: bool,
}

/// Renders the errors of everything inside.
pub async fn render_errors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let frame = Frame::of(request.request());
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => {
            if response.status().is_success() {
                Notice::shown(response.request()).await;
            }
            Ok(render(response))
        }
        Ok(Err(error)) => {
            let mut answer = frame.answer(error.as_response_error().status_code(), error.as_error());
            headers::complete(answer.headers_mut(), None);
            Err(InternalError::from_response(error, answer).into())
        }
        Err(_) => {
            // The panic's own message is in the log by the panic hook; what is left of the request is this frame.
            let cause = AppError::internal("a handler panicked");
            let mut answer = frame.answer(StatusCode::INTERNAL_SERVER_ERROR, Some(&cause));
            headers::complete(answer.headers_mut(), None);
            Err(InternalError::from_response(cause, answer).into())
        }
    }
}

fn render(response: ServiceResponse<impl MessageBody + 'static>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_bare = response.response().error().is_some()
        || matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
    if !(is_error && is_bare) {
        return response.map_into_boxed_body();
    }
    let frame = Frame::of(response.request());
    let cause = response.response().error().and_then(Error::as_error::<AppError>);
    let mut answer = frame.answer(status, cause);
    // Such as `Allow` with a 405 and `Content-Range` with a 416.
    for (name, value) in response.headers() {
        if !answer.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    response.into_response(answer)
}

/// What is known of a request before it is handled, which outlives a panic.
struct Frame {
    page: Page,
    htmx: Htmx,
    json: bool,
    /// It can be asked again by a link.
    safe: bool,
    request_id: String,
}

impl Frame {
    fn of(request: &HttpRequest) -> Self {
        Self {
            page: Page::of(request, None),
            htmx: Htmx::of(request.headers()),
            json: wants_json(request),
            safe: request.method().is_safe(),
            request_id: request_id(request),
        }
    }

    /// The answer to an error; without a cause, what the status alone says.
    fn answer(self, status: StatusCode, cause: Option<&AppError>) -> HttpResponse {
        match cause {
            Some(AppError::Internal(cause)) => tracing::error!(%cause, "request failed"),
            Some(AppError::Unavailable(cause)) => tracing::warn!(cause, "unavailable"),
            Some(AppError::DiskFull) => tracing::warn!("the disk is full"),
            Some(AppError::Elsewhere { detail, fault: Fault::Away, .. }) => {
                tracing::warn!(detail, "the provider is away");
            }
            Some(AppError::Elsewhere { detail, fault: Fault::Settings, .. }) => {
                tracing::error!(
                    detail,
                    "nobody can log in with the provider: set oidc.client_id and oidc.client_secret right"
                );
            }
            Some(error) => tracing::info!(%error, "refused"),
            None => {}
        }
        let login = matches!(cause, Some(AppError::LoginRequired));
        if login && !self.htmx.wants_fragment() && !self.json {
            // A form cannot be sent again by following a link, so after logging in one starts from the photos.
            let next = if self.safe { self.page.path.as_str() } else { routes::photos() };
            return see_other(&routes::login_next(next));
        }
        let mut answer = self.render(status, cause).unwrap_or_else(|error| {
            tracing::error!(%error, "the error page cannot be rendered");
            HttpResponse::build(status).finish()
        });
        if let Some(AppError::TooMany(too_many)) = cause {
            limits::tell_too_many(answer.headers_mut(), too_many);
        }
        answer
    }

    fn render(self, status: StatusCode, cause: Option<&AppError>) -> Result<HttpResponse, AppError> {
        let (heading, message) = words(status, cause);
        if self.json {
            let problem = Problem { status, cause, title: heading, detail: message, request_id: self.request_id };
            return Ok(problem.answer());
        }
        let elsewhere = matches!(cause, Some(AppError::Elsewhere { .. }));
        let view = ErrorPage {
            page: self.page,
            status: status.as_u16(),
            heading: heading.to_owned(),
            message,
            request_id: self.request_id,
            // What a provider brought back is worth nothing the second time.
            retry: status.is_server_error() && self.safe && !elsewhere,
        };
        self.htmx.answer(status, &view, &view.as_message())
    }
}

/// What happened, what was kept, what to do.
fn words(status: StatusCode, cause: Option<&AppError>) -> (&'static str, String) {
    if let Some(words) = cause.and_then(words_of_head) {
        return words;
    }
    match (status, cause) {
        (_, Some(AppError::LoginRequired)) => {
            ("Log in first", "You have been signed out. Log in again, then repeat what you did.".to_owned())
        }
        (_, Some(AppError::Credentials(reason))) => ("Not let in", (*reason).to_owned()),
        (_, Some(AppError::InvalidFields(_) | AppError::Taken(_))) => {
            ("That did not work", "Some fields are wrong. Nothing was changed.".to_owned())
        }
        (_, Some(AppError::Elsewhere { reason, .. })) => ("Not let in", reason.to_string()),
        (_, Some(AppError::Forbidden(reason))) => (
            "Not allowed",
            format!("{reason} Nothing was changed. Open Lumina in this tab and try again from there."),
        ),
        (_, Some(AppError::TooMany(too_many))) => (
            "Wait a moment",
            format!(
                "This was tried too often from here. Wait {}, then try again. Where you are logged in, you stay so.",
                too_many.in_words()
            ),
        ),
        (_, Some(AppError::InsufficientScope(scope))) => (
            "Not allowed",
            format!("This personal access token is not good for this: {} is needed. Nothing was changed.", scope.as_str()),
        ),
        (_, Some(AppError::BadRequest(reason) | AppError::Invalid(reason))) => ("That did not work", reason.clone()),
        (_, Some(AppError::TooLarge(reason))) => ("Too large", reason.clone()),
        (StatusCode::INSUFFICIENT_STORAGE, _) => ("The disk is full", DISK_FULL.to_owned()),
        (_, Some(AppError::OverQuota(reason))) => ("No room left", reason.clone()),
        (_, Some(AppError::Unsupported(reason))) => ("That cannot be read", reason.clone()),
        (_, Some(AppError::Conflict(reason))) => ("Somebody was faster", reason.clone()),
        (_, Some(AppError::ChangedMeanwhile)) => (
            "Changed meanwhile",
            "This has been changed since you read it. Nothing was changed now. Read it again, then repeat what you did."
                .to_owned(),
        ),
        (_, Some(AppError::InProgress)) => (
            "Still at it",
            "The first request with this Idempotency-Key is still being worked on. Send it again in a moment.".to_owned(),
        ),
        (_, Some(AppError::OtherRequest)) => (
            "That did not work",
            "This Idempotency-Key came with another request before. Nothing was changed. Use a new key for a new request."
                .to_owned(),
        ),
        (StatusCode::NOT_FOUND, _) => {
            ("Nothing here", "This page or photo does not exist, or it is not shared with you.".to_owned())
        }
        (StatusCode::METHOD_NOT_ALLOWED, _) => {
            ("That did not work", "This address cannot be used in this way. Start again from your photos.".to_owned())
        }
        (StatusCode::SERVICE_UNAVAILABLE, _) => (
            "Back in a moment",
            "Lumina cannot reach its database or its storage just now. Your photos are safe. Try again in a few seconds."
                .to_owned(),
        ),
        (status, _) if status.is_server_error() => (
            "Something went wrong",
            "This is our mistake, and it is in the log. Your photos are safe. Try again; if it happens again, give \
             whoever runs this server the number below."
                .to_owned(),
        ),
        _ => ("That did not work", "The request could not be understood. Go back and try again.".to_owned()),
    }
}

/// The same where the request was refused for its address or its headers.
fn words_of_head(cause: &AppError) -> Option<(&'static str, String)> {
    Some(match cause {
        AppError::OtherSite { expected, seen } => (
            "Not allowed",
            format!(
                "{} Lumina takes forms from its own pages at {expected} only. Nothing was changed. Open {expected} in this tab \
                 and try again from there. If you run this server and that is not its address, set public_url.",
                seen.in_words()
            ),
        ),
        AppError::OtherHost { asked, ours } => (
            "Another address",
            format!(
                "Lumina is at {ours}, and was asked for as {}. Go to {ours}. If you run this server and it shall be found here, \
                 set public_url to this address, and let a proxy pass the Host header on.",
                printable(asked)
            ),
        ),
        AppError::AddressTooLong => {
            ("Too long", "This address is longer than 8 KiB. Start again from your photos.".to_owned())
        }
        AppError::HeadersTooLarge => (
            "Too long",
            "Your browser sent too much along: one header may have 8 KiB, all of them 32 KiB. Clear this site's cookies, then try \
             again."
                .to_owned(),
        ),
        _ => return None,
    })
}
