//! What an admin chose for the whole instance while it runs.

use diesel::prelude::*;

use crate::config::Registration;
use crate::db::schema::settings;
use crate::models::edit::{Edit, Merge, Stale};

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

    /// Changes them, both or neither; what is `None` stays.
    ///
    /// # Errors
    /// Of the database.
    pub fn change(
        conn: &mut PgConnection,
        registration: Option<Edit<Registration>>,
        quota_mib: Option<Edit<Option<i32>>>,
    ) -> QueryResult<Result<(), Stale>> {
        // There may be no row yet that could be locked.
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('lumina settings'))").execute(conn)?;
        let now = Self::load(conn)?;
        let mut merge = Merge::default();
        let registration = merge.field("registration", registration, &now.registration).unwrap_or(now.registration);
        let quota_mib = merge.field("quota_mib", quota_mib, &now.quota_mib).unwrap_or(now.quota_mib);
        match merge.finish() {
            Ok(()) => Self { registration, quota_mib }.save(conn).map(Ok),
            Err(stale) => Ok(Err(stale)),
        }
    }

    fn save(&self, conn: &mut PgConnection) -> QueryResult<()> {
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
