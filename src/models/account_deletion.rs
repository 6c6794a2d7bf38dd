//! Deleting an account with everything in it, a batch of photos at a time.
//!
//! Whoever wants it gone [begins](begin): from there on nobody can log in to it or see anything of it. Then [`step`] is called
//! until it is [`Step::Done`], by the one who began or, after a crash, by the sweeper. Photos become removals that cannot be
//! undone, so that their bytes go the way of all deleted photos.

use diesel::dsl::{exists, now};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Uuid as SqlUuid};

use crate::db::schema::{account_deletions, hashtags, invitations, photos, removals, sessions, users};
use crate::models::person::LastAdmin;
use crate::models::upload::BEGUN;
use crate::models::{PhotoId, User, UserId, Visibility, hashtag};

/// Photos a step.
const BATCH: i64 = 500;

/// What goes with an account, beside its photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belongings {
    /// Photos that others can see, by link or on the public page.
    pub shared: i64,
    /// Hashtags on its photos.
    pub hashtags: i64,
    /// Devices and programs that are logged in.
    pub devices: i64,
    /// Personal access tokens.
    pub tokens: i64,
    /// Invitation links it made.
    pub invitations: i64,
}

/// How far the deletion of an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many photos were deleted, and more may be there.
    Photos(usize),
    /// The account is gone.
    Done,
}

impl Belongings {
    /// Those of `user`.
    ///
    /// # Errors
    /// Of the database.
    pub fn of(conn: &mut PgConnection, user: UserId) -> QueryResult<Self> {
        use crate::db::schema::{hashtag_counts, personal_access_tokens};
        let shared = photos::table.filter(photos::owner_id.eq(user));
        let shared = shared.filter(photos::visibility.ne(Visibility::Private.as_str()));
        let hashtags =
            hashtag_counts::table.filter(hashtag_counts::owner_id.eq(user).and(hashtag_counts::photos.gt(0)));
        let tokens = personal_access_tokens::table.filter(personal_access_tokens::user_id.eq(user));
        Ok(Self {
            shared: shared.count().get_result(conn)?,
            hashtags: hashtags.count().get_result(conn)?,
            devices: sessions::table.filter(sessions::user_id.eq(user)).count().get_result(conn)?,
            tokens: tokens.count().get_result(conn)?,
            invitations: invitations::table.filter(invitations::created_by.eq(user)).count().get_result(conn)?,
        })
    }
}

/// Disables the account and writes down that it is to be deleted. What waited for an undo, and what is on its way in, goes now.
///
/// # Errors
/// [`diesel::NotFound`] when there is no such account.
pub fn begin(conn: &mut PgConnection, user: UserId) -> QueryResult<Result<User, LastAdmin>> {
    let disabled = match User::set_active(conn, user, false)? {
        Ok(disabled) => disabled,
        Err(LastAdmin) => return Ok(Err(LastAdmin)),
    };
    diesel::delete(invitations::table.filter(invitations::created_by.eq(user))).execute(conn)?;
    diesel::insert_into(account_deletions::table)
        .values(account_deletions::user_id.eq(user))
        .on_conflict_do_nothing()
        .execute(conn)?;
    release(conn, user)?;
    Ok(Ok(disabled))
}

/// Whether the account is being deleted.
///
/// # Errors
/// Of the database.
pub fn is_begun(conn: &mut PgConnection, user: UserId) -> QueryResult<bool> {
    diesel::select(exists(account_deletions::table.find(user))).get_result(conn)
}

/// Accounts that are being deleted.
///
/// # Errors
/// Of the database.
pub fn begun(conn: &mut PgConnection) -> QueryResult<Vec<UserId>> {
    account_deletions::table.order(account_deletions::requested_at).select(account_deletions::user_id).load(conn)
}

/// Deletes the next photos of an account, or the account when there are none. To be called in a transaction.
///
/// # Errors
/// Of the database.
pub fn step(conn: &mut PgConnection, user: UserId) -> QueryResult<Step> {
    // From here on nothing comes in. Somebody else may have ended the deletion.
    if hashtag::lock_owner(conn, user).optional()?.is_none() || !is_begun(conn, user)? {
        return Ok(Step::Done);
    }
    let batch: Vec<PhotoId> = photos::table
        .filter(photos::owner_id.eq(user))
        .order(photos::id)
        .limit(BATCH)
        .select(photos::id)
        .for_update()
        .load(conn)?;
    if batch.is_empty() {
        release(conn, user)?;
        // What they put on everybody's list goes with them.
        diesel::update(hashtags::table.filter(hashtags::listed_by.eq(user)))
            .set(hashtags::listed.eq(false))
            .execute(conn)?;
        diesel::delete(users::table.find(user)).execute(conn)?;
        return Ok(Step::Done);
    }
    diesel::sql_query(
        "INSERT INTO removals (photo_id, owner_id, due_at) SELECT id, owner_id, now() FROM photos WHERE id = ANY($1)",
    )
    .bind::<Array<SqlUuid>, _>(&batch)
    .execute(conn)?;
    diesel::delete(photos::table.filter(photos::id.eq_any(&batch))).execute(conn)?;
    Ok(Step::Photos(batch.len()))
}

/// Makes everything of the account due that waits for something: deletions for an undo, photos for the end of their upload,
/// announced files for their confirmation. Bytes that may still be put at an announced file's address are waited for.
fn release(conn: &mut PgConnection, user: UserId) -> QueryResult<()> {
    diesel::update(removals::table.filter(removals::owner_id.eq(user).and(removals::due_at.gt(now))))
        .set((removals::due_at.eq(now), removals::photo.eq(None::<serde_json::Value>)))
        .execute(conn)?;
    diesel::sql_query(
        "UPDATE uploads SET due_at = least(due_at, expires_at + make_interval(secs => $2)) WHERE owner_id = $1",
    )
    .bind::<BigInt, _>(user)
    .bind::<Double, _>(BEGUN.as_seconds_f64())
    .execute(conn)?;
    Ok(())
}
