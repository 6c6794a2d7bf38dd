//! How often one may do what. Two kinds of limits, each by address and by account:
//!
//! - [`guesses`]: guesses at passwords are counted in Postgres, exactly, for all instances
//!   together, before anything is looked at.
//! - [`rates`]: requests to the API and uploads, counted in this process alone and so wide that no person meets them: they
//!   keep a program gone wild from taking all, and cost no look into the database.
//!
//! [`address`] says from where a request comes, and [`device`] knows a browser again in which somebody has logged in: what
//! strangers do does not keep them out.

pub mod address;
pub mod device;
mod gates;
pub mod guesses;
pub mod rates;

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::web;
use sha2::{Digest, Sha256};

use crate::app::AppState;
use crate::config::Secret;
use crate::error::TooMany;
use crate::models::PublicHashtag;
use crate::models::tries::{self, Key, Limit};

/// draft-ietf-httpapi-ratelimit-headers: how much is left, and until when.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The same: which limit that is.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Says in an answer's headers when to try again.
pub fn tell_too_many(headers: &mut HeaderMap, too_many: &TooMany) {
    headers.insert(RETRY_AFTER, HeaderValue::from(too_many.seconds()));
    tell(headers, too_many.limit, 0, too_many.seconds());
}

/// Says in an answer's headers how much of a limit is left, and when there will be more.
fn tell(headers: &mut HeaderMap, limit: Limit, left: u32, seconds: u64) {
    let Limit { name, count, seconds: window } = limit;
    for (header, text) in [
        (RATE_LIMIT_POLICY, format!("\"{name}\";q={count};w={window}")),
        (RATE_LIMIT, format!("\"{name}\";r={left};t={seconds}")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header, value);
        }
    }
}

/// How often what counts no more is forgotten.
const SWEPT_EVERY: Duration = Duration::from_secs(60);

/// Forgets what counts no more, until it is dropped.
pub async fn keep_swept(state: web::Data<AppState>) {
    loop {
        actix_web::rt::time::sleep(SWEPT_EVERY).await;
        state.rates.sweep();
        if let Err(error) = state.db.read(tries::sweep).await {
            tracing::warn!(%error, "forgetting old tries");
        }
        if let Err(error) = state.db.write(PublicHashtag::forget_unshown).await {
            tracing::warn!(%error, "forgetting names that are public no more");
        }
    }
}

/// Makes the keys of counters. Keyed, so that whoever reads the table learns no address; the same in all instances.
#[derive(Clone)]
struct Keys([u8; 32]);

impl Keys {
    fn new(secrets: &[Secret]) -> Self {
        let secret = secrets.first().map(Secret::expose).unwrap_or_default();
        Self(Sha256::new().chain_update(b"lumina limits\0").chain_update(secret).finalize().into())
    }

    /// Each part with its length, so that no two lists of parts are the same text.
    fn of(&self, parts: &[&[u8]]) -> Key {
        let mut hash = Sha256::new().chain_update(self.0);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut key = Key::default();
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        key
    }
}
