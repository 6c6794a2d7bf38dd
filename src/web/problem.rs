//! Errors for programs: `application/problem+json` (RFC 9457).
//!
//! `type` is what a program decides by, and does not change; the words are for people and may.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::error::AppError;
use crate::routes;
use crate::web::caller::bearer;

/// An error that a program gets.
pub struct Problem<'a> {
    /// Its status.
    pub status: StatusCode,
    /// What went wrong, as far as a handler said so.
    pub cause: Option<&'a AppError>,
    /// For people, of the kind.
    pub title: &'static str,
    /// For people, of this one; pages say the same.
    pub detail: String,
    /// Where to find it in the log.
    pub request_id: String,
}

/// Whether an error goes to a program: under `/api` always, elsewhere by what the request says.
#[must_use]
pub fn wants_json(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asks = accept.contains("json") && !accept.contains("html");
    asks || routes::is_api(request.path()) || bearer(request.headers()).is_some()
}

impl Problem<'_> {
    /// As it is sent.
    #[must_use]
    pub fn answer(self) -> HttpResponse {
        let mut problem = json!({
            "type": format!("urn:lumina:problem:{}", self.kind()), "title": self.title,
            "status": self.status.as_u16(), "detail": self.words(), "request_id": self.request_id,
        });
        if let (Some(AppError::InvalidFields(errors) | AppError::Taken(errors)), Some(problem)) =
            (self.cause, problem.as_object_mut())
        {
            problem.insert("errors".to_owned(), json!(errors));
        }
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: a 401 says how to do better.
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"lumina\""));
        }
        answer.content_type("application/problem+json").body(problem.to_string())
    }

    fn kind(&self) -> &'static str {
        match (self.cause, self.status) {
            (Some(AppError::LoginRequired), _) => "login-required",
            (Some(AppError::Credentials(_)), _) => "wrong-credentials",
            (Some(AppError::InvalidFields(_) | AppError::Invalid(_)), _) => "invalid",
            (Some(AppError::Taken(_)), _) => "taken",
            (Some(AppError::OverQuota(_)), _) => "over-quota",
            (_, StatusCode::FORBIDDEN) => "forbidden",
            (_, StatusCode::NOT_FOUND) => "not-found",
            (_, StatusCode::METHOD_NOT_ALLOWED) => "method-not-allowed",
            (_, StatusCode::CONFLICT) => "conflict",
            (_, StatusCode::PAYLOAD_TOO_LARGE) => "too-large",
            (_, StatusCode::UNSUPPORTED_MEDIA_TYPE) => "unsupported",
            (_, StatusCode::SERVICE_UNAVAILABLE) => "unavailable",
            (_, status) if status.is_server_error() => "internal",
            _ => "bad-request",
        }
    }

    /// Some of what pages say speaks of pages.
    fn words(&self) -> String {
        match (self.cause, self.status) {
            (Some(AppError::LoginRequired), _) => {
                "Send an access token that is still good, as “Authorization: Bearer TOKEN”, or log in.".to_owned()
            }
            (Some(AppError::Forbidden(reason)), _) => format!("{reason} Nothing was changed."),
            (_, StatusCode::METHOD_NOT_ALLOWED) => {
                "This address does not know this method; Allow lists those it knows.".to_owned()
            }
            _ => self.detail.clone(),
        }
    }
}
