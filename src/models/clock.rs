//! Time as rows know it: by the database's clock, which all instances share. What is decided within minutes or hours is written
//! and compared by that clock alone, as this machine's may be a day off.

use chrono::TimeDelta;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Timestamptz;

/// So much later than now, or earlier.
pub fn from_now(by: TimeDelta) -> SqlLiteral<Timestamptz> {
    sql(&format!("(now() + interval '{} milliseconds')", by.num_milliseconds()))
}
