//! What the next page says once, after a redirect; of what can be undone, each page for as long as that is so.

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::removal::UNDO;
use crate::models::{PhotoId, Session, SessionId};
use crate::routes;
use crate::web::htmx::page;

/// How long a notice floats over the page that cannot be undone, in seconds; one with a link stays longer.
const READ: i64 = 8;
const FOLLOW: i64 = 20;

/// The most that wait in one session: deletions of which each can still be undone, and one word about something else.
const MOST: usize = 5;

/// Kept in the session's row until a page shows it, or it cannot be undone any more.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Photos came in.
    Uploaded(usize),
    /// Photos were sent that are here already, so many of them, the first of them this one; and so many came in.
    AlreadyHere {
        /// Came in.
        added: usize,
        /// Were here.
        known: usize,
        /// One of those.
        first: PhotoId,
    },
    /// Photos were deleted; they can come back.
    Deleted {
        /// So many.
        photos: usize,
        /// One of them.
        one: PhotoId,
        /// Until then.
        until: DateTime<Utc>,
    },
    /// A deletion of so many photos was undone, this one among them.
    Restored(usize, Option<PhotoId>),
    /// A photo's title, hashtags or visibility changed.
    Saved,
    /// The hashtags of a selection changed.
    HashtagsChanged(usize),
    /// Email address or full name changed.
    ProfileSaved,
    /// The password changed, and this many other devices are out.
    PasswordChanged(usize),
    /// This many devices were signed out.
    DevicesSignedOut(usize),
    /// The account of this username was disabled.
    Disabled(String),
    /// It was enabled again.
    Enabled(String),
    /// The account of this username was deleted, with so many photos.
    AccountDeleted(String, usize),
    /// The same, and its photos are still going.
    AccountGoing(String, usize),
    /// An invitation was taken back.
    InvitationRevoked,
    /// A personal access token is over.
    TokenEnded,
    /// One can log in with this provider from now on.
    Connected(String),
    /// One cannot any more.
    Disconnected,
    /// There is a password now, where there was none.
    PasswordSet,
}

/// A [`Notice`] in words.
pub struct ShownNotice {
    /// What happened.
    pub text: String,
    /// Where to post to take it back.
    pub undo: Option<String>,
    /// The photo it speaks of.
    pub photo: Option<String>,
    /// How long it is to be seen.
    pub seconds: i64,
    /// By which a script knows that it was put away.
    pub key: String,
    /// The page it is shown on: undoing leads there again.
    pub back: String,
}

/// A notice alone, for a script that has done something in place.
#[derive(Template)]
#[template(path = "_notice.html")]
struct Fragment {
    notice: ShownNotice,
}

/// This request's page shows the notice of this session.
struct Showing(SessionId);

impl Notice {
    /// Photos were deleted just now.
    #[must_use]
    pub fn deleted(photos: usize, one: PhotoId) -> Self {
        Self::Deleted { photos, one, until: Utc::now() + UNDO }
    }

    /// The latest notice that waits in `session`, for the page that answers `request`. What can be undone is shown by every
    /// page for as long as that is so.
    #[must_use]
    pub fn show(request: &HttpRequest, session: &Session) -> Option<ShownNotice> {
        let waiting = Self::waiting(session.notice.as_ref());
        if !waiting.iter().all(Self::can_be_undone) {
            request.extensions_mut().insert(Showing(session.id));
        }
        let notice = waiting.iter().rfind(|notice| notice.seconds() > 0)?;
        Some(notice.shown_on(request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()))
    }

    /// What a session's row has of them, the latest last. What another version left may not be readable: then there is nothing
    /// to say of it.
    fn waiting(kept: Option<&Value>) -> Vec<Self> {
        let kept = kept.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        kept.iter().filter_map(|notice| serde_json::from_value(notice.clone()).ok()).collect()
    }

    fn can_be_undone(&self) -> bool {
        self.undo().is_some() && self.seconds() > 0
    }

    fn shown_on(&self, back: String) -> ShownNotice {
        let key = match self {
            Self::Deleted { one, until, .. } => format!("{one}-{}", until.timestamp_millis()),
            _ => String::new(),
        };
        ShownNotice { text: self.text(), undo: self.undo(), photo: self.photo(), seconds: self.seconds(), key, back }
    }

    /// The notice alone, for a script.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub fn fragment(&self) -> Result<HttpResponse, AppError> {
        page(StatusCode::OK, &Fragment { notice: self.shown_on(routes::photos().to_owned()) })
    }

    /// How long it is to be seen. Not any more when it is 0.
    fn seconds(&self) -> i64 {
        match self {
            Self::Deleted { until, .. } => (*until - Utc::now()).num_seconds().max(0),
            notice if notice.photo().is_some() => FOLLOW,
            _ => READ,
        }
    }

    /// Takes away what was shown and cannot be undone. Called when the page is there: one that ended in an error keeps it for
    /// the next.
    pub async fn shown(request: &HttpRequest) {
        let showing = request.extensions_mut().remove::<Showing>();
        if let (Some(Showing(session)), Some(state)) = (showing, request.app_data::<web::Data<AppState>>())
            && let Err(error) = Self::change(state, session, |waiting| waiting.retain(Self::can_be_undone)).await
        {
            tracing::warn!(%error, "a notice will be shown twice");
        }
    }

    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        let photos = |n: &usize| if *n == 1 { "1 photo".to_owned() } else { format!("{n} photos") };
        let devices = |n: &usize| if *n == 1 { "1 device".to_owned() } else { format!("{n} devices") };
        match self {
            Self::Uploaded(n) => format!("{} added.", photos(n)),
            Self::AlreadyHere { added: 0, known: 1, .. } => "This photo is already here.".to_owned(),
            Self::AlreadyHere { added: 0, known, .. } => format!("{} are already here.", photos(known)),
            Self::AlreadyHere { added, known: 1, .. } => format!("{} added, 1 is already here.", photos(added)),
            Self::AlreadyHere { added, known, .. } => format!("{} added, {known} are already here.", photos(added)),
            Self::Deleted { photos: 1, .. } => "Photo deleted.".to_owned(),
            Self::Deleted { photos: n, .. } => format!("{} deleted.", photos(n)),
            Self::Restored(1, _) => "The photo is back.".to_owned(),
            Self::Restored(n, _) => format!("{} are back.", photos(n)),
            Self::Saved => "Saved.".to_owned(),
            Self::HashtagsChanged(n) => format!("Hashtags of {} changed.", photos(n)),
            Self::ProfileSaved => "Your profile is saved.".to_owned(),
            Self::PasswordChanged(0) => "Your password is changed.".to_owned(),
            Self::PasswordChanged(n) => format!("Your password is changed, and {} signed out.", devices(n)),
            Self::Connected(name) => format!("You can log in with {name} from now on."),
            Self::Disconnected => "Disconnected. From now on you log in with your password.".to_owned(),
            Self::PasswordSet => "Your password is set. You can log in with it too.".to_owned(),
            Self::TokenEnded => "The token is ended.".to_owned(),
            Self::DevicesSignedOut(n) => format!("{} signed out.", devices(n)),
            Self::Disabled(username) => format!("{username} is disabled and logged out everywhere."),
            Self::Enabled(username) => format!("{username} can log in again."),
            Self::AccountDeleted(username, n) => {
                format!("The account {username} is deleted, with {}.", photos(n))
            }
            Self::AccountGoing(username, n) => {
                format!("The account {username} is being deleted, with {}. That goes on by itself.", photos(n))
            }
            Self::InvitationRevoked => "The invitation is taken back.".to_owned(),
        }
    }

    /// Where to post to take it back.
    #[must_use]
    pub fn undo(&self) -> Option<String> {
        match self {
            Self::Deleted { one, .. } => Some(routes::restore_photo(&one.to_string())),
            _ => None,
        }
    }

    /// The page of the photo it speaks of.
    #[must_use]
    pub fn photo(&self) -> Option<String> {
        match self {
            Self::AlreadyHere { first: one, .. } | Self::Restored(1, Some(one)) => {
                Some(routes::photo(&one.to_string()))
            }
            _ => None,
        }
    }

    /// These photos are back: their deletion is not offered to be undone any more, while others are.
    pub async fn withdraw(state: &AppState, session: SessionId, photos: Vec<PhotoId>) {
        let is_over = move |notice: &Self| matches!(notice, Self::Deleted { one, .. } if photos.contains(one));
        let withdraw = Self::change(state, session, move |waiting| waiting.retain(|notice| !is_over(notice)));
        if let Err(error) = withdraw.await {
            tracing::warn!(%error, "a notice will be shown that is outdated");
        }
    }

    /// Leaves it for the next page of this session, and with it what can still be undone. What it speaks of is done: that the
    /// word about it is lost, as when the database goes away in between, must not make anyone do it again.
    pub async fn leave(&self, state: &AppState, session: SessionId) {
        let notice = self.clone();
        let leave = Self::change(state, session, move |waiting| {
            waiting.retain(Self::can_be_undone);
            waiting.drain(..waiting.len().saturating_sub(MOST - 1));
            waiting.push(notice);
        });
        if let Err(error) = leave.await {
            tracing::warn!(%error, "something done goes without its notice");
        }
    }

    /// Changes what waits in a session, where another request may do so at the same time.
    async fn change(
        state: &AppState,
        session: SessionId,
        change: impl FnOnce(&mut Vec<Self>) + Send + 'static,
    ) -> Result<(), AppError> {
        let job = move |conn: &mut PgConnection| {
            let mut waiting = Self::waiting(Session::notice_to_change(conn, session)?.as_ref());
            change(&mut waiting);
            let some = (!waiting.is_empty()).then(|| serde_json::to_value(waiting));
            let kept = some.transpose().map_err(AppError::internal)?;
            Ok::<_, AppError>(Session::set_notice(conn, session, kept)?)
        };
        state.db.write(job).await
    }
}
