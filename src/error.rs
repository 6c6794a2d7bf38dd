//! The one error type of handlers, and the only place where other errors become it.
//!
//! A variant says what happened in the terms of a request; the text a person reads is made in `web::error_page`, which
//! renders and logs each error once. A cause stays in the log: pages show the request's id instead.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::models::Scope;
use crate::models::tries::Limit;
use crate::storage::StorageError;

/// What is wrong with the fields of a JSON request, in words, by name.
pub type FieldErrors = BTreeMap<&'static str, Vec<String>>;

/// One try, request or upload too many.
#[derive(Debug, Clone, Copy)]
pub struct TooMany {
    /// Which limit was met.
    pub limit: Limit,
    /// When to try again.
    pub wait: Duration,
}

impl TooMany {
    /// In whole seconds, at least one.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        // Waits are an hour at most, so the cast cannot cut.
        self.wait.as_secs_f64().ceil().max(1.0) as u64
    }

    /// In words: “40 seconds”, “5 minutes”.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self.seconds() {
            1 => "a second".to_owned(),
            seconds @ ..=90 => format!("{seconds} seconds"),
            seconds => format!("{} minutes", seconds.div_ceil(60)),
        }
    }
}

/// Whose fault it is that logging in elsewhere did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// That of whoever wants in, or of what they brought along.
    Theirs,
    /// The provider does not answer; trying again later helps.
    Away,
    /// Our settings are wrong: only whoever runs this server can help.
    Settings,
}

/// What a browser says of the page that made it send a request; as it stands in the headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentFrom {
    /// `Origin`.
    pub origin: Option<String>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<String>,
    /// `Host`.
    pub host: Option<String>,
}

impl fmt::Display for SentFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, fetch_site, host } = self;
        write!(f, "origin {origin:?}, sec-fetch-site {fetch_site:?}, host {host:?}")
    }
}

impl SentFrom {
    /// In words, a sentence.
    #[must_use]
    pub fn in_words(&self) -> String {
        match (self.origin.as_deref(), self.fetch_site.as_deref()) {
            (Some("null"), _) => "Your browser hides which page this was sent from.".to_owned(),
            (Some(origin), _) => format!("Your browser says that this was sent from {origin}."),
            (None, Some(_)) => "Your browser says that this was sent from another site.".to_owned(),
            (None, None) => {
                "It does not say which page this was sent from, but brings a browser's login along.".to_owned()
            }
        }
    }
}

/// What a person is told when the disk is full.
pub const DISK_FULL: &str = "The disk of this Lumina is full, so nothing new can be kept. Deleting photos works, and makes room \
                             a minute later. Whoever runs this Lumina finds more in its log and by `lumina doctor`.";

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// It does not exist, or the one who asks may not know that it does.
    #[error("not found")]
    NotFound,
    /// Only someone signed in may do this.
    #[error("login required")]
    LoginRequired,
    /// A name and password, or a refresh token, that are worth nothing; the text says which.
    #[error("wrong credentials: {0}")]
    Credentials(&'static str),
    /// Logging in with an OpenID Connect provider did not work.
    #[error("login elsewhere refused: {detail}")]
    Elsewhere {
        /// For the person, in plain words.
        reason: Cow<'static, str>,
        /// For the log.
        detail: String,
        /// Whose fault it is.
        fault: Fault,
    },
    /// Refused on principle, such as a request from another site; the text says why.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// A browser sent this from a page of another site, or hides from which.
    #[error("from another site: expected origin {expected}, seen {seen}")]
    OtherSite {
        /// Where our own pages are.
        expected: String,
        /// What the browser said.
        seen: Box<SentFrom>,
    },
    /// Asked for by a name that is not ours.
    #[error("asked for as {asked:?}, is at {ours}")]
    OtherHost {
        /// The host that was asked for.
        asked: String,
        /// Where we are.
        ours: String,
    },
    /// A personal access token that is not good for this.
    #[error("insufficient scope: {} is needed", .0.as_str())]
    InsufficientScope(Scope),
    /// Tried or asked too often.
    #[error("too many: {}", .0.limit.name)]
    TooMany(TooMany),
    /// The request does not make sense; the text says what to change.
    #[error("bad request: {0}")]
    BadRequest(String),
    /// A form without a page of its own was filled in wrongly; the text says what to change.
    #[error("invalid: {0}")]
    Invalid(String),
    /// Fields of a JSON request are wrong. A page's form comes back instead.
    #[error("invalid fields: {:?}", .0.keys())]
    InvalidFields(FieldErrors),
    /// As [`AppError::InvalidFields`], because somebody else has that name or address.
    #[error("taken: {:?}", .0.keys())]
    Taken(FieldErrors),
    /// More bytes than allowed; the text names the limit.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The address is longer than [`bounds::LONGEST`](crate::web::bounds::LONGEST).
    #[error("address too long")]
    AddressTooLong,
    /// A header is longer than that, or all of them than [`bounds::LARGEST_HEAD`](crate::web::bounds::LARGEST_HEAD).
    #[error("headers too large")]
    HeadersTooLarge,
    /// No room for more; the text says how much is used and allowed.
    #[error("over quota: {0}")]
    OverQuota(String),
    /// A kind of content we do not take; the text says which we do.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Somebody else was faster.
    #[error("conflict: {0}")]
    Conflict(String),
    /// It is not what the client named in `If-Match` any more.
    #[error("changed meanwhile")]
    ChangedMeanwhile,
    /// The same request is being worked on under the same `Idempotency-Key`.
    #[error("in progress")]
    InProgress,
    /// The `Idempotency-Key` came with another request before.
    #[error("idempotency key of another request")]
    OtherRequest,
    /// The database or the storage cannot answer now; trying again later helps.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// There is no room on a disk: deleting makes some.
    #[error("the disk is full")]
    DiskFull,
    /// Our fault.
    #[error("internal: {0}")]
    Internal(Box<dyn StdError + Send + Sync>),
}

impl AppError {
    /// Whether the one who asks has to do otherwise: not a fault of ours, and nothing that passes.
    #[must_use]
    pub fn is_the_clients(&self) -> bool {
        self.status_code().is_client_error()
    }

    /// Wraps an unexpected error.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// One field is wrong.
    pub fn invalid_field(name: &'static str, reason: impl Into<String>) -> Self {
        Self::InvalidFields(BTreeMap::from([(name, vec![reason.into()])]))
    }

    /// The database or the storage is away; `cause` goes to the log.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::Unavailable(cause.into())
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::LoginRequired | Self::Credentials(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::InsufficientScope(_) | Self::OtherSite { .. } => StatusCode::FORBIDDEN,
            Self::OtherHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) | Self::InvalidFields(_) | Self::OtherRequest => StatusCode::UNPROCESSABLE_ENTITY,
            Self::AddressTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooLarge(_) | Self::OverQuota(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Conflict(_) | Self::Taken(_) | Self::InProgress => StatusCode::CONFLICT,
            Self::ChangedMeanwhile => StatusCode::PRECONDITION_FAILED,
            Self::Elsewhere { fault: Fault::Theirs, .. } => StatusCode::FORBIDDEN,
            Self::Unavailable(_) | Self::Elsewhere { fault: Fault::Away | Fault::Settings, .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Bare: `web::error_page` fills it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<DieselError> for AppError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::NotFound => Self::NotFound,
            // A NUL in a text that was asked for: nothing can be called so.
            DieselError::DatabaseError(_, info) if info.message().starts_with("invalid byte sequence") => {
                Self::NotFound
            }
            // The connection was lost while committing.
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::unavailable(commit_error.to_string()),
            DieselError::BrokenTransactionManager => Self::unavailable(error.to_string()),
            DieselError::DatabaseError(_, info) if info.message().contains("No space left on device") => Self::DiskFull,
            DieselError::DatabaseError(kind, info) if database_is_away(kind, info.message()) => {
                Self::unavailable(info.message())
            }
            _ => Self::internal(error),
        }
    }
}

/// Postgres and libpq tell a lost, full or overloaded server by message only: libpq's own failures carry no SQLSTATE,
/// and Diesel passes on no SQLSTATE it has no kind for.
fn database_is_away(kind: &DatabaseErrorKind, message: &str) -> bool {
    const SIGNS: [&str; 13] = [
        "deadlock detected",
        "server closed the connection",
        "terminating connection",
        "the database system is",
        "no connection to the server",
        "connection to server",
        "could not connect",
        "could not receive data",
        "could not send data",
        "SSL connection has been closed",
        "canceling statement due to",
        "too many clients",
        "out of memory",
    ];
    matches!(kind, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand)
        || SIGNS.iter().any(|sign| message.contains(sign))
}

impl From<StorageError> for AppError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Full => Self::DiskFull,
            StorageError::NoRoom => Self::OverQuota("This is more than you may send at a time.".to_owned()),
            // A row names these bytes: that they are gone is not the client's mistake.
            StorageError::NotFound => Self::internal("stored bytes are missing"),
            StorageError::Unavailable(cause) => Self::unavailable(cause.to_string()),
        }
    }
}

impl From<std::io::Error> for AppError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error)
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        Self::internal(error)
    }
}
