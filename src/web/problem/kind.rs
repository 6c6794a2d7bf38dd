//! The kinds of problems: what a program decides by.

use actix_web::http::StatusCode;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::error::AppError;

/// What every `type` begins with.
const PREFIX: &str = "urn:lumina:problem:";

/// The kind of a problem. Each has one name for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`Kind::meaning` says it, to programs too")]
pub enum Kind {
    BadRequest,
    LoginRequired,
    WrongCredentials,
    LoginElsewhere,
    Forbidden,
    OtherHost,
    InsufficientScope,
    NotFound,
    MethodNotAllowed,
    Taken,
    Conflict,
    ChangedMeanwhile,
    InProgress,
    OtherRequest,
    TooLarge,
    OverQuota,
    Unsupported,
    Invalid,
    TooManyRequests,
    Unavailable,
    DiskFull,
    Internal,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; Self::Internal as usize + 1] = [
        Self::BadRequest,
        Self::LoginRequired,
        Self::WrongCredentials,
        Self::LoginElsewhere,
        Self::Forbidden,
        Self::OtherHost,
        Self::InsufficientScope,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Taken,
        Self::Conflict,
        Self::ChangedMeanwhile,
        Self::InProgress,
        Self::OtherRequest,
        Self::TooLarge,
        Self::OverQuota,
        Self::Unsupported,
        Self::Invalid,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::DiskFull,
        Self::Internal,
    ];

    /// The kind of what went wrong, as far as a handler said so, and of an answer with this status.
    pub(super) fn of(cause: Option<&AppError>, status: StatusCode) -> Self {
        match (cause, status) {
            (Some(AppError::LoginRequired), _) => Self::LoginRequired,
            (Some(AppError::Credentials(_)), _) => Self::WrongCredentials,
            (Some(AppError::InvalidFields(_) | AppError::Invalid(_)), _) => Self::Invalid,
            (Some(AppError::Taken(_)), _) => Self::Taken,
            (Some(AppError::OverQuota(_)), _) => Self::OverQuota,
            (Some(AppError::ChangedMeanwhile), _) => Self::ChangedMeanwhile,
            (_, StatusCode::INSUFFICIENT_STORAGE) => Self::DiskFull,
            (Some(AppError::InProgress), _) => Self::InProgress,
            (Some(AppError::OtherRequest), _) => Self::OtherRequest,
            (Some(AppError::InsufficientScope(_)), _) => Self::InsufficientScope,
            (Some(AppError::Elsewhere { .. }), _) => Self::LoginElsewhere,
            (_, StatusCode::FORBIDDEN) => Self::Forbidden,
            (_, StatusCode::MISDIRECTED_REQUEST) => Self::OtherHost,
            (_, StatusCode::NOT_FOUND) => Self::NotFound,
            (_, StatusCode::METHOD_NOT_ALLOWED) => Self::MethodNotAllowed,
            (_, StatusCode::CONFLICT) => Self::Conflict,
            (
                _,
                StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ) => Self::TooLarge,
            (_, StatusCode::UNSUPPORTED_MEDIA_TYPE) => Self::Unsupported,
            (_, StatusCode::TOO_MANY_REQUESTS) => Self::TooManyRequests,
            (_, StatusCode::SERVICE_UNAVAILABLE) => Self::Unavailable,
            (_, status) if status.is_server_error() => Self::Internal,
            _ => Self::BadRequest,
        }
    }

    /// As the value of `type`.
    #[must_use]
    pub fn urn(self) -> String {
        format!("{PREFIX}{}", self.said().0)
    }

    /// What it means; Markdown.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.said().1
    }

    fn said(self) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", "The request makes no sense: `detail` says what to change."),
            Self::LoginRequired => ("login-required", "Send an access token that is still good, or log in."),
            Self::WrongCredentials => {
                ("wrong-credentials", "The username, the password or the refresh token is worth nothing.")
            }
            Self::LoginElsewhere => {
                ("login-elsewhere", "Logging in with the OpenID Connect provider did not work: `detail` says why.")
            }
            Self::Forbidden => ("forbidden", "Refused on principle, such as a request from another site."),
            Self::OtherHost => {
                ("other-host", "Lumina is at another address than the one asked for: `detail` names both.")
            }
            Self::InsufficientScope => (
                "insufficient-scope",
                "The personal access token is not good for this: `detail` names the scope that is needed.",
            ),
            Self::NotFound => ("not-found", "It does not exist, or it is somebody else's."),
            Self::MethodNotAllowed => {
                ("method-not-allowed", "This address does not know this method; `Allow` lists those it knows.")
            }
            Self::Taken => ("taken", "Somebody else has that name or address; `errors` says which."),
            Self::Conflict => ("conflict", "Somebody else was faster."),
            Self::ChangedMeanwhile => (
                "changed-meanwhile",
                "It is not what `If-Match` names any more: read it again, then repeat the change.",
            ),
            Self::InProgress => (
                "in-progress",
                "The same request is being worked on under the same `Idempotency-Key`. Send it again in a moment.",
            ),
            Self::OtherRequest => {
                ("other-request", "The `Idempotency-Key` came with another request before. Use a new one.")
            }
            Self::TooLarge => ("too-large", "More bytes than allowed."),
            Self::OverQuota => (
                "over-quota",
                "Your photos would take more room than you have. Delete some, or ask an administrator for more.",
            ),
            Self::Unsupported => ("unsupported", "A kind of content that is not taken."),
            Self::Invalid => ("invalid", "Fields are wrong; `errors` says which."),
            Self::TooManyRequests => {
                ("too-many-requests", "Too much in too short a time. Try again after `Retry-After` seconds.")
            }
            Self::Unavailable => {
                ("unavailable", "The database or the storage is away. Try again after `Retry-After` seconds.")
            }
            Self::DiskFull => (
                "disk-full",
                "The disk of the server is full: nothing new is kept until there is room. Reading and deleting work.",
            ),
            Self::Internal => ("internal", "A mistake of the server; the log has it under `request_id`."),
        }
    }

    /// The schema of `type`.
    pub(super) fn schema() -> Object {
        let meanings: String =
            Self::ALL.iter().map(|kind| format!("\n- `{}`: {}", kind.urn(), kind.meaning())).collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(format!("What a program decides by. It does not change between versions.\n{meanings}")))
            .enum_values(Some(Self::ALL.map(Self::urn)))
            .examples([Self::Invalid.urn()])
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn each_is_listed_once() {
        assert!(Kind::ALL.iter().enumerate().all(|(place, kind)| *kind as usize == place));
    }
}
