//! The size of a request's head, checked before anything reads the address or a header.
//!
//! The HTTP server takes heads of 128 KiB. Reading that much (cookies, lists in a query, `Accept`, `If-None-Match`) would keep
//! the thread that answers everyone else from its work. Two layers: the outermost empties a head that is too large, so that no
//! layer reads it, and an inner one refuses the request, where errors become pages.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::{Uri, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use crate::error::AppError;

/// The longest address, and the longest value of one header, in bytes. nginx has the same default, so that what passes a proxy
/// passes here.
pub const LONGEST: usize = 8 * 1024;
/// All headers together.
pub const LARGEST_HEAD: usize = 4 * LONGEST;

/// What is too large about a request.
#[derive(Clone, Copy)]
enum Excess {
    Address,
    Headers,
}

impl Excess {
    fn of(head: &RequestHead) -> Option<Self> {
        let address = head.uri.path_and_query().map_or(0, |address| address.as_str().len());
        if address > LONGEST {
            return Some(Self::Address);
        }
        let mut all = 0;
        for (name, value) in head.headers() {
            all += name.as_str().len() + value.len();
            if value.len() > LONGEST || all > LARGEST_HEAD {
                return Some(Self::Headers);
            }
        }
        None
    }
}

/// Empties a head that is too large. What is no part of the excess stays of `Host`, which decides who may ask at all, and
/// `Transfer-Encoding`, by which a body that nobody reads is known.
///
/// # Errors
/// Those of what comes next.
pub async fn empty_large_heads<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(excess) = Excess::of(request.head()) {
        let head = request.head_mut();
        let stays = [header::HOST, header::TRANSFER_ENCODING];
        head.headers_mut().retain(|name, value| stays.contains(name) && value.len() <= LONGEST);
        let path: Option<Uri> =
            Some(head.uri.path()).filter(|path| path.len() <= LONGEST).and_then(|path| path.parse().ok());
        head.uri = path.unwrap_or_default();
        request.extensions_mut().insert(excess);
    }
    next.call(request).await
}

/// Refuses a request whose head was emptied.
///
/// # Errors
/// Those of what comes next.
pub async fn refuse_large_heads(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let excess = request.extensions().get::<Excess>().copied();
    match excess {
        None => Ok(next.call(request).await?.map_into_boxed_body()),
        Some(Excess::Address) => Ok(request.error_response(AppError::AddressTooLong)),
        Some(Excess::Headers) => Ok(request.error_response(AppError::HeadersTooLarge)),
    }
}
