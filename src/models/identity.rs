//! Who somebody is elsewhere: what an OpenID Connect provider calls them.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};

use crate::db::schema::{identities, users};
use crate::models::{User, UserId};

/// A row of `identities`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = identities, check_for_backend(Pg))]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// A name or email address to know it by.
    pub label: String,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
}

/// An identity to connect.
#[derive(Debug, Clone)]
pub struct NewIdentity {
    /// The provider.
    pub issuer: String,
    /// Its name for the person, which never changes.
    pub subject: String,
    /// A name or email address to know it by.
    pub label: String,
}

/// Why an identity was not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotConnected {
    /// It is another user's.
    Others,
    /// The user has one of this provider.
    HasOne,
}

impl Identity {
    /// Whose identity that is, disabled users too.
    ///
    /// # Errors
    /// Of the database.
    pub fn user(conn: &mut PgConnection, issuer: &str, subject: &str) -> QueryResult<Option<User>> {
        identities::table
            .find((issuer, subject))
            .inner_join(users::table)
            .select(User::as_select())
            .first(conn)
            .optional()
    }

    /// Those of `user`.
    ///
    /// # Errors
    /// Of the database.
    pub fn of_user(conn: &mut PgConnection, user: UserId) -> QueryResult<Vec<Self>> {
        identities::table
            .filter(identities::user_id.eq(user))
            .order(identities::created_at)
            .select(Self::as_select())
            .load(conn)
    }

    /// Connects one to `user`. The indexes decide whose it is.
    ///
    /// # Errors
    /// Of the database only.
    pub fn connect(conn: &mut PgConnection, user: UserId, new: &NewIdentity) -> QueryResult<Result<(), NotConnected>> {
        let label: String = new.label.chars().filter(|c| !c.is_control()).take(254).collect();
        let inserted = conn.transaction(|conn| {
            diesel::insert_into(identities::table)
                .values((
                    identities::issuer.eq(&new.issuer),
                    identities::subject.eq(&new.subject),
                    identities::user_id.eq(user),
                    identities::label.eq(label),
                ))
                .execute(conn)
        });
        match inserted {
            Ok(_) => Ok(Ok(())),
            Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info)) => {
                let by_user = info.constraint_name() == Some("identities_user_id_key");
                Ok(Err(if by_user { NotConnected::HasOne } else { NotConnected::Others }))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes `user`'s identities away, if there is a password to log in with. False when there is none, or no identity.
    ///
    /// # Errors
    /// Of the database.
    pub fn disconnect(conn: &mut PgConnection, user: UserId) -> QueryResult<bool> {
        let password: Option<String> = users::table.find(user).for_update().select(users::password_hash).first(conn)?;
        if password.is_none() {
            return Ok(false);
        }
        diesel::delete(identities::table.filter(identities::user_id.eq(user))).execute(conn).map(|rows| rows > 0)
    }
}
