//! Scripts of other sites: the API answers those in `cors.allowed_origins`, and nobody else. Pages answer none.
//!
//! Our own few lines and not a library's: an allowed origin is an entry in a list, and may use cookies, which rules `*` out.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use crate::app::AppState;
use crate::routes;

/// Whether a configured site sent this request to the API.
#[must_use]
pub fn is_allowed(request: &HttpRequest) -> bool {
    let state = request.app_data::<web::Data<AppState>>();
    let origin = request.headers().get(ORIGIN).and_then(|value| value.to_str().ok());
    let listed = |state: &web::Data<AppState>| {
        state.config.cors_origins.iter().any(|allowed| origin == Some(allowed.origin().as_str()))
    };
    routes::is_api(request.path()) && state.is_some_and(listed)
}

/// Answers the question browsers ask beforehand, and lets an allowed site's script read the answer to its request.
pub async fn answer_other_sites(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_api = routes::is_api(request.path());
    let allowed = is_allowed(request.request()).then(|| request.headers().get(ORIGIN).cloned()).flatten();
    // A question has no body, which would be dropped unread here.
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && !request.chunked().unwrap_or(true);
    let mut response = if asks && allowed.is_some() {
        request.into_response(may())
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let headers = response.headers_mut();
    if is_api {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        let exposed = "etag, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
    Ok(response)
}

fn may() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, PATCH, DELETE"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key, if-none-match"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}
