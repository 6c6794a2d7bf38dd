//! Asking the provider: no redirects, a deadline, and no more bytes than we bargain for.

use std::time::Duration;

use futures_util::StreamExt;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::{HttpRequest, HttpResponse, RequestTokenError};
use s3_http::redirect::Policy;

use super::OidcError;

/// For one question, from the connection to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// Metadata, keys and tokens take some kilobytes.
const LARGEST: usize = 1 << 20;

/// Why a question went without an answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The network.
    #[error("{0}")]
    Network(String),
    /// It does not end.
    #[error("the answer is larger than {LARGEST} bytes")]
    TooLarge,
}

impl From<s3_http::Error> for Failure {
    fn from(error: s3_http::Error) -> Self {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        Self::Network(text)
    }
}

/// The one client.
pub fn client() -> Result<s3_http::Client, OidcError> {
    let builder = s3_http::Client::builder().redirect(Policy::none()).timeout(PATIENCE).user_agent("Lumina");
    builder.build().map_err(|error| OidcError::Away(error.to_string()))
}

/// Asks.
pub async fn ask(client: &s3_http::Client, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let answer = client.execute(request.try_into()?).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let (mut body, mut parts) = (Vec::new(), answer.bytes_stream());
    while let Some(part) = parts.next().await {
        body.extend_from_slice(&part?);
        if body.len() > LARGEST {
            return Err(Failure::TooLarge);
        }
    }
    let mut response = HttpResponse::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}

/// The provider gave no tokens for a code. What it says is for the log: its kind of error is a known word, its description
/// is cut.
pub fn failed_exchange(error: RequestTokenError<Failure, BasicErrorResponse>) -> OidcError {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let description = said.error_description().map_or("", String::as_str);
            let said_so = format!("{} {}", printable(said.error().as_ref()), printable(description));
            match said.error() {
                BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                    OidcError::Misconfigured(said_so)
                }
                _ => OidcError::Refused(format!("no tokens for the code: {said_so}")),
            }
        }
        RequestTokenError::Request(failure) => OidcError::Away(failure.to_string()),
        // The body may hold tokens.
        RequestTokenError::Parse(error, _) => OidcError::Refused(format!("tokens that cannot be read: {error}")),
        RequestTokenError::Other(error) => OidcError::Refused(error),
    }
}

/// The beginning of a text from outside, fit for one line of the log.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
