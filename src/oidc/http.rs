//! Asking the provider: no redirects, a deadline, and no more bytes than we bargain for.

use std::time::Duration;

use futures_util::StreamExt;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType};
use oauth2::http::StatusCode;
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

/// Why there are no tokens for a code.
#[derive(Debug, thiserror::Error)]
pub enum NoTokens {
    /// The code is worth nothing. The provider knows who asks, or would not have looked at it.
    #[error("{0}")]
    BadCode(String),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] OidcError),
}

impl From<NoTokens> for OidcError {
    fn from(error: NoTokens) -> Self {
        match error {
            NoTokens::BadCode(said) => Self::Refused(said),
            NoTokens::Other(error) => error,
        }
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

/// The provider gave no tokens for a code, in an answer of this status. What it says is for the log: its kind of error is a
/// known word, its description is cut.
pub fn failed_exchange(error: RequestTokenError<Failure, BasicErrorResponse>, status: Option<StatusCode>) -> NoTokens {
    // Who asks is not known, whatever word comes with it (RFC 6749, 5.2): Auth0 says "access_denied".
    let unknown_client = status == Some(StatusCode::UNAUTHORIZED);
    let unreadable = |why: String| {
        let status = status.map_or_else(|| "nothing".to_owned(), |status| status.to_string());
        let said = format!("the token endpoint answers {status}: {}", printable(&why));
        if unknown_client { OidcError::Misconfigured(said) } else { OidcError::Away(said) }
    };
    NoTokens::Other(match error {
        RequestTokenError::ServerResponse(said) => {
            let description = said.error_description().map_or("", String::as_str);
            let said_so = format!("{} {}", printable(said.error().as_ref()), printable(description));
            match said.error() {
                // Some say this with status 401 too.
                BasicErrorResponseType::InvalidGrant => {
                    return NoTokens::BadCode(format!("no tokens for the code: {said_so}"));
                }
                kind if unknown_client || is_about_the_client(kind) => OidcError::Misconfigured(said_so),
                _ if status.is_some_and(|status| status.is_server_error()) => OidcError::Away(said_so),
                _ => OidcError::Refused(format!("no tokens for the code: {said_so}")),
            }
        }
        RequestTokenError::Request(failure) => OidcError::Away(failure.to_string()),
        // The body may hold tokens.
        RequestTokenError::Parse(error, _) => unreadable(error.to_string()),
        RequestTokenError::Other(error) => unreadable(error),
    })
}

/// Whether this word is about who asks for tokens, and not about what they bring.
fn is_about_the_client(kind: &BasicErrorResponseType) -> bool {
    let word: &str = kind.as_ref();
    matches!(word, "invalid_client" | "unauthorized_client" | "access_denied")
}

/// The beginning of a text from outside, fit for one line of the log.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(word: &str, status: u16) -> NoTokens {
        let said = format!(r#"{{"error":"{word}","error_description":"Unauthorized"}}"#);
        let said = RequestTokenError::ServerResponse(serde_json::from_str(&said).unwrap());
        failed_exchange(said, StatusCode::from_u16(status).ok())
    }

    fn unreadable(status: u16) -> NoTokens {
        let error = RequestTokenError::Other("server returned empty error response".to_owned());
        failed_exchange(error, StatusCode::from_u16(status).ok())
    }

    #[test]
    fn a_bad_code_is_told_from_a_client_that_is_not_known_and_from_an_endpoint_that_is_none() {
        for status in [400, 401] {
            assert!(matches!(said("invalid_grant", status), NoTokens::BadCode(_)), "{status}");
        }
        for (word, status) in [
            ("invalid_client", 401),
            ("invalid_client", 400),
            ("unauthorized_client", 400),
            ("access_denied", 401),
            ("access_denied", 403),
            ("invalid_request", 401),
        ] {
            let error = said(word, status);
            assert!(matches!(error, NoTokens::Other(OidcError::Misconfigured(_))), "{word} {status}: {error}");
        }
        assert!(matches!(unreadable(401), NoTokens::Other(OidcError::Misconfigured(_))));
        for status in [200, 302, 404, 502] {
            assert!(matches!(unreadable(status), NoTokens::Other(OidcError::Away(_))), "{status}");
        }
        assert!(matches!(said("temporarily_unavailable", 503), NoTokens::Other(OidcError::Away(_))));
        assert!(matches!(said("invalid_request", 400), NoTokens::Other(OidcError::Refused(_))));
    }
}
