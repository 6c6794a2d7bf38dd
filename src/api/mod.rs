//! JSON: one file a resource, through the same models and the same [`album`](crate::album) as the pages.

pub mod auth;
pub mod description;
pub mod hashtags;
pub mod health;
pub mod idempotency;
pub mod metrics;
pub mod oidc;
pub mod photo_json;
pub mod photos;
pub mod uploads;

use actix_web::http::StatusCode;
use actix_web::http::header::{ETag, EntityTag, IfNoneMatch};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::AppError;
use crate::web::bytes::matches;
use crate::web::forms::Pairs;

/// How many a page is asked to have: `limit`, or `otherwise`.
fn page_size(query: &Pairs, otherwise: usize, most: usize) -> Result<usize, AppError> {
    match query.first("limit") {
        "" => Ok(otherwise),
        text => {
            let size = text.parse().ok().filter(|size| (1..=most).contains(size));
            size.ok_or_else(|| AppError::invalid_field("limit", format!("Use a whole number from 1 to {most}.")))
        }
    }
}

/// What tells this JSON from any other.
fn digest(body: &str) -> String {
    BASE64.encode(Sha256::digest(body.as_bytes()).get(..15).unwrap_or_default())
}

/// A list, or "you have it already". The tag is of what it says: reading the rows is cheap, sending them over and over to
/// a program that looks for news is not. Weak, because the same list may be sent compressed.
fn tagged(request: &HttpRequest, list: &impl Serialize) -> Result<HttpResponse, AppError> {
    let body = serde_json::to_string(list).map_err(AppError::internal)?;
    let tag = EntityTag::new_weak(digest(&body));
    let same = matches!(request.get_header::<IfNoneMatch>(), Some(known) if matches(&known, &tag));
    let status = if same { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut answer = HttpResponse::build(status);
    answer.insert_header(ETag(tag)).insert_header(("vary", "authorization, cookie"));
    Ok(if same { answer.finish() } else { answer.content_type("application/json").body(body) })
}
