//! How the database finds a gallery's photos: by index, touching no more rows than it must, at 100 000 photos of one owner
//! among others.
//!
//! Each listing really runs, by the code the pages use. Its statements are overheard on the connection, their rows counted
//! by Postgres's own statistics, and their plans looked at as Postgres keeps them for statements that run often (the
//! generic plan, made without knowing the values).

use std::sync::{Arc, Mutex};

use diesel::connection::{InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::Text;
use lumina::db::Db;
use lumina::error::AppError;
use lumina::models::{Cursor, Hashtag, Listing, UserId};
use serde_json::Value;

use crate::support::Database;
use crate::support::db::ask;

const PHOTOS: u32 = 100_000;
/// A page, and the one more that says whether another follows.
const PAGE: i64 = 61;
/// Read for a page: each photo, its entry in the listing, and its hashtags (about three).
const ROWS_OF_A_PAGE: i64 = PAGE * 6;

/// Tables that grow with the photos, and how each may be read.
const INDEXES: [(&str, &[&str]); 3] = [
    ("photos", &["photos_gallery", "photos_pkey", "photos_public"]),
    ("photo_hashtags", &["photo_hashtags_pkey", "photo_hashtags_photo"]),
    ("hashtag_counts", &["hashtag_counts_pkey"]),
];

#[tokio::test]
async fn every_listing_goes_by_its_index() {
    let gallery = Gallery::seeded().await;
    let of = |words: &[&str]| Listing {
        owner: gallery.owner,
        only_public: false,
        hashtags: words.iter().map(|&word| word.to_owned()).collect(),
    };
    let public = Listing { only_public: true, ..of(&[]) };
    let middle = gallery.middle();
    let carrying = |name: &str| {
        gallery.number(&format!(
            "SELECT photos FROM hashtag_counts JOIN hashtags ON id = hashtag_id \
             WHERE owner_id = {} AND name = '{name}'",
            gallery.owner
        ))
    };

    let page = |listing: Listing, after| move |conn: &mut PgConnection| listing.page(conn, after, PAGE).unwrap().len();
    let full = 61;
    gallery.check("first page", &["photos_gallery"], ROWS_OF_A_PAGE, full, page(of(&[]), None));
    gallery.check("deep page", &["photos_gallery"], ROWS_OF_A_PAGE, full, page(of(&[]), Some(middle)));
    gallery.check("public page", &["photos_public"], ROWS_OF_A_PAGE, full, page(public, None));
    let listing = of(&[]);
    gallery.check("neighbours", &["photos_gallery"], 2 * 16, 2, move |conn| {
        let (newer, older) = listing.neighbours(conn, middle).unwrap();
        newer.into_iter().chain(older).count()
    });

    // A filter looks its hashtags' counts up first, rarest to commonest.
    let names = gallery.number("SELECT count(*) FROM hashtags");
    let by_hashtag = ["photo_hashtags_pkey", "photos_pkey"];
    gallery.check("one hashtag", &by_hashtag, ROWS_OF_A_PAGE + names, full, page(of(&["family"]), None));
    gallery.check("one, deep", &by_hashtag, ROWS_OF_A_PAGE + names, full, page(of(&["family"]), Some(middle)));
    gallery.check("one unknown", &["hashtag_counts_pkey"], 16, 0, page(of(&["nosuch"]), None));
    // Common ones meet soon.
    gallery.check("two common", &by_hashtag, 5_000, full, page(of(&["family", "travel"]), None));
    gallery.check("two common, deep", &by_hashtag, 5_000, full, page(of(&["family", "travel"]), Some(middle)));
    gallery.check("three common", &by_hashtag, 15_000, full, page(of(&["family", "travel", "summer"]), None));
    // At worst each one's entries are read once.
    let apart = carrying("wide") + carrying("tall");
    gallery.check("two that never meet", &by_hashtag, apart + 2 * names, 0, page(of(&["wide", "tall"]), None));
    let rare = 3 * carrying("comet") + ROWS_OF_A_PAGE + names;
    let (met, listing) = (gallery.meetings("family", "comet"), of(&["family", "comet"]));
    gallery.check("a rare and a common one", &by_hashtag, rare, met, page(listing, None));

    let owner = gallery.owner;
    let counts = ["hashtag_counts_pkey"];
    gallery
        .check("hashtags offered", &counts, names, 20, move |conn| Hashtag::most_used(conn, owner, 20).unwrap().len());
    gallery.check("hashtags searched", &counts, 2 * names, 1, move |conn| {
        Hashtag::of_owner(conn, owner, "kingfish", 20).unwrap().len()
    });
}

/// A database with 100 000 photos of one owner, and some of others.
struct Gallery {
    database: Database,
    owner: UserId,
    /// What the program sets its connections to, as SQL.
    settings: String,
}

impl Gallery {
    async fn seeded() -> Self {
        let database = Database::create();
        let mut conn = database.connect();
        let mut run = |sql: &str| conn.batch_execute(sql).unwrap();
        run("INSERT INTO users (username, email) \
             SELECT 'user' || n, 'user' || n || '@example.org' FROM generate_series(1, 10) AS n");
        run(include_str!("../../examples/seed/seed.sql"));
        for (owner, photos) in (1..=10).map(|owner| (owner, if owner == 5 { PHOTOS } else { 300 })) {
            run(&format!("SELECT pg_temp.seed_photos({owner}, {photos})"));
        }
        run("VACUUM (ANALYZE)");
        let db = Db::open(&database.url()).unwrap();
        let set =
            "SELECT string_agg(format('SET %I = %L', name, setting), ';') FROM pg_settings WHERE source = 'session'";
        let settings = db.read(|conn| Ok::<_, AppError>(ask(conn, set))).await.unwrap();
        Self { database, owner: UserId(5), settings }
    }

    fn number(&self, query: &str) -> i64 {
        ask(&mut self.database.connect(), query).parse().unwrap()
    }

    /// The place in the middle of the owner's photos.
    fn middle(&self) -> Cursor {
        let query = format!(
            "SELECT (extract(epoch FROM taken_at) * 1000000)::bigint || '.' || id FROM photos WHERE owner_id = {} \
             ORDER BY taken_at DESC, id DESC OFFSET {} LIMIT 1",
            self.owner,
            PHOTOS / 2
        );
        ask(&mut self.database.connect(), &query).parse().unwrap()
    }

    /// How many of the owner's photos carry both hashtags, counted the slow way.
    fn meetings(&self, one: &str, other: &str) -> usize {
        let carrying = |name: &str| {
            format!(
                "SELECT photo_id FROM photo_hashtags JOIN hashtags ON id = hashtag_id \
                 WHERE owner_id = {} AND name = '{name}'",
                self.owner
            )
        };
        let both = format!("SELECT count(*) FROM ({} INTERSECT {}) AS both_of_them", carrying(one), carrying(other));
        self.number(&both).try_into().unwrap()
    }

    /// Runs `listing` until its plans are settled, and looks at how many photos it finds, by which `indexes`, reading at
    /// most so many rows of the tables that grow.
    fn check(
        &self,
        what: &str,
        indexes: &[&str],
        most_rows: i64,
        photos: usize,
        listing: impl Fn(&mut PgConnection) -> usize,
    ) {
        let mut conn = self.database.connect();
        conn.batch_execute(&self.settings).unwrap();
        let overheard = overhear(&mut conn);
        // Postgres settles on a plan after five executions.
        for _ in 0..7 {
            let before = rows_read(&mut conn);
            assert_eq!(listing(&mut conn), photos, "{what}: photos found");
            let rows = rows_read(&mut conn) - before;
            assert!(rows <= most_rows, "{what}: {rows} rows read, {most_rows} allowed");
        }
        let mut statements = overheard.lock().unwrap().clone();
        statements.retain(|sql| sql.contains(" FROM ") && !sql.contains("pg_stat"));
        statements.dedup();
        assert!(!statements.is_empty(), "{what}: nothing overheard");
        let mut used = Vec::new();
        for sql in &statements {
            let plan = generic_plan(&mut conn, sql);
            walk(&plan, &mut |node| judge(node, &mut used).unwrap_or_else(|why| panic!("{what}: {why}\n{plan:#}")));
        }
        for index in indexes {
            assert!(used.iter().any(|name| name == index), "{what}: {index} is not used, but {used:?}");
        }
    }
}

/// All statements that go over the connection from now on.
fn overhear(conn: &mut PgConnection) -> Arc<Mutex<Vec<String>>> {
    let statements = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&statements);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds:").next().unwrap();
            heard.lock().unwrap().push(sql.to_owned());
        }
    });
    statements
}

/// What this connection has read so far of the tables that grow: entries by index scans, rows by sequential ones.
fn rows_read(conn: &mut PgConnection) -> i64 {
    let tables = INDEXES.map(|(table, _)| format!("'{table}'::regclass")).join(", ");
    let sum = format!(
        "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class \
         WHERE oid IN ({tables}) OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN ({tables}))"
    );
    ask(conn, &sum).parse().unwrap()
}

/// The plan that serves any values.
fn generic_plan(conn: &mut PgConnection, sql: &str) -> Value {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        #[diesel(column_name = "QUERY PLAN")]
        plan: String,
    }
    conn.batch_execute("SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL").unwrap();
    conn.batch_execute(&format!("PREPARE listing AS {sql}")).unwrap();
    let values =
        vec![
            "NULL";
            ask(conn, "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'listing'")
                .parse()
                .unwrap()
        ];
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE listing ({})", values.join(", "));
    let row: Row = diesel::sql_query(explain).get_result(conn).unwrap();
    serde_json::from_str::<Value>(&row.plan).unwrap()[0]["Plan"].take()
}

fn walk(node: &Value, visit: &mut impl FnMut(&Value)) {
    visit(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        walk(child, visit);
    }
}

/// Refuses what would cost more the more photos there are.
fn judge(node: &Value, used: &mut Vec<String>) -> Result<(), String> {
    let kind = node["Node Type"].as_str().unwrap();
    let index = node["Index Name"].as_str();
    if let Some((table, allowed)) = INDEXES.iter().find(|(table, _)| node["Relation Name"] == *table) {
        let by_index =
            matches!(kind, "Index Scan" | "Index Only Scan") && index.is_some_and(|it| allowed.contains(&it));
        if !by_index {
            return Err(format!("{kind} on {table}"));
        }
        if !(node["Index Cond"].is_string()) {
            return Err(format!("{kind} through all of {table}"));
        }
    }
    used.extend(index.map(str::to_owned));
    let rows = node["Plan Rows"].as_f64().unwrap();
    if kind.contains("Sort") && rows > 1000.0 {
        return Err(format!("{kind} of {rows} rows"));
    }
    Ok(())
}
