//! People as admins see them: who has an account and how much they keep, never what. And what admins may change.

use diesel::prelude::*;

use crate::db::schema::{account_deletions, photo_counts, users};
use crate::models::edit::{Edit, Merge, Stale};
use crate::models::user::{ProfileKept, lower};
use crate::models::{PersonalToken, Role, Session, User, UserId, account_deletion, hashtag};

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who.
    pub user: User,
    /// How many photos they have.
    pub photos: i64,
    /// The originals of these, in bytes.
    pub bytes: i64,
    /// The account is being deleted.
    pub deleting: bool,
}

/// A person's row, and what is joined to it.
type Joined = (User, Option<i64>, Option<i64>, Option<UserId>);

/// Of everybody together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Accounts, disabled ones too.
    pub people: i64,
    /// Photos.
    pub photos: i64,
    /// Their originals, in bytes.
    pub bytes: i64,
}

/// The change would leave nobody who can administer: it was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastAdmin;

/// Why a role was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleKept {
    /// See [`LastAdmin`].
    LastAdmin,
    /// Somebody else changed it meanwhile.
    Stale(Stale),
}

impl Person {
    /// At most `limit` people by name, from the one after `after` on: those with `part` in their username, email address
    /// or full name.
    ///
    /// # Errors
    /// Of the database.
    pub fn page(conn: &mut PgConnection, part: &str, after: Option<&str>, limit: i64) -> QueryResult<Vec<Self>> {
        let mut query = users::table
            .left_join(photo_counts::table)
            .left_join(account_deletions::table)
            .order(lower(users::username))
            .limit(limit)
            .select((
                User::as_select(),
                photo_counts::photos.nullable(),
                photo_counts::bytes.nullable(),
                account_deletions::user_id.nullable(),
            ))
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(lower(users::username).gt(lower(after)));
        }
        if !part.is_empty() {
            let pattern = format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
            query = query.filter(
                users::username
                    .ilike(pattern.clone())
                    .or(users::email.ilike(pattern.clone()))
                    .or(users::full_name.ilike(pattern)),
            );
        }
        let rows: Vec<Joined> = query.load(conn)?;
        Ok(rows.into_iter().map(Self::of).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such account.
    pub fn find(conn: &mut PgConnection, id: UserId) -> QueryResult<Self> {
        users::table
            .find(id)
            .left_join(photo_counts::table)
            .left_join(account_deletions::table)
            .select((
                User::as_select(),
                photo_counts::photos.nullable(),
                photo_counts::bytes.nullable(),
                account_deletions::user_id.nullable(),
            ))
            .first(conn)
            .map(Self::of)
    }

    fn of((user, photos, bytes, deleting): Joined) -> Self {
        Self { user, photos: photos.unwrap_or(0), bytes: bytes.unwrap_or(0), deleting: deleting.is_some() }
    }
}

impl Totals {
    /// Those of now: a row a person is read.
    ///
    /// # Errors
    /// Of the database.
    pub fn load(conn: &mut PgConnection) -> QueryResult<Self> {
        use diesel::dsl::sql;
        use diesel::sql_types::{BigInt, Nullable};
        let people = users::table.count().get_result(conn)?;
        let photos: Option<i64> =
            photo_counts::table.select(sql::<Nullable<BigInt>>("sum(photos)::bigint")).get_result(conn)?;
        let bytes: Option<i64> =
            photo_counts::table.select(sql::<Nullable<BigInt>>("sum(bytes)::bigint")).get_result(conn)?;
        Ok(Self { people, photos: photos.unwrap_or(0), bytes: bytes.unwrap_or(0) })
    }
}

impl User {
    /// Disables an account, which ends all its sessions and personal access tokens for good, or enables it again.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such account, or it is to be enabled and is being deleted.
    pub fn set_active(conn: &mut PgConnection, id: UserId, active: bool) -> QueryResult<Result<Self, LastAdmin>> {
        if !active && is_last_admin(conn, id)? {
            return Ok(Err(LastAdmin));
        }
        if active {
            // Waits for whoever begins to delete it.
            hashtag::lock_owner(conn, id)?;
            if account_deletion::is_begun(conn, id)? {
                return Err(diesel::NotFound);
            }
        }
        let user = diesel::update(users::table.find(id))
            .set(users::active.eq(active))
            .returning(Self::as_returning())
            .get_result(conn)?;
        if !active {
            Session::end_all(conn, id)?;
            PersonalToken::end_all(conn, id)?;
        }
        Ok(Ok(user))
    }

    /// Changes somebody's email address.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such account.
    pub fn set_email(
        conn: &mut PgConnection,
        id: UserId,
        email: Edit<String>,
    ) -> QueryResult<Result<Self, ProfileKept>> {
        Self::update_profile(conn, id, email, Edit::of(String::new(), String::new()))
    }

    /// Makes somebody an admin, or a plain user.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such account.
    pub fn set_role(conn: &mut PgConnection, id: UserId, edit: Edit<Role>) -> QueryResult<Result<Self, RoleKept>> {
        // First, so that two admins who act at once take the rows in the same order.
        let last_admin = is_last_admin(conn, id)?;
        let user = Self::hold(conn, id)?;
        let mut merge = Merge::default();
        let role = merge.field("role", Some(edit), &user.role());
        if let Err(stale) = merge.finish() {
            return Ok(Err(RoleKept::Stale(stale)));
        }
        let Some(role) = role else { return Ok(Ok(user)) };
        if role == Role::User && last_admin {
            return Ok(Err(RoleKept::LastAdmin));
        }
        diesel::update(users::table.find(id))
            .set(users::role.eq(role.as_str()))
            .returning(Self::as_returning())
            .get_result(conn)
            .map(Ok)
    }

    /// Sets how much somebody may keep, in MiB; `None`: as much as everyone.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such account.
    pub fn set_quota(conn: &mut PgConnection, id: UserId, edit: Edit<Option<i32>>) -> QueryResult<Result<Self, Stale>> {
        let user = Self::hold(conn, id)?;
        let mut merge = Merge::default();
        let quota_mib = merge.field("quota_mib", Some(edit), &user.quota_mib);
        if let Err(stale) = merge.finish() {
            return Ok(Err(stale));
        }
        let Some(quota_mib) = quota_mib else { return Ok(Ok(user)) };
        diesel::update(users::table.find(id))
            .set(users::quota_mib.eq(quota_mib))
            .returning(Self::as_returning())
            .get_result(conn)
            .map(Ok)
    }
}

/// Whether nobody but this one administers. Holds all admins as they are until the transaction ends, so that two who step
/// down at once go one after the other.
fn is_last_admin(conn: &mut PgConnection, id: UserId) -> QueryResult<bool> {
    let admins: Vec<UserId> = users::table
        .filter(users::role.eq(Role::Admin.as_str()).and(users::active))
        .order(users::id)
        .for_no_key_update()
        .select(users::id)
        .load(conn)?;
    Ok(admins == [id])
}
