//! Whether a database that lets us in will do: its version, its encoding, our rights in it, and whose schema it holds.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Integer, Nullable, Text, Timestamptz};

/// The oldest Postgres that Lumina is tried with.
pub const OLDEST_POSTGRES: i32 = 15;

/// Where Diesel writes down which migrations were done.
const MIGRATIONS_TABLE: &str = "__diesel_schema_migrations";

/// Why a database will not do, and what to do; for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The server is too old.
    #[error("Postgres {0} is too old: Lumina needs version {OLDEST_POSTGRES} or newer.")]
    TooOld(String),
    /// Its texts are not Unicode's.
    #[error(
        "The database {database:?} keeps text as {encoding}, and Lumina needs UTF8. Make another one, as its encoding cannot be \
         changed: CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0 OWNER {login};",
        name = quoted(database),
        login = quoted(login)
    )]
    Encoding {
        /// Its name.
        database: String,
        /// What it has instead.
        encoding: String,
        /// Who asks.
        login: String,
    },
    /// A schema of a later version.
    #[error(
        "The database is of a newer Lumina: its schema is {theirs}, and this is Lumina {version}, which knows it up to {ours}. \
         Start the version that was used last, or a newer one.",
        version = crate::VERSION
    )]
    Newer {
        /// The newest migration that it has.
        theirs: String,
        /// The newest one we have.
        ours: String,
    },
    /// Tables cannot be made.
    #[error(
        "The role {login:?} may not make tables in the schema {schema:?} of the database {database:?}. Let a superuser or the \
         schema's owner do this in that database: GRANT USAGE, CREATE ON SCHEMA {name} TO {to};",
        name = quoted(schema),
        to = quoted(login)
    )]
    MayNotCreate {
        /// Who asks.
        login: String,
        /// Where.
        schema: String,
        /// Of which database.
        database: String,
    },
    /// Tables are somebody else's.
    #[error(
        "The table {table:?} belongs to the role {owner:?}, so that {login:?} cannot bring it up to date. Let a superuser give \
         each table, sequence and function of the schema {schema:?} to {login:?}, such as: ALTER TABLE {name} OWNER TO {to};",
        name = quoted(table),
        to = quoted(login)
    )]
    OthersTable {
        /// The first of them.
        table: String,
        /// Whose it is.
        owner: String,
        /// Who asks.
        login: String,
        /// Where.
        schema: String,
    },
    /// Rows cannot be read or written.
    #[error(
        "The role {login:?} may not read and write the table {table:?}. Let a superuser or its owner do this in the database \
         {database:?}: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {to}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {name} TO {to};",
        name = quoted(schema),
        to = quoted(login)
    )]
    MayNotUse {
        /// The first of them.
        table: String,
        /// Who asks.
        login: String,
        /// Where.
        schema: String,
        /// Of which database.
        database: String,
    },
    /// It does not answer a question.
    #[error("the database: {0}")]
    Failed(#[from] diesel::result::Error),
}

/// A name as SQL has it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What the server says of itself and of us.
#[derive(Debug, QueryableByName)]
pub(super) struct Facts {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    pub(super) server: String,
    #[diesel(sql_type = Text)]
    encoding: String,
    #[diesel(sql_type = Text)]
    pub(super) database: String,
    #[diesel(sql_type = Text)]
    login: String,
    /// The first one that it may use.
    #[diesel(sql_type = Nullable<Text>)]
    schema: Option<String>,
    #[diesel(sql_type = Bool)]
    may_create: bool,
    #[diesel(sql_type = Timestamptz)]
    time: DateTime<Utc>,
}

/// A table that is not as it has to be.
#[derive(Debug, QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    owner: String,
}

impl Facts {
    /// Asks the server. Changes nothing.
    pub(super) fn of(connection: &mut PgConnection) -> QueryResult<Self> {
        diesel::sql_query(
            "SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS server, \
             current_setting('server_encoding') AS encoding, current_database()::text AS database, current_user::text AS login, \
             current_schema()::text AS schema, \
             coalesce(has_schema_privilege(current_schema()::text, 'CREATE'), false) AS may_create, clock_timestamp() AS time",
        )
        .get_result(connection)
    }

    /// How far this machine's clock is ahead of the server's.
    pub(super) fn clock_offset(&self) -> TimeDelta {
        Utc::now() - self.time
    }

    /// Whether the server and the database will do, and rows can be read and written in the tables that there are.
    pub(super) fn check(&self, connection: &mut PgConnection) -> Result<(), Unfit> {
        self.check_server()?;
        self.check_using(connection)
    }

    fn check_server(&self) -> Result<(), Unfit> {
        if self.number / 10_000 < OLDEST_POSTGRES {
            return Err(Unfit::TooOld(self.server.clone()));
        }
        if self.encoding != "UTF8" {
            let Self { database, encoding, login, .. } = self;
            return Err(Unfit::Encoding {
                database: database.clone(),
                encoding: encoding.clone(),
                login: login.clone(),
            });
        }
        Ok(())
    }

    /// Whether we may do what a migration does.
    pub(super) fn check_migrating(&self, connection: &mut PgConnection) -> Result<(), Unfit> {
        let (login, database) = (self.login.clone(), self.database.clone());
        let schema = self.schema.clone().unwrap_or_else(|| "public".into());
        if self.schema.is_none() || !self.may_create {
            return Err(Unfit::MayNotCreate { login, schema, database });
        }
        match table(connection, "NOT pg_has_role(relowner, 'USAGE')")? {
            Some(Table { name: table, owner }) => Err(Unfit::OthersTable { table, owner, login, schema }),
            None => Ok(()),
        }
    }

    fn check_using(&self, connection: &mut PgConnection) -> Result<(), Unfit> {
        let (login, database) = (self.login.clone(), self.database.clone());
        let schema = self.schema.clone().unwrap_or_else(|| "public".into());
        const MAY_NOT: &str = "NOT (has_table_privilege(pg_class.oid, 'SELECT') AND has_table_privilege(pg_class.oid, 'INSERT') \
             AND has_table_privilege(pg_class.oid, 'UPDATE') AND has_table_privilege(pg_class.oid, 'DELETE'))";
        match table(connection, MAY_NOT)? {
            Some(Table { name: table, .. }) => Err(Unfit::MayNotUse { table, login, schema, database }),
            None => Ok(()),
        }
    }
}

/// `Postgres 15.18`.
///
/// # Errors
/// Of the database.
pub fn server_version(connection: &mut PgConnection) -> QueryResult<String> {
    let facts = Facts::of(connection)?;
    // Debian adds which package it is of.
    Ok(format!("Postgres {}", facts.server.split(' ').next().unwrap_or_default()))
}

/// One of our tables of which this is true. There may be others in the schema, which are none of our business.
fn table(connection: &mut PgConnection, condition: &str) -> QueryResult<Option<Table>> {
    diesel::sql_query(format!(
        "SELECT relname::text AS name, pg_get_userbyid(relowner)::text AS owner FROM pg_class \
         WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname = ANY($1) AND {condition} \
         ORDER BY relname LIMIT 1"
    ))
    .bind::<Array<Text>, _>(tables().collect::<Vec<_>>())
    .get_result(connection)
    .optional()
}

/// The names of our tables, as `diesel print-schema` has written them down.
fn tables() -> impl Iterator<Item = &'static str> {
    let heads = include_str!("schema.rs").lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" ("));
    let names =
        heads.map(|(name, _)| name).filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    names.chain([MIGRATIONS_TABLE])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_tables_are_known_by_name() {
        let tables: Vec<_> = tables().collect();
        assert!(tables.len() > 20 && tables.contains(&"photos") && tables.contains(&"users"), "{tables:?}");
        assert_eq!(tables.len(), include_str!("schema.rs").matches("diesel::table!").count() + 1);
    }

    #[test]
    fn a_postgres_older_than_those_it_is_tried_with_is_refused() {
        let facts = |number: i32, server: &str| Facts {
            number,
            server: server.into(),
            encoding: "UTF8".into(),
            database: "lumina".into(),
            login: "lumina".into(),
            schema: Some("public".into()),
            may_create: true,
            time: Utc::now(),
        };
        let said = facts(140_012, "14.12 (Debian)").check_server().unwrap_err().to_string();
        assert!(said.contains("14.12") && said.contains("15 or newer"), "{said}");
        for number in [150_000, 150_018, 170_002] {
            facts(number, "").check_server().unwrap();
        }
    }
}
