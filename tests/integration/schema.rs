//! The migrations, and what the code believes of them.

use std::collections::BTreeMap;

use diesel::PgConnection;
use diesel_migrations::MigrationHarness;
use lumina::db::{MIGRATIONS, migrate};

use crate::support::Database;
use crate::support::db::ask;

/// Everything the migrations make, as Postgres itself describes it.
pub fn description(conn: &mut PgConnection) -> String {
    let ours = "NOT LIKE '\\_\\_diesel%'";
    [
        format!("SELECT string_agg(concat_ws(' ', table_name, column_name, data_type, udt_name, collation_name, column_default, is_nullable, is_identity), E'\\n' ORDER BY table_name, ordinal_position) FROM information_schema.columns WHERE table_schema = 'public' AND table_name {ours}"),
        format!("SELECT string_agg(concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)), E'\\n' ORDER BY conrelid::regclass::text, conname) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text {ours}"),
        format!("SELECT string_agg(indexdef, E'\\n' ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public' AND tablename {ours}"),
        "SELECT string_agg(pg_get_triggerdef(oid), E'\\n' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal".to_owned(),
        "SELECT string_agg(pg_get_functiondef(oid), E'\\n' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace".to_owned(),
    ]
    .map(|query| ask(conn, &query))
    .join("\n\n")
}

#[test]
fn migrations_go_down_and_up_again() {
    let database = Database::empty();
    let mut conn = database.connect();
    let nothing = description(&mut conn);
    migrate(&mut conn).unwrap();
    let up = description(&mut conn);
    assert!(up.contains("photos") && up.contains("CREATE TRIGGER"));
    conn.revert_all_migrations(MIGRATIONS).unwrap();
    assert_eq!(description(&mut conn), nothing, "nothing is left of them");
    migrate(&mut conn).unwrap();
    assert_eq!(description(&mut conn), up);
    migrate(&mut conn).unwrap();
}

#[test]
fn several_who_start_at_once_migrate_one_after_the_other() {
    let database = Database::empty();
    let done: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| migrate(&mut database.connect()).map_err(|error| error.to_string())))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert_eq!(done, vec![Ok(()); 4]);
    let applied = ask(&mut database.connect(), "SELECT count(*) FROM __diesel_schema_migrations");
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().flatten();
    assert_eq!(applied, folders.filter(|entry| entry.path().is_dir()).count().to_string());
}

/// Tables with their columns, `name type` each, in order.
type Tables = BTreeMap<String, Vec<String>>;

/// As `src/db/schema.rs` has them.
fn believed() -> Tables {
    let mut tables = Tables::new();
    for table in include_str!("../../src/db/schema.rs").split("diesel::table! {").skip(1) {
        let body = table.split("\n}").next().unwrap();
        let mut lines = body
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with(['/', '#']) && !line.starts_with("use "));
        let head = lines.next().unwrap();
        let columns = lines.filter_map(|line| line.trim_end_matches(',').split_once(" -> "));
        let columns = columns.map(|(name, kind)| format!("{name} {kind}")).collect();
        tables.insert(head.split([' ', '(']).next().unwrap().to_owned(), columns);
    }
    tables
}

/// As the migrations made them, in Diesel's words.
fn made(conn: &mut PgConnection) -> Tables {
    let rows = ask(
        conn,
        "SELECT string_agg(concat_ws(' ', table_name, column_name, udt_name, is_nullable), E'\\n'
                           ORDER BY table_name, ordinal_position)
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'",
    );
    let mut tables = Tables::new();
    for row in rows.lines() {
        let [table, column, kind, nullable] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let kind = match kind {
            "int8" => "Int8",
            "int4" => "Int4",
            "int2" => "Int2",
            "float8" => "Float8",
            "text" => "Text",
            "bool" => "Bool",
            "bytea" => "Bytea",
            "uuid" => "Uuid",
            "jsonb" => "Jsonb",
            "timestamptz" => "Timestamptz",
            "_int4" => "Array<Nullable<Int4>>",
            "_timestamptz" => "Array<Nullable<Timestamptz>>",
            "_text" => "Array<Nullable<Text>>",
            other => panic!("{other}: a type this test does not know"),
        };
        let kind = if nullable == "YES" { format!("Nullable<{kind}>") } else { kind.to_owned() };
        tables.entry(table.to_owned()).or_default().push(format!("{column} {kind}"));
    }
    tables
}

#[test]
fn the_code_believes_what_the_migrations_made() {
    let database = Database::create();
    // An array's elements are never NULL where the code says so; Postgres cannot tell.
    let plain = |mut tables: Tables| {
        for column in tables.values_mut().flatten() {
            if let Some(element) = column.strip_suffix(">>").and_then(|column| column.split_once("Array<Nullable<")) {
                *column = format!("{}Array<{}>", element.0, element.1);
            }
        }
        tables
    };
    assert_eq!(plain(believed()), plain(made(&mut database.connect())));
}
