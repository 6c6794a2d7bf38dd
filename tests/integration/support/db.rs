//! A database for each test, cloned from one that was migrated once, and dropped afterwards.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::cluster;

/// The beginning of the names of all databases the tests make: then the second it was made in, then who made it.
const PREFIX: &str = "lumina_test_";
/// Older ones are leftovers of a run that was killed.
const LEFT_OVER: Duration = Duration::from_secs(3600);
/// Makes those who build the template do it one after the other.
const BUILDING: i64 = 0x6c75_7465_7374;

/// A database of a test's own, up to date and empty.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Clones the template on the shared server.
    pub fn create() -> Self {
        Self::create_on(cluster::url())
    }

    /// Clones the template on the server with this database.
    pub fn create_on(server: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let mut conn = connect(server);
        let template = template(&mut conn, server);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{}_{number}", seconds(SystemTime::now()), std::process::id());
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap();
        Self { server: server.to_owned(), name }
    }

    /// An empty database, for tests of the migrations themselves.
    pub fn empty() -> Self {
        let database = Self::create();
        let mut conn = connect(&database.server);
        conn.batch_execute(&format!("DROP DATABASE {}", database.name)).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {}", database.name)).unwrap();
        database
    }

    /// Its address.
    pub fn url(&self) -> String {
        with_database(&self.server, &self.name)
    }

    /// Its name on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection past the program under test.
    pub fn connect(&self) -> PgConnection {
        connect(&self.url())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server may be away: that is what some tests are about.
        if let Ok(mut conn) = PgConnection::establish(&self.server) {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

/// Connects, or ends the test.
pub fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// The address of the private database of the program that runs on this data folder.
pub fn private_url(data_dir: &Path) -> String {
    let folder = data_dir.display();
    format!("postgres:///lumina?host={folder}/postgres&user=lumina&passfile={folder}/postgres_password")
}

/// What `SELECT ({expression})` answers, as text.
pub fn ask(conn: &mut PgConnection, expression: &str) -> String {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
        answer: Option<String>,
    }
    let row: Row = diesel::sql_query(format!("SELECT ({expression})::text AS answer")).get_result(conn).unwrap();
    row.answer.unwrap_or_default()
}

/// The name of the migrated database, which is built by whoever needs it first. A new build of the tests makes a new one,
/// as the migrations may have changed.
fn template(conn: &mut PgConnection, server: &str) -> String {
    let built = std::fs::metadata(std::env::current_exe().unwrap()).unwrap().modified().unwrap();
    let nanos = built.duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    let name = format!("{PREFIX}{}_template_{nanos}", seconds(built));
    let there = format!("SELECT EXISTS (SELECT FROM pg_database WHERE datname = '{name}')");
    if ask(conn, &there) == "true" {
        return name;
    }
    conn.batch_execute(&format!("SELECT pg_advisory_lock({BUILDING})")).unwrap();
    if ask(conn, &there) != "true" {
        sweep(conn);
        let building = format!("{name}_building");
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {building} WITH (FORCE)")).unwrap();
        conn.batch_execute(&format!("CREATE DATABASE {building}")).unwrap();
        lumina::db::migrate(&mut connect(&with_database(server, &building))).unwrap();
        // Nobody clones one that is half built.
        conn.batch_execute(&format!("ALTER DATABASE {building} RENAME TO {name}")).unwrap();
    }
    conn.batch_execute(&format!("SELECT pg_advisory_unlock({BUILDING})")).unwrap();
    name
}

/// Drops what earlier runs left.
fn sweep(conn: &mut PgConnection) {
    let names = ask(conn, &format!("SELECT string_agg(datname, ' ') FROM pg_database WHERE datname LIKE '{PREFIX}%'"));
    let limit = seconds(SystemTime::now() - LEFT_OVER);
    for name in names.split_whitespace() {
        let made = name.trim_start_matches(PREFIX).split('_').next().and_then(|text| text.parse::<u64>().ok());
        if made.is_none_or(|made| made < limit) {
            // Somebody still in there, or another run faster: left alone.
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name}"));
        }
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// `url` with another database in it.
fn with_database(url: &str, database: &str) -> String {
    let mut url = url.to_owned();
    let path = url.find("://").unwrap() + 3;
    let start = url[path..].find('/').map_or(url.len(), |at| path + at);
    let end = url[start..].find('?').map_or(url.len(), |at| start + at);
    url.replace_range(start..end, &format!("/{database}"));
    url
}
