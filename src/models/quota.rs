//! How much an owner keeps, and how much they may keep.
//!
//! The size of the originals counts; what is made from them is ours. Triggers keep the sum in `photo_counts`, so that it is
//! one row to read. What was deleted counts until it is too late to have it back: its bytes are still there, and having
//! it back needs no room then.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable};

use crate::error::AppError;
use crate::models::UserId;

const MIB: i64 = 1 << 20;

/// The largest quota that can be given, in MiB: a petabyte, which is more than anyone keeps and adds up in 64 bits.
pub const LARGEST_MIB: i32 = 1_000_000_000;

/// What an owner keeps and may keep, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Quota {
    /// The originals of their photos.
    #[diesel(sql_type = BigInt)]
    pub used: i64,
    /// So many photos.
    #[diesel(sql_type = BigInt)]
    pub photos: i64,
    /// `None`: as much as there is room for.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub allowed: Option<i64>,
    /// The originals of photos whose deletion can be undone; not looked up where there is no limit.
    #[diesel(sql_type = BigInt)]
    undoable: i64,
    #[diesel(sql_type = Bool)]
    active: bool,
}

const QUOTA: &str = "SELECT users.active, coalesce(photo_counts.photos, 0) AS photos, \
     coalesce(photo_counts.bytes, 0) AS used, coalesce(users.quota_mib, settings.quota_mib)::bigint << 20 AS allowed, \
     CASE WHEN coalesce(users.quota_mib, settings.quota_mib) IS NULL THEN 0 ELSE coalesce( \
         (SELECT sum((photo ->> 'size_bytes')::bigint)::bigint FROM removals \
          WHERE owner_id = users.id AND photo IS NOT NULL AND due_at > now()), 0) END AS undoable \
     FROM users LEFT JOIN settings ON true LEFT JOIN photo_counts ON photo_counts.owner_id = users.id \
     WHERE users.id = $1";

impl Quota {
    /// That of `owner`. It holds for as long as the caller holds the owner's lock
    /// ([`lock_owner`](crate::models::hashtag::lock_owner)).
    ///
    /// # Errors
    /// [`diesel::NotFound`] when there is no such user; of the database.
    pub fn of(conn: &mut PgConnection, owner: UserId) -> QueryResult<Self> {
        diesel::sql_query(QUOTA).bind::<BigInt, _>(owner).get_result(conn)
    }

    /// As if so many bytes were kept already.
    #[must_use]
    pub fn reserve(self, bytes: i64) -> Self {
        Self { used: self.used.saturating_add(bytes), ..self }
    }

    /// How many bytes more may be kept; `None`: as many as there is room for.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        let used = self.used.saturating_add(self.undoable);
        self.allowed.map(|allowed| u64::try_from(allowed.saturating_sub(used)).unwrap_or(0))
    }

    /// Whether `bytes` more may be kept.
    ///
    /// # Errors
    /// [`AppError::OverQuota`] when there is no room for them, [`AppError::LoginRequired`] when the owner was disabled
    /// meanwhile.
    pub fn admit(&self, bytes: i64) -> Result<(), AppError> {
        if !self.active {
            return Err(AppError::LoginRequired);
        }
        let Some(allowed) = self.allowed else { return Ok(()) };
        if self.used.saturating_add(self.undoable).saturating_add(bytes) <= allowed {
            return Ok(());
        }
        let undoable = if self.undoable > 0 { " What you deleted in the last minute still counts." } else { "" };
        Err(AppError::OverQuota(format!(
            "There is no room for this photo of {}: you use {} of {}.{undoable} Delete photos you do not need, or ask \
             whoever runs this album for more room.",
            in_words(bytes),
            in_words(self.used),
            in_words(allowed),
        )))
    }
}

/// In the units that quotas are given in: "800 KiB", "12.3 MiB", "4 GiB".
#[must_use]
pub fn in_words(bytes: i64) -> String {
    let units = [("TiB", MIB << 20), ("GiB", MIB << 10), ("MiB", MIB), ("KiB", 1024)];
    let Some((unit, size)) = units.into_iter().find(|(_, size)| bytes >= *size) else {
        return format!("{bytes} bytes");
    };
    let text = format!("{:.1}", bytes as f64 / size as f64);
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_largest_unit_that_fits() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1_500_000, "1.4 MiB"),
            (5 << 30, "5 GiB"),
            (3 << 40, "3 TiB"),
        ] {
            assert_eq!(in_words(bytes), words);
        }
    }

    #[test]
    fn the_last_byte_fits_and_no_more() {
        let quota = Quota { used: 60, photos: 1, allowed: Some(100), undoable: 10, active: true };
        assert!(quota.admit(30).is_ok());
        assert!(matches!(quota.admit(31), Err(AppError::OverQuota(_))));
        assert!(Quota { allowed: None, ..quota }.admit(i64::MAX).is_ok());
        assert!(matches!(Quota { active: false, ..quota }.admit(1), Err(AppError::LoginRequired)));
    }
}
