//! Who may make an account: the one place where that is decided, for the page, the API and logging in elsewhere.
//!
//! The first account is an admin's. Where strangers can reach the server, only the person who started it may make that one:
//! with the setup link, which the start prints. Otherwise whoever comes first after a data folder was lost, or not mounted,
//! would become the admin.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use diesel::prelude::*;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use crate::config::{Registration, Secret};
use crate::models::settings::Settings;
use crate::models::{Invitation, InvitationId, User};

/// Bytes of the setup link's secret.
const SETUP_SECRET_BYTES: usize = 24;

/// What the configuration says about new accounts.
#[derive(Clone, Default)]
pub struct AdmissionRules {
    /// Who may make one; `None`: as an admin chose.
    registration: Option<Registration>,
    /// The SHA-256 of the setup link's secret; `None`: anyone may make the first account.
    setup_hash: Option<Vec<u8>>,
}

/// That an account may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// By anyone.
    Open,
    /// The first one, by the setup link.
    SetUp,
    /// By this invitation.
    Invited(InvitationId),
}

/// Why none may be made; its text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// There is no account yet, and this is not the setup link.
    NotSetUp,
    /// Nobody may.
    Closed,
    /// Only with an invitation, and there was none.
    Uninvited,
    /// The invitation is used up, has expired, was taken back, or never was one.
    Spent,
}

impl NotAdmitted {
    /// What to tell whoever wants an account.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NotSetUp => {
                "Nobody has an account here yet. The person who runs this server makes the first one with the setup link: \
                 Lumina prints it each time it starts, and it stands in the log. `lumina user add` at the terminal makes one too."
            }
            Self::Closed => "New accounts are closed here. Ask the person who runs this album to let you in.",
            Self::Uninvited => {
                "You need an invitation to make an account here. Ask the person who runs this album for a link."
            }
            Self::Spent => {
                "This invitation is not good any more: it was used, has expired, or was taken back. Ask for a new one."
            }
        }
    }
}

/// The secret of an instance's setup link. It is computed, not stored: every start and every instance on the same database
/// and key prints the same link, and who can compute it could sign a session cookie as well.
#[must_use]
pub fn setup_secret(key: &Secret, instance: Uuid) -> String {
    let digest = Sha512::new().chain_update("lumina setup link\0").chain_update(key.expose()).chain_update(instance);
    BASE64.encode(digest.finalize().get(..SETUP_SECRET_BYTES).unwrap_or_default())
}

impl AdmissionRules {
    /// `registration` is what the configuration says, which goes before what an admin chose. `setup_secret` is needed for the
    /// first account; `None`: nothing is.
    #[must_use]
    pub fn new(registration: Option<Registration>, setup_secret: Option<&str>) -> Self {
        Self { registration, setup_hash: setup_secret.map(hash) }
    }
}

impl Admission {
    /// Whether somebody who brings this secret (or an empty one) may make an account. In a transaction, the invitation or
    /// the place of the first account is held until its end.
    ///
    /// # Errors
    /// Of the database.
    pub fn of(conn: &mut PgConnection, rules: &AdmissionRules, secret: &str) -> QueryResult<Result<Self, NotAdmitted>> {
        if let Some(setup_hash) = &rules.setup_hash
            && User::is_first(conn)?
        {
            return Ok(if hash(secret) == *setup_hash { Ok(Self::SetUp) } else { Err(NotAdmitted::NotSetUp) });
        }
        let registration = match rules.registration {
            Some(registration) => registration,
            None => Settings::load(conn)?.registration,
        };
        match registration {
            Registration::Open => Ok(Ok(Self::Open)),
            Registration::Closed => Ok(Err(NotAdmitted::Closed)),
            Registration::Invitation if secret.is_empty() => Ok(Err(NotAdmitted::Uninvited)),
            Registration::Invitation => {
                Ok(Invitation::usable_by(conn, secret)?.map(Self::Invited).ok_or(NotAdmitted::Spent))
            }
        }
    }

    /// The account is made: an invitation has one use less.
    ///
    /// # Errors
    /// Of the database.
    pub fn spend(self, conn: &mut PgConnection) -> QueryResult<()> {
        match self {
            Self::Invited(id) => Invitation::spend(conn, id),
            Self::Open | Self::SetUp => Ok(()),
        }
    }
}

/// The secret is random, so that a plain hash is enough; comparing hashes tells nothing by its time.
fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}
