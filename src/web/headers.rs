//! Headers that every answer carries, and the one request header that none may bring.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;
use url::Url;

use crate::app::AppState;
use crate::config::Config;
use crate::error::AppError;
use crate::web::request_log::request_id;

/// Everything from here, nothing inline. `blob:` and `data:` are for previews of files that are being uploaded.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'none'";

/// The policy of pages. Public photos may also come from the CDN that is configured, and from nowhere else.
#[must_use]
pub fn page_policy(config: &Config) -> HeaderValue {
    let own = HeaderValue::from_static(PAGE_POLICY);
    let Some(cdn) = config.s3.as_ref().and_then(|s3| s3.public_url.as_deref()).and_then(origin) else { return own };
    let policy = PAGE_POLICY.replacen("img-src 'self'", &format!("img-src 'self' {cdn}"), 1);
    HeaderValue::from_str(&policy).unwrap_or(own)
}

fn origin(url: &str) -> Option<String> {
    Some(Url::parse(url).ok()?.origin().ascii_serialization())
}

const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // `same-origin` and not `no-referrer`, with which browsers send `Origin: null` along with our own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // Pages are somebody's own and change: kept, but asked for again each time.
    (header::CACHE_CONTROL, "private, no-cache"),
];

/// Adds what is missing; a handler that knows better has set its own.
pub fn complete(headers: &mut HeaderMap, state: Option<&AppState>) {
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let policy = state.map(|state| state.page_policy.clone());
        headers
            .insert(header::CONTENT_SECURITY_POLICY, policy.unwrap_or_else(|| HeaderValue::from_static(PAGE_POLICY)));
    }
    for (name, value) in ALWAYS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if state.is_some_and(|state| state.config.public_url.https()) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// Completes the headers of every answer.
pub async fn add_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let id = HeaderValue::from_str(&request_id(request.request()));
    let mut response = next.call(request).await?.map_into_boxed_body();
    complete(response.headers_mut(), state.as_deref().map(|state| &**state));
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if let Ok(id) = id {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    Ok(response)
}

/// Answers 415 to a compressed request body before any extractor unpacks it: a kilobyte of Brotli can become gigabytes
/// past every limit (RUSTSEC-2026-0447).
pub async fn refuse_encoded_bodies(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        let error = AppError::Unsupported("Send the request without compressing it.".to_owned());
        return Ok(request.error_response(error));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}
