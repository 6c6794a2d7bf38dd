//! People with an account.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Text;

use crate::db::schema::users;
use crate::models::edit::{Edit, Merge, Stale};
use crate::models::{UserId, email};

diesel::define_sql_function! {
    /// Postgres's `lower`, on which the unique indexes of usernames and email addresses stand.
    fn lower(text: Text) -> Text;
}

/// What a user may do. Kept as text in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Their own photos.
    User,
    /// Also the people and settings of the instance. The first account is one.
    Admin,
}

impl Role {
    /// The role of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|known| known.as_str() == name)
    }

    /// As the row and programs have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }
}

/// A row of `users`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Pg))]
pub struct User {
    /// Who it is.
    pub id: UserId,
    /// Unique without regard to case; shown as it was typed.
    pub username: String,
    /// Unique without regard to case.
    pub email: String,
    /// May be empty.
    pub full_name: String,
    /// bcrypt; `None` for someone who signs in elsewhere only.
    pub password_hash: Option<String>,
    role: String,
    /// A disabled user is signed out and cannot sign in.
    pub active: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// How much they may keep, in MiB; `None`: as much as everyone, see [`Quota`](crate::models::Quota).
    pub quota_mib: Option<i32>,
}

/// The password hash stays out of logs.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a new account needs; every field already checked.
pub struct NewUser {
    /// See [`User::username`].
    pub username: String,
    /// See [`User::email`].
    pub email: String,
    /// See [`User::full_name`].
    pub full_name: String,
    /// bcrypt; `None` for someone who logs in elsewhere.
    pub password_hash: Option<String>,
}

/// Which unique field somebody else has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The username.
    Username,
    /// The email address.
    Email,
}

impl Taken {
    /// The field whose unique index refused a row, if that is what `error` says.
    fn from_violation(error: &Error) -> Option<Self> {
        match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => match info.constraint_name() {
                Some("users_username_key") => Some(Self::Username),
                Some("users_email_key" | "users_folded_email_key") => Some(Self::Email),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Why a profile was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileKept {
    /// Somebody else has the address.
    Taken(Taken),
    /// It was changed meanwhile, on another device or in another tab.
    Stale(Stale),
}

impl User {
    /// What the user may do.
    #[must_use]
    pub fn role(&self) -> Role {
        if self.role == Role::Admin.as_str() { Role::Admin } else { Role::User }
    }

    /// Makes an account; the very first one is an admin. The unique indexes decide who was first to a name.
    ///
    /// # Errors
    /// Of the database only: a taken name or address is in the `Ok`.
    pub fn create(conn: &mut PgConnection, new: &NewUser) -> QueryResult<Result<Self, Taken>> {
        let inserted = conn.transaction(|conn| {
            let role = if Self::is_first(conn)? { Role::Admin } else { Role::User };
            diesel::insert_into(users::table)
                .values((
                    users::username.eq(&new.username),
                    users::email.eq(&new.email),
                    users::email_key.eq(email::key(&new.email)),
                    users::full_name.eq(&new.full_name),
                    users::password_hash.eq(&new.password_hash),
                    users::role.eq(role.as_str()),
                ))
                .returning(Self::as_returning())
                .get_result(conn)
        });
        Self::or_taken(inserted)
    }

    /// Whether there is no account yet. If so, whoever else asks waits until this transaction ends: two people who register
    /// first in the same instant must not both find the table empty.
    ///
    /// # Errors
    /// Of the database.
    pub fn is_first(conn: &mut PgConnection) -> QueryResult<bool> {
        let any = diesel::select(diesel::dsl::exists(users::table.select(users::id)));
        if any.get_result(conn)? {
            return Ok(false);
        }
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('lumina first account'))").execute(conn)?;
        any.get_result(conn).map(|any: bool| !any)
    }

    /// The user with this username or email address; a username has no `@`, so the two never meet.
    ///
    /// # Errors
    /// Of the database.
    pub fn by_login(conn: &mut PgConnection, login: &str) -> QueryResult<Option<Self>> {
        // Postgres takes no NUL in a text, and nobody is called so.
        if login.contains('\0') {
            return Ok(None);
        }
        let query = || users::table.select(Self::as_select());
        if !login.contains('@') {
            return query().filter(lower(users::username).eq(lower(login))).first(conn).optional();
        }
        // Two accounts may have one address in two spellings from before that was looked at: each finds its own.
        let as_spelled = query().filter(lower(users::email).eq(lower(login))).first(conn).optional()?;
        match as_spelled {
            Some(user) => Ok(Some(user)),
            None => query().filter(users::email_key.eq(email::key(login))).first(conn).optional(),
        }
    }

    /// Fills in what tells spellings of an email address, where an older version left or changed the address. Of two accounts
    /// that had one address in two spellings, the older keeps it.
    ///
    /// # Errors
    /// Of the database.
    pub fn complete_email_keys(conn: &mut PgConnection) -> QueryResult<()> {
        let mut after = UserId(0);
        loop {
            let rows: Vec<(UserId, String, Option<String>)> = users::table
                .filter(users::id.gt(after))
                .order(users::id)
                .limit(1000)
                .select((users::id, users::email, users::email_key))
                .load(conn)?;
            let Some((last, ..)) = rows.last() else { return Ok(()) };
            after = *last;
            for (id, address, kept) in rows {
                let key = email::key(&address);
                if kept.as_ref() == Some(&key) {
                    continue;
                }
                let row = users::table.find(id).filter(users::email.eq(&address));
                match conn.transaction(|conn| diesel::update(row).set(users::email_key.eq(key)).execute(conn)) {
                    Ok(_) => {}
                    Err(error) if Taken::from_violation(&error).is_some() => {
                        tracing::warn!(user = %id, "an older account has this email address in another spelling");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    /// Replaces a password hash by a better one of the same password. False when it was changed meanwhile.
    ///
    /// # Errors
    /// Of the database.
    pub fn renew_password_hash(conn: &mut PgConnection, id: UserId, old: &str, new: &str) -> QueryResult<bool> {
        let row = users::table.find(id).filter(users::password_hash.eq(old));
        diesel::update(row).set(users::password_hash.eq(new)).execute(conn).map(|rows| rows > 0)
    }

    /// The active user who is called this, for their public page.
    ///
    /// # Errors
    /// Of the database.
    pub fn by_username(conn: &mut PgConnection, username: &str) -> QueryResult<Option<Self>> {
        users::table
            .filter(lower(users::username).eq(lower(username)))
            .filter(users::active)
            .select(Self::as_select())
            .first(conn)
            .optional()
    }

    /// The name shown as a photo's maker: the full name, else the username.
    #[must_use]
    pub fn display_name(&self) -> &str {
        if self.full_name.is_empty() { &self.username } else { &self.full_name }
    }

    /// The account, which nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such account.
    pub fn hold(conn: &mut PgConnection, id: UserId) -> QueryResult<Self> {
        users::table.find(id).for_no_key_update().select(Self::as_select()).first(conn)
    }

    /// Changes email address and full name, both or neither.
    ///
    /// # Errors
    /// As [`User::create`].
    pub fn update_profile(
        conn: &mut PgConnection,
        id: UserId,
        email: Edit<String>,
        full_name: Edit<String>,
    ) -> QueryResult<Result<Self, ProfileKept>> {
        let user = Self::hold(conn, id)?;
        let mut merge = Merge::default();
        let email = merge.field("email", Some(email), &user.email).map(|to| {
            let key = email::key(&to);
            (users::email.eq(to), users::email_key.eq(key))
        });
        let full_name =
            merge.field("full_name", Some(full_name), &user.full_name).map(|name| users::full_name.eq(name));
        if let Err(stale) = merge.finish() {
            return Ok(Err(ProfileKept::Stale(stale)));
        }
        if email.is_none() && full_name.is_none() {
            return Ok(Ok(user));
        }
        let saved = diesel::update(users::table.find(id)).set((email, full_name)).returning(Self::as_returning());
        Ok(Self::or_taken(saved.get_result(conn))?.map_err(ProfileKept::Taken))
    }

    /// Sets a new password hash.
    ///
    /// # Errors
    /// Of the database.
    pub fn set_password_hash(conn: &mut PgConnection, id: UserId, hash: &str) -> QueryResult<Self> {
        diesel::update(users::table.find(id))
            .set(users::password_hash.eq(hash))
            .returning(Self::as_returning())
            .get_result(conn)
    }

    /// Whether the account is still as it was read: active, and with the same password. Holds it so until the
    /// transaction ends.
    ///
    /// # Errors
    /// Of the database.
    pub fn is_unchanged(&self, conn: &mut PgConnection) -> QueryResult<bool> {
        let now: Option<(bool, Option<String>)> = users::table
            .find(self.id)
            .for_share()
            .select((users::active, users::password_hash))
            .first(conn)
            .optional()?;
        Ok(now == Some((true, self.password_hash.clone())))
    }

    fn or_taken(outcome: QueryResult<Self>) -> QueryResult<Result<Self, Taken>> {
        match outcome {
            Ok(user) => Ok(Ok(user)),
            Err(error) => Taken::from_violation(&error).map(Err).ok_or(error),
        }
    }
}
