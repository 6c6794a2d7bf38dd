//! Page or fragment: the one place that knows htmx's headers.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;

use crate::error::AppError;

const REQUEST: &str = "HX-Request";
const HISTORY_RESTORE: &str = "HX-History-Restore-Request";
const TARGET: &str = "HX-Target";
const REDIRECT: &str = "HX-Redirect";

/// How the answer will be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Htmx {
    fragment: bool,
    /// htmx names the element it will swap; our own scripts ask without one.
    pub has_target: bool,
}

impl Htmx {
    /// Whether a script asks for a part of a page.
    #[must_use]
    pub fn wants_fragment(self) -> bool {
        self.fragment
    }

    /// By the headers of a request. A page that history brings back is needed whole.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        Self {
            fragment: headers.contains_key(REQUEST) && !headers.contains_key(HISTORY_RESTORE),
            has_target: headers.contains_key(TARGET),
        }
    }

    /// On to another page after a POST, whole, also where a script asked.
    #[must_use]
    pub fn go_to(self, location: &str) -> HttpResponse {
        if self.fragment {
            return HttpResponse::NoContent().insert_header((REDIRECT, location)).finish();
        }
        see_other(location)
    }

    /// The page, or the fragment of it that was asked for.
    ///
    /// # Errors
    /// When a template cannot be rendered.
    pub fn answer(
        self,
        status: StatusCode,
        page: &impl Template,
        fragment: &impl Template,
    ) -> Result<HttpResponse, AppError> {
        let html = if self.fragment { fragment.render()? } else { page.render()? };
        Ok(Self::html(status).body(html))
    }

    /// The start of an answer in HTML, whose content may depend on how it was asked for.
    #[must_use]
    pub fn html(status: StatusCode) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        response.insert_header((header::VARY, format!("{REQUEST}, {TARGET}"))).content_type("text/html; charset=utf-8");
        response
    }
}

impl FromRequest for Htmx {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request.headers())))
    }
}

/// A whole page, which no script asks for in parts.
///
/// # Errors
/// When the template cannot be rendered.
pub fn page(status: StatusCode, page: &impl Template) -> Result<HttpResponse, AppError> {
    Ok(Htmx::html(status).body(page.render()?))
}

/// On to another page after a POST (RFC 9110, 15.4.4).
#[must_use]
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}
