//! Why a request to the bucket did not do what it was for.

use std::error::Error;
use std::fmt;
use std::io;

use crate::storage::StorageError;

/// One failed request. Its text is for the log and the terminal; it names no key and no signature.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    what: String,
    /// It was about to change something there.
    changing: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// Nobody answered.
    Silence,
    /// Nobody did in time.
    Late,
    /// Reaching it failed because of the certificate.
    Distrust,
    /// It answered with this status and S3's code, which is empty in what is not S3's.
    Status(u16, String),
    /// An answer that S3 does not give.
    Nonsense,
    /// No request came to be.
    Unsendable,
    /// This machine's own disk.
    Ours(io::ErrorKind),
}

impl Failure {
    /// The bucket answered with an error.
    pub(super) fn status(status: u16, body: &str) -> Self {
        let code = between(body, "<Code>", "</Code>").unwrap_or_default();
        let message = between(body, "<Message>", "</Message>").unwrap_or_default();
        let what = match code {
            "" => format!("HTTP status {status}"),
            code => plain(&format!("{code}: {message}")).chars().filter(|c| !c.is_control()).take(300).collect(),
        };
        Self { kind: Kind::Status(status, code.to_owned()), what, changing: false }
    }

    /// The request got no answer.
    pub(super) fn unanswered(error: &(dyn Error + 'static)) -> Self {
        let what = chain(error);
        let kind = if what.contains("certificate") { Kind::Distrust } else { Kind::Silence };
        Self { kind, what, changing: false }
    }

    /// There was none in time.
    pub(super) fn late() -> Self {
        Self { kind: Kind::Late, what: "no answer in time".into(), changing: false }
    }

    /// It makes no sense.
    pub(super) fn nonsense(what: impl Into<String>) -> Self {
        Self { kind: Kind::Nonsense, what: what.into(), changing: false }
    }

    /// There is no address to send it to.
    pub(super) fn unsendable(what: impl Into<String>) -> Self {
        Self { kind: Kind::Unsendable, what: what.into(), changing: false }
    }

    /// What was to be sent cannot be read.
    pub(super) fn ours(error: io::Error) -> Self {
        Self { kind: Kind::Ours(error.kind()), what: error.to_string(), changing: false }
    }

    /// S3's name for it.
    pub(super) fn code(&self) -> &str {
        match &self.kind {
            Kind::Status(_, code) => code,
            _ => "",
        }
    }

    pub(super) fn is_silence(&self) -> bool {
        self.kind == Kind::Silence || self.is_late()
    }

    pub(super) fn is_late(&self) -> bool {
        self.kind == Kind::Late
    }

    pub(super) fn is_distrust(&self) -> bool {
        self.kind == Kind::Distrust
    }

    pub(super) fn is_unsendable(&self) -> bool {
        self.kind == Kind::Unsendable
    }

    /// The request was about to change something.
    pub(super) fn while_changing(self) -> Self {
        Self { changing: true, ..self }
    }

    /// Is it an answer about the object, from a bucket that works?
    pub(super) fn is_an_answer(&self) -> bool {
        self.is_absence() || self.is_full()
    }

    /// Would it have been the same with any other object?
    pub(super) fn is_the_buckets(&self) -> bool {
        match self.kind {
            // What a storage says of itself whose disk is full, if it has no word for that: reading may well go on.
            Kind::Status(500, _) if self.changing => false,
            // The others are about this one, such as that it is too large.
            Kind::Status(status, _) => matches!(status, 401 | 403 | 404) || self.may_pass(),
            Kind::Ours(_) => false,
            Kind::Silence | Kind::Late | Kind::Distrust | Kind::Nonsense | Kind::Unsendable => true,
        }
    }

    /// Can it be otherwise in a moment?
    pub(super) fn may_pass(&self) -> bool {
        match &self.kind {
            Kind::Silence | Kind::Late => true,
            Kind::Status(status, code) => {
                // 409 is what a key gives that somebody else writes or deletes in the same moment.
                matches!(status, 408 | 409 | 425 | 429 | 500..=506 | 508..) || code == "RequestTimeout"
            }
            Kind::Distrust | Kind::Nonsense | Kind::Unsendable | Kind::Ours(_) => false,
        }
    }

    fn is_absence(&self) -> bool {
        matches!(&self.kind, Kind::Status(404, code) if code != "NoSuchBucket")
    }

    fn is_full(&self) -> bool {
        match &self.kind {
            Kind::Status(status, code) => {
                *status == 507 || code.contains("QuotaExceeded") || code.contains("StorageFull")
            }
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            _ if failure.is_absence() => Self::NotFound,
            _ if failure.is_full() => Self::Full,
            Kind::Ours(kind) => io::Error::new(kind, failure.what).into(),
            _ => Self::Unavailable(io::Error::other(format!("the bucket: {}", failure.what))),
        }
    }
}

/// An error with all its causes: the outer one alone says that sending failed, and not why.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        if said.contains(&cause) { said } else { format!("{said}: {cause}") }
    })
}

/// XML's escapes undone.
fn plain(text: &str) -> String {
    let escapes = [("&apos;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    escapes.into_iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}
