//! Deleting accounts with everything in them: see [`account_deletion`].

use crate::album::Album;
use crate::error::AppError;
use crate::models::UserId;
use crate::models::account_deletion::{self, Step};

/// Steps that somebody waits for; the sweeper does the others.
const STEPS_AT_ONCE: usize = 6;

impl Album {
    /// Goes on deleting an account whose deletion has begun. False when there is more to do than one waits for.
    ///
    /// # Errors
    /// Of the database.
    pub async fn go_on_deleting(&self, user: UserId) -> Result<bool, AppError> {
        for _ in 0..STEPS_AT_ONCE {
            if self.db.write(move |conn| account_deletion::step(conn, user)).await? == Step::Done {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends the deletions of accounts that were begun: they were large, or whoever began them has died.
    ///
    /// # Errors
    /// Of the database.
    pub(super) async fn finish_deleting_accounts(&self) -> Result<(), AppError> {
        for user in self.db.read(account_deletion::begun).await? {
            while !self.go_on_deleting(user).await? {}
            tracing::info!(%user, "deleted an account");
        }
        Ok(())
    }
}
