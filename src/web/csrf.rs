//! Refuses requests that another site made a browser send.
//!
//! After Go 1.25's `http.CrossOriginProtection`: browsers say where a request comes from, so no token is needed in any
//! form. Safe methods pass. An `Origin` that is ours passes. Else `Sec-Fetch-Site`, which all browsers since 2023 send,
//! decides; without it the host in `Origin` must be the one asked. Programs send neither: they pass as long as they do
//! not bring a session cookie along. The API also takes requests from the sites in `cors.allowed_origins`.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HOST, HeaderMap, ORIGIN};
use actix_web::middleware::Next;
use actix_web::web;
use url::Url;

use crate::app::AppState;
use crate::error::{AppError, SentFrom};
use crate::oidc::printable;
use crate::web::cookies::session_cookie;
use crate::web::cors;

/// Answers 403 to a request that may have been forged.
pub async fn refuse_cross_site(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>();
    let ours = state.map(|state| state.config.public_url.origin()).unwrap_or_default();
    let allowed = request.method().is_safe() || {
        let with_session = state.is_some_and(|state| request.cookie(session_cookie(&state.config)).is_some());
        cors::is_allowed(request.request()) || is_same_origin(request.headers(), &ours, with_session)
    };
    if allowed {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let seen = Box::new(sent_from(request.headers()));
    Ok(request.error_response(AppError::OtherSite { expected: ours, seen }))
}

fn sent_from(headers: &HeaderMap) -> SentFrom {
    // The browser wrote them, but who sends a request may write anything.
    let text = |name: &str| {
        let value = headers.get(name)?.as_bytes();
        Some(printable(&String::from_utf8_lossy(value)))
    };
    SentFrom { origin: text(ORIGIN.as_str()), fetch_site: text("sec-fetch-site"), host: text(HOST.as_str()) }
}

fn is_same_origin(headers: &HeaderMap, ours: &str, with_session: bool) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let origin = text(ORIGIN.as_str());
    if origin == Some(ours) {
        return true;
    }
    match (text("sec-fetch-site"), origin) {
        (Some("same-origin" | "none"), _) => true,
        (Some(_), _) => false,
        (None, Some(origin)) => text(HOST.as_str()).is_some_and(|host| is_at(origin, host)),
        (None, None) => !with_session,
    }
}

/// Whether an origin's host and port are `host`, as the `Host` header writes them.
fn is_at(origin: &str, host: &str) -> bool {
    Url::parse(origin).is_ok_and(|origin| match (origin.host_str(), origin.port()) {
        (Some(name), Some(port)) => host.eq_ignore_ascii_case(&format!("{name}:{port}")),
        (Some(name), None) => host.eq_ignore_ascii_case(name),
        (None, _) => false,
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::is_same_origin;

    #[test]
    fn only_what_proves_to_be_ours_passes() {
        const OURS: &str = "https://photos.example";
        type Headers = &'static [(&'static str, &'static str)];
        const CASES: [(Headers, bool, bool); 12] = [
            (&[("origin", OURS)], true, true),
            (&[("origin", OURS), ("sec-fetch-site", "same-site")], true, true),
            (&[("sec-fetch-site", "same-origin")], true, true),
            (&[("sec-fetch-site", "none")], true, true),
            (&[("sec-fetch-site", "cross-site")], false, false),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://other.photos.example")], true, false),
            (&[("origin", "http://10.0.0.5:8080"), ("host", "10.0.0.5:8080")], true, true),
            (&[("origin", "http://10.0.0.5:8081"), ("host", "10.0.0.5:8080")], true, false),
            (&[("origin", "https://evil.example"), ("host", "photos.example")], true, false),
            (&[("origin", "null"), ("host", "photos.example")], true, false),
            (&[], true, false),
            (&[], false, true),
        ];
        for (headers, with_session, passes) in CASES {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_same_origin(&map, OURS, with_session), passes, "{headers:?} {with_session}");
        }
    }
}
