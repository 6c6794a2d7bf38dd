//! Errors for programs: `application/problem+json` (RFC 9457).
//!
//! `type` is what a program decides by, and does not change; the words are for people and may.

mod kind;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{AppError, FieldErrors};
use crate::routes;
use crate::web::caller::bearer;

pub use kind::Kind;

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

/// Of every error under `/api`.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemJson {
    /// What a program decides by. It does not change between versions.
    #[serde(rename = "type")]
    #[schema(schema_with = Kind::schema)]
    kind: String,
    /// The kind of problem, in words.
    #[schema(example = "That did not work")]
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    status: u16,
    /// This problem, in words: what happened and what to do.
    #[schema(example = "Some fields are wrong. Nothing was changed.")]
    detail: String,
    /// Names the request in the server's log, as the header `X-Request-Id` does.
    #[schema(example = "0199a2f0-5a4b-7c3e-9d1f-2b6f0c8e4a11")]
    request_id: String,
    /// What is wrong with each field, in words; `body` stands for the whole. Only for the types `invalid` and `taken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Vec<String>>>, nullable = false)]
    #[schema(example = json!({ "title": ["Use at most 200 characters, on one line."] }))]
    errors: Option<FieldErrors>,
}

/// Whether an error goes to a program: under `/api` always, elsewhere by what the request says.
#[must_use]
pub fn wants_json(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asks = accept.contains("json") && !accept.contains("html");
    let is_programs = routes::is_api(request.path()) || request.path() == routes::metrics();
    asks || is_programs || bearer(request.headers()).is_some()
}

impl Problem<'_> {
    /// As it is sent.
    #[must_use]
    pub fn answer(self) -> HttpResponse {
        let errors = match self.cause {
            Some(AppError::InvalidFields(errors) | AppError::Taken(errors)) => Some(errors.clone()),
            _ => None,
        };
        let problem = ProblemJson {
            kind: Kind::of(self.cause, self.status).urn(),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.words(),
            request_id: self.request_id.clone(),
            errors,
        };
        let mut answer = HttpResponse::build(self.status);
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 15.5.2: a 401 says how to do better.
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"lumina\""));
        }
        if let Some(AppError::InsufficientScope(scope)) = self.cause {
            // RFC 6750, 3.1.
            let how = format!("Bearer realm=\"lumina\", error=\"insufficient_scope\", scope=\"{}\"", scope.as_str());
            answer.insert_header((header::WWW_AUTHENTICATE, how));
        }
        if matches!(self.cause, Some(AppError::InProgress)) {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        // Not `json`, which would name the type of any other answer.
        answer.insert_header((header::CONTENT_TYPE, CONTENT_TYPE)).json(problem)
    }

    /// Some of what pages say speaks of pages.
    fn words(&self) -> String {
        match (self.cause, self.status) {
            (Some(AppError::LoginRequired), _) => {
                "Send an access token that is still good, as “Authorization: Bearer TOKEN”, or log in.".to_owned()
            }
            (Some(AppError::TooMany(too_many)), _) => {
                format!("Too many: wait {}, then try again. Retry-After says so in seconds.", too_many.in_words())
            }
            (Some(AppError::Forbidden(reason)), _) => format!("{reason} Nothing was changed."),
            (_, StatusCode::METHOD_NOT_ALLOWED) => {
                "This address does not know this method; Allow lists those it knows.".to_owned()
            }
            _ => self.detail.clone(),
        }
    }
}
