//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that changes something can be sent again after a
//! lost answer. The same request under the same key gets the same answer, and what it asked for is done once.
//!
//! The answer is written down in the transaction that does the work, so that no crash can come between the two.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use futures_util::future::{Either, select};
use sha2::{Digest, Sha256};

use crate::db::Db;
use crate::error::AppError;
use crate::models::UserId;
use crate::models::idempotency::{self, Answer, Hold};

/// The header.
pub const HEADER: &str = "idempotency-key";
/// The longest key, in bytes.
pub const LONGEST: usize = 255;
/// How often a try says that it goes on; a third of what may pass in silence.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// The key a request brings, if it does.
pub struct IdempotencyKey(Option<Vec<u8>>);

/// What to do about a request.
pub enum Claimed {
    /// It was done before: this was the answer.
    Before(HttpResponse),
    /// Do it.
    Now(Try),
}

/// A try that may do the work.
#[derive(Clone)]
pub struct Try {
    db: Db,
    /// Without a key there is nothing to remember.
    pub hold: Option<Hold>,
}

impl FromRequest for IdempotencyKey {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut sent = request.headers().get_all(HEADER);
        ready(match (sent.next(), sent.next()) {
            (None, _) => Ok(Self(None)),
            (Some(key), None) => parse(key.as_bytes()).map(|key| Self(Some(Sha256::digest(key).to_vec()))),
            _ => Err(AppError::BadRequest("Send one Idempotency-Key.".to_owned())),
        })
    }
}

/// A text in quotes, as the draft has it (RFC 9651, 3.3.3); or without them, as everybody writes it.
fn parse(sent: &[u8]) -> Result<Vec<u8>, AppError> {
    let sent = sent.trim_ascii();
    let quoted = sent.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let key = quoted.unwrap_or(sent);
    let plain = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'"';
    if !(1..=LONGEST).contains(&key.len()) || !key.iter().all(plain) {
        let words = format!("An Idempotency-Key has 1 to {LONGEST} letters, digits and signs, such as a UUID.");
        return Err(AppError::BadRequest(words));
    }
    Ok(key.to_vec())
}

/// The fingerprint of a request: its parts cannot run into each other.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

impl IdempotencyKey {
    /// Claims the key for a request of `user`.
    ///
    /// # Errors
    /// [`AppError::InProgress`] while another try is at it, [`AppError::OtherRequest`] when the key came with another request;
    /// of the database.
    pub async fn claim(self, db: &Db, user: UserId, request: Vec<u8>) -> Result<Claimed, AppError> {
        let Some(key) = self.0 else { return Ok(Claimed::Now(Try { db: db.clone(), hold: None })) };
        match db.write(move |conn| idempotency::claim(conn, user, &key, &request)).await? {
            idempotency::Claim::Mine(hold) => Ok(Claimed::Now(Try { db: db.clone(), hold: Some(hold) })),
            idempotency::Claim::Answered(answer) => Ok(Claimed::Before(respond(answer))),
            idempotency::Claim::Running => Err(AppError::InProgress),
            idempotency::Claim::OtherRequest => Err(AppError::OtherRequest),
        }
    }
}

impl Try {
    /// Does the work, saying all the while that it goes on. When it fails, the key is free for another try.
    ///
    /// # Errors
    /// Of the work.
    pub async fn run<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let Some(hold) = &self.hold else { return work.await };
        let done = match select(Box::pin(work), Box::pin(self.keep_alive(hold))).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        };
        if done.is_err() {
            let hold = hold.clone();
            if let Err(error) = self.db.write(move |conn| hold.free(conn)).await {
                tracing::warn!(%error, "an idempotency key stays taken until it is seen that nobody holds it");
            }
        }
        done
    }

    async fn keep_alive(&self, hold: &Hold) -> std::convert::Infallible {
        loop {
            actix_web::rt::time::sleep(ALIVE_EVERY).await;
            let hold = hold.clone();
            if let Err(error) = self.db.write(move |conn| hold.keep_alive(conn)).await {
                tracing::warn!(%error, "keeping an idempotency key");
            }
        }
    }
}

/// As it is sent.
pub fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    if let Some(location) = answer.location {
        response.insert_header((header::LOCATION, location));
    }
    response.content_type("application/json").body(answer.body)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_key_is_the_same_with_and_without_quotes_and_nothing_odd_is_one() {
        assert_eq!(parse(b"\"8e03978e\"").unwrap(), b"8e03978e");
        assert_eq!(parse(b" 8e03978e ").unwrap(), b"8e03978e");
        assert!(parse(&[b'x'; 255]).is_ok());
        for odd in [&b""[..], b"\"\"", b"\"", b"a\"b", b"\"a\"b\"", b"a\nb", "é".as_bytes(), &[b'x'; 256]] {
            assert!(parse(odd).is_err(), "{odd:?}");
        }
    }
}
