//! Which database this is.

use diesel::prelude::*;
use uuid::Uuid;

use crate::db::schema::instance;

/// Its id, given when it was made. A backup takes it along.
///
/// # Errors
/// Of the database.
pub fn id(conn: &mut PgConnection) -> QueryResult<Uuid> {
    instance::table.select(instance::id).first(conn)
}
