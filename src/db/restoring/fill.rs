//! Filling tables with rows of elsewhere. The tables are made by our own migrations, and the rows are bound as values: no
//! word of theirs is ever part of a statement.

use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use diesel_migrations::MigrationHarness;

use super::{APPLICATION_NAME, Error};
use crate::db::long;
use crate::db::migrations::MIGRATIONS;

/// Rows inserted by one statement, at most.
const ROWS: usize = 1000;

/// Bytes of values after which no further row joins a statement.
const BYTES: usize = 1 << 20;

/// Where the migrations that were run are written down.
const VERSIONS: &str = "__diesel_schema_migrations";

/// A transaction that fills all tables, or none.
pub struct Filling<'c> {
    conn: &'c mut PgConnection,
    /// The columns of each table with their types. One that was filled is taken out.
    tables: BTreeMap<String, BTreeMap<String, String>>,
    sequences: BTreeSet<String>,
    /// Tables of ours that were filled.
    begun: BTreeSet<String>,
    /// Migrations that the rows say were run.
    versions: BTreeSet<String>,
    now: Option<Filled>,
}

/// The table whose rows come now.
struct Filled {
    /// `None`: rows are passed over.
    insert: Option<String>,
    /// Of this column the values are the versions of migrations.
    version: Option<usize>,
    /// Values by column.
    values: Vec<Vec<Option<String>>>,
    bytes: usize,
}

/// Makes the tables in the empty database at `url` as they were after the migration `schema`, and has them filled by `rows`, in
/// one transaction.
///
/// # Errors
/// When `schema` is not known here, and what `rows` answers.
pub fn fill(url: &str, schema: &str, rows: impl FnOnce(&mut Filling<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let mut conn = long::connect(url)?;
    conn.batch_execute(&format!("SET application_name = '{APPLICATION_NAME}'"))?;
    let mut known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations()?;
    known.sort_by_cached_key(|migration| migration.name().version().to_string());
    // Asking for them makes the table that they are written down in.
    let mut done: BTreeSet<String> = conn.applied_migrations()?.iter().map(ToString::to_string).collect();
    for migration in known {
        let version = migration.name().version().to_string();
        if version.as_str() <= schema && done.insert(version) {
            conn.run_migration(&migration)?;
        }
    }
    conn.transaction(|conn| {
        let constraints = open_tables(conn)?;
        let (tables, sequences) = (tables(conn)?, sequences(conn)?);
        let mut filling =
            Filling { conn, tables, sequences, begun: BTreeSet::new(), versions: BTreeSet::new(), now: None };
        rows(&mut filling)?;
        let Filling { tables, versions, .. } = filling;
        if versions != done {
            return Err("The backup's database is not of the version that its manifest says.".into());
        }
        if let Some(table) = tables.keys().next() {
            return Err(format!("The backup's database is damaged: it lacks the table {table}.").into());
        }
        Ok(conn.batch_execute(&constraints)?)
    })
}

impl Filling<'_> {
    /// Rows of this table come now, with values for these columns. False when they are passed over, because the table is
    /// none of ours.
    ///
    /// # Errors
    /// When it was filled already, or has no such columns.
    pub fn begin(&mut self, table: &str, columns: &[String]) -> Result<bool, Error> {
        let values = columns.iter().map(|_| Vec::new()).collect();
        let mut filled = Filled { insert: None, version: None, values, bytes: 0 };
        if table == VERSIONS {
            filled.version = columns.iter().position(|column| column == "version");
        } else if let Some(types) = self.tables.remove(table) {
            filled.insert = Some(insert(table, columns, &types)?);
            self.begun.insert(table.to_owned());
        } else if self.begun.contains(table) {
            return Err(format!("The backup's database is damaged: it has the table {table} twice.").into());
        } else {
            self.now = Some(filled);
            return Ok(false);
        }
        self.now = Some(filled);
        Ok(true)
    }

    /// A row of that table; `None` is NULL.
    ///
    /// # Errors
    /// When it has too few or too many values, or the table does not take it.
    pub fn row(&mut self, row: Vec<Option<String>>) -> Result<(), Error> {
        let Some(now) = &mut self.now else { return Ok(()) };
        if row.len() != now.values.len() {
            return Err("The backup's database is damaged: a row has too few or too many values.".into());
        }
        if let Some(version) = now.version {
            self.versions.extend(row.into_iter().nth(version).flatten());
        } else if now.insert.is_some() {
            for (column, value) in now.values.iter_mut().zip(row) {
                now.bytes += value.as_ref().map_or(0, String::len);
                column.push(value);
            }
            if now.bytes > BYTES || now.values.first().is_some_and(|column| column.len() >= ROWS) {
                self.insert()?;
            }
        }
        Ok(())
    }

    /// That was the table.
    ///
    /// # Errors
    /// When it does not take a row.
    pub fn end(&mut self) -> Result<(), Error> {
        self.insert()?;
        self.now = None;
        Ok(())
    }

    fn insert(&mut self) -> Result<(), Error> {
        let Some(Filled { insert: Some(sql), values, bytes, .. }) = &mut self.now else { return Ok(()) };
        if values.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let mut query = diesel::sql_query(sql.as_str()).into_boxed::<Pg>();
        for column in values.iter_mut() {
            query = query.bind::<Array<Nullable<Text>>, _>(std::mem::take(column));
        }
        query.execute(self.conn)?;
        *bytes = 0;
        Ok(())
    }

    /// Sets a sequence, unless it is none of ours.
    ///
    /// # Errors
    /// Of the database.
    pub fn sequence(&mut self, name: &str, value: i64, is_called: bool) -> Result<(), Error> {
        if self.sequences.contains(name) {
            diesel::sql_query("SELECT setval(quote_ident($1)::regclass, $2, $3)")
                .bind::<Text, _>(name)
                .bind::<BigInt, _>(value)
                .bind::<Bool, _>(is_called)
                .execute(self.conn)?;
        }
        Ok(())
    }
}

/// `$1`, `$2`… are arrays of text, one a column. The types are those that our migrations have given.
fn insert(table: &str, columns: &[String], types: &BTreeMap<String, String>) -> Result<String, Error> {
    let distinct: BTreeSet<_> = columns.iter().collect();
    if distinct.len() != columns.len() {
        return Err(format!("The backup's database is damaged: {table} has a column twice.").into());
    }
    let (mut names, mut values, mut arrays, mut aliases) = (vec![], vec![], vec![], vec![]);
    for (column, n) in columns.iter().zip(1..) {
        let Some(of) = types.get(column) else {
            return Err(format!("The backup's database is damaged: {table} has no column {column}.").into());
        };
        names.push(format!("\"{column}\""));
        values.push(format!("v{n}::{of}"));
        arrays.push(format!("${n}"));
        aliases.push(format!("v{n}"));
    }
    let [names, values, arrays, aliases] = [names, values, arrays, aliases].map(|list| list.join(", "));
    Ok(format!(
        "INSERT INTO \"{table}\" ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM unnest({arrays}) AS rows ({aliases})"
    ))
}

/// Empties all tables of what migrations put there, and keeps triggers and foreign keys from looking at single rows: what
/// triggers count is among the rows. Answers the statements that put them back, which check all rows.
fn open_tables(conn: &mut PgConnection) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Statements {
        #[diesel(sql_type = Text)]
        open: String,
        #[diesel(sql_type = Text)]
        close: String,
    }
    let Statements { open, close } = diesel::sql_query(format!(
        "WITH ours AS (SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace \
                       AND relname <> '{VERSIONS}'), \
         keys AS (SELECT conrelid::regclass AS of, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition \
                  FROM pg_constraint WHERE contype = 'f' AND conrelid IN (SELECT oid FROM ours)) \
         SELECT 'TRUNCATE ' || (SELECT string_agg(oid::regclass::text, ', ') FROM ours) || ';' \
             || (SELECT string_agg(format('ALTER TABLE %s DISABLE TRIGGER USER;', oid::regclass), '') FROM ours) \
             || (SELECT coalesce(string_agg(format('ALTER TABLE %s DROP CONSTRAINT %s;', of, name), ''), '') FROM keys) AS open, \
             (SELECT coalesce(string_agg(format('ALTER TABLE %s ADD CONSTRAINT %s %s;', of, name, definition), ''), '') FROM keys) \
             || (SELECT string_agg(format('ALTER TABLE %s ENABLE TRIGGER USER;', oid::regclass), '') FROM ours) AS close"
    ))
    .get_result(conn)?;
    conn.batch_execute(&open)?;
    Ok(close)
}

fn tables(conn: &mut PgConnection) -> QueryResult<BTreeMap<String, BTreeMap<String, String>>> {
    #[derive(QueryableByName)]
    struct Column {
        #[diesel(sql_type = Text)]
        of: String,
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Text)]
        kind: String,
    }
    let columns: Vec<Column> = diesel::sql_query(format!(
        "SELECT relname::text AS of, attname::text AS name, format_type(atttypid, atttypmod) AS kind \
         FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' \
         WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname <> '{VERSIONS}'"
    ))
    .load(conn)?;
    let mut tables = BTreeMap::<_, BTreeMap<_, _>>::new();
    for Column { of, name, kind } in columns {
        tables.entry(of).or_default().insert(name, kind);
    }
    Ok(tables)
}

fn sequences(conn: &mut PgConnection) -> QueryResult<BTreeSet<String>> {
    #[derive(QueryableByName)]
    struct Sequence {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let sequences: Vec<Sequence> = diesel::sql_query(
        "SELECT relname::text AS name FROM pg_class WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace",
    )
    .load(conn)?;
    Ok(sequences.into_iter().map(|sequence| sequence.name).collect())
}
