//! Invitation links: each lets a number of people make an account until it expires or is taken back.
//!
//! The secret in a link is shown once, to the admin who makes it; the row keeps its hash. Uses are counted in the
//! transaction that makes the account, under the row's lock, so that a link for one person lets one person in however
//! many try at once.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use rand::Rng;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256};

use crate::config::Registration;
use crate::db::schema::invitations;
use crate::models::settings::Settings;
use crate::models::{InvitationId, UserId};

/// Characters of a link's secret: 22 of 62 give 131 bits.
const SECRET_LENGTH: usize = 22;

/// The most links that can be used at a time.
pub const MOST: i64 = 100;

/// The most that are listed: all that can be used, and the newest of the others.
const LISTED: i64 = 2 * MOST;

/// A row of `invitations`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invitations, check_for_backend(Pg))]
pub struct Invitation {
    /// Which one.
    pub id: InvitationId,
    /// For whom, as an admin noted it.
    pub note: String,
    /// Nobody can use it from then on.
    pub expires_at: DateTime<Utc>,
    /// How many accounts can be made with it.
    pub max_uses: i32,
    /// How many were.
    pub uses: i32,
}

/// What a new row needs.
pub struct NewInvitation {
    /// At most 100 characters.
    pub note: String,
    /// See [`Invitation`].
    pub expires_at: DateTime<Utc>,
    /// 1 to 1000.
    pub max_uses: i32,
}

/// That an account may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// By anyone.
    Open,
    /// By this invitation.
    Invited(InvitationId),
}

/// Why none may be made; its text is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
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

impl Admission {
    /// Whether somebody who brings this secret (or an empty one) may make an account. `fixed` is what the configuration
    /// says, which goes before what an admin chose. In a transaction, the invitation is held until its end.
    ///
    /// # Errors
    /// Of the database.
    pub fn of(
        conn: &mut PgConnection,
        fixed: Option<Registration>,
        secret: &str,
    ) -> QueryResult<Result<Self, NotAdmitted>> {
        let registration = match fixed {
            Some(registration) => registration,
            None => Settings::load(conn)?.registration,
        };
        match registration {
            Registration::Open => Ok(Ok(Self::Open)),
            Registration::Closed => Ok(Err(NotAdmitted::Closed)),
            Registration::Invitation if secret.is_empty() => Ok(Err(NotAdmitted::Uninvited)),
            Registration::Invitation => {
                let usable: Option<InvitationId> = invitations::table
                    .filter(invitations::secret_hash.eq(hash(secret)))
                    .filter(usable())
                    .for_update()
                    .select(invitations::id)
                    .first(conn)
                    .optional()?;
                Ok(usable.map(Self::Invited).ok_or(NotAdmitted::Spent))
            }
        }
    }

    /// The account is made: an invitation has one use less.
    ///
    /// # Errors
    /// Of the database.
    pub fn spend(self, conn: &mut PgConnection) -> QueryResult<()> {
        let Self::Invited(id) = self else { return Ok(()) };
        diesel::update(invitations::table.find(id))
            .set(invitations::uses.eq(invitations::uses + 1))
            .execute(conn)
            .map(drop)
    }
}

/// That somebody can make an account with it.
#[diesel::dsl::auto_type]
fn usable() -> _ {
    invitations::expires_at.gt(now).and(invitations::uses.lt(invitations::max_uses))
}

impl Invitation {
    /// Makes one. Answers the secret of its link, which cannot be had again, or `None` when there are too many already.
    ///
    /// # Errors
    /// Of the database.
    pub fn create(conn: &mut PgConnection, by: UserId, new: &NewInvitation) -> QueryResult<Option<String>> {
        // Whoever else makes one waits, and counts this one.
        diesel::sql_query("LOCK TABLE invitations IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
        let usable: i64 = invitations::table.filter(usable()).count().get_result(conn)?;
        if usable >= MOST {
            return Ok(None);
        }
        let secret: String = rand::rng().sample_iter(Alphanumeric).take(SECRET_LENGTH).map(char::from).collect();
        diesel::insert_into(invitations::table)
            .values((
                invitations::id.eq(InvitationId::generate()),
                invitations::secret_hash.eq(hash(&secret)),
                invitations::note.eq(&new.note),
                invitations::created_by.eq(by),
                invitations::expires_at.eq(new.expires_at),
                invitations::max_uses.eq(new.max_uses),
            ))
            .execute(conn)?;
        Ok(Some(secret))
    }

    /// Those that can be used, then others; the newest first.
    ///
    /// # Errors
    /// Of the database.
    pub fn all(conn: &mut PgConnection) -> QueryResult<Vec<Self>> {
        let order = (usable().desc(), invitations::created_at.desc());
        invitations::table.order(order).limit(LISTED).select(Self::as_select()).load(conn)
    }

    /// Whether somebody can make an account with it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.uses < self.max_uses && self.expires_at > Utc::now()
    }

    /// Takes one back. False when there is none.
    ///
    /// # Errors
    /// Of the database.
    pub fn revoke(conn: &mut PgConnection, id: InvitationId) -> QueryResult<bool> {
        diesel::delete(invitations::table.find(id)).execute(conn).map(|rows| rows > 0)
    }
}

/// The secret is random, so that a plain hash is enough.
fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}
