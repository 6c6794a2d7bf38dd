//! Work that one of the instances does from time to time; see `chores` in the migrations.
//!
//! A lease in a row and not an advisory lock: the work asks the storage, and a lock would keep a database connection for
//! as long as that takes. Who dies in the middle of it is followed by another when the lease is over.

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::{Double, Integer, Text};

use crate::db::schema::chores;
use crate::models::clock::from_now;

/// How long one part may take before another instance does it too. Doing it twice is harmless.
pub const LEASE: TimeDelta = TimeDelta::minutes(10);

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chore {
    /// Removing stored objects that no row names.
    UnnamedObjects,
    /// Removing what is there of files that were put in in parts and never finished.
    UnfinishedParts,
}

impl Chore {
    fn name(self) -> &'static str {
        match self {
            Self::UnnamedObjects => "unnamed objects",
            Self::UnfinishedParts => "unfinished parts",
        }
    }

    /// Takes it on, if it is due and nobody is at it: answers which part is next.
    ///
    /// # Errors
    /// Of the database.
    pub fn take_on(self, conn: &mut PgConnection) -> QueryResult<Option<i32>> {
        #[derive(QueryableByName)]
        struct Part {
            #[diesel(sql_type = Integer)]
            part: i32,
        }
        let taken: Option<Part> = diesel::sql_query(
            "UPDATE chores SET taken_until = now() + make_interval(secs => $2) \
             WHERE name = $1 AND due_at <= now() AND taken_until <= now() RETURNING part",
        )
        .bind::<Text, _>(self.name())
        .bind::<Double, _>(LEASE.as_seconds_f64())
        .get_result(conn)
        .optional()?;
        Ok(taken.map(|taken| taken.part))
    }

    /// Puts it down for so long; then this part comes next.
    ///
    /// # Errors
    /// Of the database.
    pub fn put_down(self, conn: &mut PgConnection, next: i32, pause: TimeDelta) -> QueryResult<()> {
        diesel::update(chores::table.find(self.name()))
            .set((chores::part.eq(next), chores::due_at.eq(from_now(pause)), chores::taken_until.eq(diesel::dsl::now)))
            .execute(conn)
            .map(drop)
    }
}
