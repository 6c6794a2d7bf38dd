//! What the next page says once, after a redirect.

use actix_web::{HttpMessage, HttpRequest, web};
use serde::{Deserialize, Serialize};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::{PhotoId, Session, SessionId};
use crate::routes;

/// Kept in the session's row until a page shows it.
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
    /// So many photos were deleted, this one among them; they can come back.
    Deleted(usize, PhotoId),
    /// A deletion of so many photos was undone.
    Restored(usize),
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
}

/// This request's page shows the notice of this session.
struct Showing(SessionId);

impl Notice {
    /// The notice that waits in `session`, for the page that answers `request`.
    #[must_use]
    pub fn show(request: &HttpRequest, session: &Session) -> Option<ShownNotice> {
        // One that an older version left may not be readable: then there is nothing to say.
        let notice: Self = session.notice.clone().and_then(|value| serde_json::from_value(value).ok())?;
        request.extensions_mut().insert(Showing(session.id));
        Some(ShownNotice { text: notice.text(), undo: notice.undo(), photo: notice.photo() })
    }

    /// Takes away the notice that was shown. Called when the page is there: one that ended in an error keeps it for the
    /// next.
    pub async fn shown(request: &HttpRequest) {
        let showing = request.extensions_mut().remove::<Showing>();
        if let (Some(Showing(session)), Some(state)) = (showing, request.app_data::<web::Data<AppState>>())
            && let Err(error) = state.db.read(move |conn| Session::set_notice(conn, session, None)).await
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
            Self::Deleted(1, _) => "Photo deleted.".to_owned(),
            Self::Deleted(n, _) => format!("{} deleted.", photos(n)),
            Self::Restored(1) => "The photo is back.".to_owned(),
            Self::Restored(n) => format!("{} are back.", photos(n)),
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
            Self::InvitationRevoked => "The invitation is taken back.".to_owned(),
        }
    }

    /// Where to post to take it back.
    #[must_use]
    pub fn undo(&self) -> Option<String> {
        match self {
            Self::Deleted(_, id) => Some(routes::restore_photo(&id.to_string())),
            _ => None,
        }
    }

    /// The page of the photo it speaks of.
    #[must_use]
    pub fn photo(&self) -> Option<String> {
        match self {
            Self::AlreadyHere { first, .. } => Some(routes::photo(&first.to_string())),
            _ => None,
        }
    }

    /// Leaves it for the next page of this session. What it speaks of is done: that the word about it is lost, as when the
    /// database goes away in between, must not make anyone do it again.
    pub async fn leave(&self, state: &AppState, session: SessionId) {
        let leave = async {
            let value = serde_json::to_value(self).map_err(AppError::internal)?;
            state.db.read(move |conn| Session::set_notice(conn, session, Some(value))).await
        };
        if let Err(error) = leave.await {
            tracing::warn!(%error, "something done goes without its notice");
        }
    }
}
