//! What the next page says once, after a redirect.

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
    /// One photo was deleted; it can come back.
    Deleted(PhotoId),
    /// Photos of a selection were deleted.
    DeletedSome(usize),
    /// A deletion was undone.
    Restored,
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
}

impl Notice {
    /// In words.
    #[must_use]
    pub fn text(&self) -> String {
        let photos = |n: &usize| if *n == 1 { "1 photo".to_owned() } else { format!("{n} photos") };
        let devices = |n: &usize| if *n == 1 { "1 device".to_owned() } else { format!("{n} devices") };
        match self {
            Self::Uploaded(n) => format!("{} added.", photos(n)),
            Self::Deleted(_) => "Photo deleted.".to_owned(),
            Self::DeletedSome(n) => format!("{} deleted.", photos(n)),
            Self::Restored => "The photo is back.".to_owned(),
            Self::Saved => "Saved.".to_owned(),
            Self::HashtagsChanged(n) => format!("Hashtags of {} changed.", photos(n)),
            Self::ProfileSaved => "Your profile is saved.".to_owned(),
            Self::PasswordChanged(0) => "Your password is changed.".to_owned(),
            Self::PasswordChanged(n) => format!("Your password is changed, and {} signed out.", devices(n)),
            Self::DevicesSignedOut(n) => format!("{} signed out.", devices(n)),
        }
    }

    /// Where to post to take it back.
    #[must_use]
    pub fn undo(&self) -> Option<String> {
        match self {
            Self::Deleted(id) => Some(routes::restore_photo(&id.to_string())),
            _ => None,
        }
    }

    /// Leaves it for the next page of this session.
    ///
    /// # Errors
    /// Of the database.
    pub async fn leave(&self, state: &AppState, session: SessionId) -> Result<(), AppError> {
        let value = serde_json::to_value(self).map_err(AppError::internal)?;
        state.db.read(move |conn| Session::set_notice(conn, session, Some(value))).await
    }
}
