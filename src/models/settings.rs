//! What an admin chose for the whole instance while it runs.

use diesel::prelude::*;

use crate::config::Registration;
use crate::db::schema::settings;

/// The one row of `settings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Who may make an account, unless the configuration says so.
    pub registration: Registration,
    /// How much those may keep who have no quota of their own, in MiB; `None`: as much as there is room for.
    pub quota_mib: Option<i32>,
}

impl Settings {
    /// Those in force: the defaults while nobody chose anything.
    ///
    /// # Errors
    /// Of the database.
    pub fn load(conn: &mut PgConnection) -> QueryResult<Self> {
        let row: Option<(String, Option<i32>)> =
            settings::table.select((settings::registration, settings::quota_mib)).first(conn).optional()?;
        let (registration, quota_mib) = row.unwrap_or_default();
        // The row's constraint knows no other word; a newer version's would be one of caution.
        let known = Registration::parse(&registration).unwrap_or(Registration::Closed);
        Ok(Self { registration: if registration.is_empty() { Registration::Open } else { known }, quota_mib })
    }

    /// Keeps them.
    ///
    /// # Errors
    /// Of the database.
    pub fn save(&self, conn: &mut PgConnection) -> QueryResult<()> {
        let values = (settings::registration.eq(self.registration.as_str()), settings::quota_mib.eq(self.quota_mib));
        diesel::insert_into(settings::table)
            .values((settings::id.eq(true), values))
            .on_conflict(settings::id)
            .do_update()
            .set(values)
            .execute(conn)
            .map(drop)
    }
}
