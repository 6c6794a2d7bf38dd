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

use crate::db::schema::invitations;
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

/// That somebody can make an account with it.
#[diesel::dsl::auto_type]
fn usable() -> _ {
    invitations::expires_at.gt(now).and(invitations::uses.lt(invitations::max_uses))
}

impl Invitation {
    /// The one with this secret, if an account can be made with it. Locked until the transaction ends.
    ///
    /// # Errors
    /// Of the database.
    pub(super) fn usable_by(conn: &mut PgConnection, secret: &str) -> QueryResult<Option<InvitationId>> {
        invitations::table
            .filter(invitations::secret_hash.eq(hash(secret)))
            .filter(usable())
            .for_update()
            .select(invitations::id)
            .first(conn)
            .optional()
    }

    /// An account was made with it: it has one use less.
    ///
    /// # Errors
    /// Of the database.
    pub(super) fn spend(conn: &mut PgConnection, id: InvitationId) -> QueryResult<()> {
        diesel::update(invitations::table.find(id))
            .set(invitations::uses.eq(invitations::uses + 1))
            .execute(conn)
            .map(drop)
    }

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
