//! One line and one count a request, and the span whose id every other line carries.
//!
//! Requests are named by their route's pattern and never by their path, which may hold the secret of a link.

use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage, HttpRequest, web};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder};

use crate::app::AppState;

/// Builds the span of a request.
pub struct RequestSpan;

#[derive(Clone, Copy)]
struct Started(Instant);

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        request.extensions_mut().insert(Started(Instant::now()));
        let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
        tracing::info_span!("request", id = %request_id(request.request()), method = %request.method(), route)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let _inside = span.enter();
        match outcome {
            Ok(response) => {
                let request = response.request();
                let took = request.extensions().get::<Started>().map_or(Duration::ZERO, |Started(at)| at.elapsed());
                let status = response.status().as_u16();
                tracing::info!(status, ms = format_args!("{:.1}", took.as_secs_f64() * 1000.0), "answered");
                if let Some(state) = request.app_data::<web::Data<AppState>>() {
                    state.metrics.answered(request.match_pattern(), request.method().as_str(), status, took);
                }
            }
            Err(error) => tracing::error!(%error, "request failed"),
        }
    }
}

/// The id in log lines, in the `X-Request-Id` header and on error pages.
#[must_use]
pub fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default()
}
