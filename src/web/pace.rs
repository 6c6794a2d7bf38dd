//! How fast a body has to come, whatever it is: form, JSON, upload. Only a request's head has a deadline of the server's;
//! without these a client could keep a connection and a file for ever, by saying nothing or a byte now and then.
//!
//! [`require_pace`] wraps the body of every request before any handler or extractor sees it, so none has to think of it.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, ready};
use tokio::time::{Instant, Sleep, sleep};

use crate::app::AppState;
use crate::error::AppError;
use crate::web::connections::Connection;

/// What is asked of a body.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// How long a client may be silent.
    silence: Duration,
    /// How long is waited for at least `bytes`.
    window: Duration,
    bytes: usize,
}

/// At least 1 KiB a second, which the worst of mobile networks has.
const BOUNDS: Bounds = Bounds { silence: Duration::from_secs(30), window: Duration::from_secs(60), bytes: 60 * 1024 };

/// Refuses the request when its body stops or is too slow, whatever the handler made of that.
///
/// # Errors
/// [`AppError::BadRequest`], or what the handler answers.
pub async fn require_pace(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let silence = request.app_data::<web::Data<AppState>>().map_or(BOUNDS.silence, |state| state.config.body_silence);
    require(Bounds { silence, ..BOUNDS }, request, next).await
}

async fn require<B: MessageBody + 'static>(
    bounds: Bounds,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let body = request.take_payload();
    if matches!(body, Payload::None) {
        return next.call(request).await;
    }
    let cut = Rc::new(Cell::new(None));
    let chunked = request.chunked().unwrap_or_default();
    let unread = request.conn_data::<Connection>().filter(|_| chunked).map(|connection| Rc::clone(&connection.unread));
    let body =
        Paced { body: Some(body), ended: false, pace: Pace::new(bounds), wait: None, cut: Rc::clone(&cut), unread };
    request.set_payload(Payload::Stream { payload: Box::pin(body) });
    let answer = next.call(request).await;
    match (cut.get(), answer) {
        (None, answer) => answer,
        (Some(_), Ok(answer)) if !answer.status().is_client_error() && !answer.status().is_server_error() => Ok(answer),
        (Some(why), _) => Err(AppError::BadRequest(format!("{why} Nothing was kept. Send it again.")).into()),
    }
}

/// A body that ends with an error when it stops or is too slow.
struct Paced {
    body: Option<Payload>,
    ended: bool,
    pace: Pace,
    /// Since when and until when the next chunk is waited for.
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Why it was cut off, for [`require_pace`].
    cut: Rc<Cell<Option<&'static str>>>,
    unread: Option<Rc<RefCell<Option<Payload>>>>,
}

impl Stream for Paced {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(body) = this.body.as_mut().filter(|_| this.cut.get().is_none()) else { return Poll::Ready(None) };
        let Poll::Ready(chunk) = body.poll_next_unpin(context) else {
            let (_, deadline) =
                this.wait.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(this.pace.bounds.silence))));
            ready!(deadline.as_mut().poll(context));
            return Poll::Ready(Some(Err(this.cut_off("This request stopped half-way."))));
        };
        let waited = this.wait.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
        match &chunk {
            Some(Ok(bytes)) if !this.pace.came(waited, bytes.len()) => {
                return Poll::Ready(Some(Err(this.cut_off("This request came too slowly."))));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => this.ended = true,
        }
        Poll::Ready(chunk)
    }
}

impl Paced {
    fn cut_off(&mut self, why: &'static str) -> PayloadError {
        self.cut.set(Some(why));
        PayloadError::Incomplete(Some(std::io::ErrorKind::TimedOut.into()))
    }
}

/// actix-http waits without a deadline for the rest of a chunked body that somebody has dropped. One that is merely not read
/// on it closes after the answer, so that is what is made of it.
impl Drop for Paced {
    fn drop(&mut self) {
        if let Some(unread) = self.unread.as_ref().filter(|_| !self.ended) {
            unread.replace(self.body.take());
        }
    }
}

/// How a body has come of late. Only the time in which we wait counts: our own work is not the client's slowness.
#[derive(Debug)]
struct Pace {
    bounds: Bounds,
    waited: Duration,
    bytes: usize,
}

impl Pace {
    fn new(bounds: Bounds) -> Self {
        Self { bounds, waited: Duration::ZERO, bytes: 0 }
    }

    /// So many bytes came after so long; whether that is fast enough.
    fn came(&mut self, after: Duration, bytes: usize) -> bool {
        self.waited += after;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited >= self.bounds.window {
            if self.bytes < self.bounds.bytes {
                return false;
            }
            *self = Self::new(self.bounds);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use actix_multipart::Multipart;
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpRequest};
    use futures_util::stream;

    use super::*;

    #[test]
    fn a_trickle_is_cut_and_a_slow_line_is_not() {
        let second = Duration::from_secs(1);
        let mut trickle = Pace::new(BOUNDS);
        let cut = (0..120).position(|_| !trickle.came(second, 1));
        assert_eq!(cut, Some(59), "at the end of the first minute");
        let mut slow = Pace::new(BOUNDS);
        assert!((0..3600).all(|_| slow.came(second, 1024)));
        let mut busy = Pace::new(BOUNDS);
        assert!((0..3600).all(|_| busy.came(Duration::ZERO, 1)), "we were the slow ones");
    }

    /// After a first byte, one more each time so long has passed.
    fn body(every: Duration) -> Payload {
        let trickle = stream::unfold(Duration::ZERO, move |pause| async move {
            tokio::time::sleep(pause).await;
            Some((Ok(Bytes::from_static(b"a")), every))
        });
        Payload::Stream { payload: Box::pin(trickle) }
    }

    async fn read_raw(mut body: web::Payload) -> &'static str {
        while let Some(Ok(_)) = body.next().await {}
        "read"
    }

    async fn read_parts(mut form: Multipart) -> Result<&'static str, AppError> {
        let broken = || AppError::Internal("broken off".into());
        let mut part = form.next().await.ok_or_else(broken)?.map_err(|_| broken())?;
        while let Some(chunk) = part.next().await {
            chunk.map_err(|_| broken())?;
        }
        Ok("read")
    }

    const SHORT: Bounds =
        Bounds { silence: Duration::from_millis(100), window: Duration::from_millis(100), bytes: 10_000 };

    #[actix_web::test]
    async fn every_kind_of_body_has_a_deadline() {
        let app = init_service(
            App::new()
                .wrap(from_fn(|request, next| require(SHORT, request, next)))
                .route("/form", web::post().to(|_: web::Form<Vec<(String, String)>>| async { "read" }))
                .route("/json", web::post().to(|_: web::Json<serde_json::Value>| async { "read" }))
                .route("/bytes", web::post().to(|_: web::Bytes| async { "read" }))
                .route("/parts", web::post().to(read_parts))
                .route(
                    "/raw",
                    web::put().to(async |body: web::Payload| {
                        (read_raw(body).await, actix_web::http::StatusCode::BAD_GATEWAY)
                    }),
                )
                .default_service(web::to(|_: HttpRequest| async { "not read" })),
        )
        .await;
        for (path, kind) in [
            ("/form", "application/x-www-form-urlencoded"),
            ("/json", "application/json"),
            ("/bytes", "text/plain"),
            ("/parts", "multipart/form-data; boundary=a"),
            ("/raw", "image/jpeg"),
        ] {
            for every in [Duration::from_secs(3600), Duration::from_millis(5)] {
                let method = if path == "/raw" { actix_web::http::Method::PUT } else { actix_web::http::Method::POST };
                let request = TestRequest::default().method(method).uri(path).insert_header(("content-type", kind));
                let mut request = request.insert_header(("content-length", "1000")).to_request();
                *request.payload() = body(every);
                let refused = try_call_service(&app, request).await.expect_err(path);
                assert_eq!(refused.as_response_error().status_code(), 400, "{path}");
            }
        }
        let mut request = TestRequest::post().uri("/nothing").to_request();
        *request.payload() = body(Duration::from_secs(3600));
        assert_eq!(try_call_service(&app, request).await.unwrap().status(), 200);
    }
}
