//! Rows and the queries on them. Nothing here knows of HTTP.
//!
//! Functions take the connection first and, for whatever somebody owns, who is asking: there is no bare `find(id)`.

pub mod account_deletion;
pub mod admission;
pub mod chore;
pub mod clock;
mod date_source;
pub mod edit;
pub mod email;
pub mod gallery;
pub mod hashtag;
pub mod idempotency;
pub mod identity;
pub mod ids;
pub mod instance;
pub mod inventory;
pub mod invitation;
pub mod person;
pub mod personal_token;
pub mod photo;
pub mod photo_edit;
pub mod public_copy;
pub mod public_hashtag;
pub mod quota;
pub mod removal;
pub mod seen;
pub mod session;
pub mod settings;
pub mod stray;
pub mod tries;
pub mod upload;
pub mod user;

pub use chore::Chore;
pub use date_source::DateSource;
pub use edit::{Edit, Stale};
pub use gallery::{Cursor, Listing};
pub use hashtag::Hashtag;
pub use ids::{InvitationId, PersonalTokenId, PhotoId, SessionId, UploadId, UserId};
pub use invitation::Invitation;
pub use personal_token::{PersonalToken, Scope};
pub use photo::{Made, NewPhoto, Photo, PhotoFacts, Visibility};
pub use photo_edit::PhotoEdit;
pub use public_hashtag::PublicHashtag;
pub use quota::Quota;
pub use seen::{Seen, Viewer, Which};
pub use session::Session;
pub use settings::Settings;
pub use upload::Upload;
pub use user::{NewUser, Role, User};
