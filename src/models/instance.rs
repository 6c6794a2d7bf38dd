//! Which database this is.

use diesel::prelude::*;
use uuid::Uuid;

use crate::db::schema::instance;

/// Whether it takes what uploads write, asked by as many as there are: a row is locked, which a database that is to be read
/// only refuses, and that is committed to disk. Sessions in which no trigger could run are
/// [refused](crate::db::Db) before. Changes nothing.
///
/// # Errors
/// Of the database.
pub fn take_writes(conn: &mut PgConnection, asking: &[()]) -> QueryResult<Vec<()>> {
    let row = instance::table.select(instance::id).for_no_key_update();
    row.first::<Uuid>(conn).map(|_| vec![(); asking.len()])
}

/// The schema that its tables are in.
///
/// # Errors
/// Of the database.
pub fn schema(conn: &mut PgConnection) -> QueryResult<String> {
    diesel::select(diesel::dsl::sql::<diesel::sql_types::Text>("current_schema()::text")).get_result(conn)
}

/// Its id, given when it was made. A backup takes it along.
///
/// # Errors
/// Of the database.
pub fn id(conn: &mut PgConnection) -> QueryResult<Uuid> {
    instance::table.select(instance::id).first(conn)
}
