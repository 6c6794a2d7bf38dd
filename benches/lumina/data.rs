//! The databases measured on: made once, kept for the next time, made anew when the schema or the seed changed.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use lumina::db::private::{self, PrivatePostgres};

use crate::process::Lumina;

const SEED: &str = include_str!("../../examples/seed/seed.sql");

/// Whose photos are looked at: the first account of each database.
pub const OWNER: &str = "owner";

/// A Postgres with the settings Lumina gives its private one.
pub struct Server {
    postgres: PrivatePostgres,
    /// Everything the benchmarks write.
    pub folder: PathBuf,
}

/// A database with photos.
#[derive(Clone, Copy)]
pub struct Photos {
    pub database: &'static str,
    /// How many each owner has.
    each: u32,
    owners: u32,
}

/// One owner of a thousand photos.
pub const THOUSAND: Photos = Photos { database: "thousand", each: 1_000, owners: 1 };
/// Ten owners of a hundred thousand.
pub const SHARED: Photos = Photos { database: "shared", each: 100_000, owners: 10 };
/// One owner of a million.
pub const MILLION: Photos = Photos { database: "million", each: 1_000_000, owners: 1 };

impl Server {
    pub fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{:x}", fingerprint()));
        // It makes databases, and asks for checkpoints.
        private::as_superuser(&folder, "ALTER ROLE lumina SUPERUSER").unwrap();
        let postgres = PrivatePostgres::start(&folder).unwrap();
        Self { postgres, folder }
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        self.postgres.url().replace("///lumina?", &format!("///{database}?"))
    }

    pub fn connect(&self, database: &str) -> PgConnection {
        PgConnection::establish(&self.url(database)).unwrap()
    }

    /// What Postgres has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("postgres.log")).unwrap()
    }

    /// Makes the database unless it is there.
    pub async fn prepare(&self, photos: Photos) {
        let mut server = self.connect("lumina");
        let Photos { database, each, owners } = photos;
        let making = format!("{database}_making");
        if PgConnection::establish(&self.url(database)).is_ok() {
            return;
        }
        eprintln!("making {owners} × {each} photos …");
        server.batch_execute(&format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).unwrap();
        server.batch_execute(&format!("CREATE DATABASE {making}")).unwrap();
        // Lumina makes the tables and the first account.
        let lumina = Lumina::start(&self.folder.join(database), Some(&self.url(&making)));
        lumina.sign_in(OWNER).await;
        drop(lumina);
        let mut conn = self.connect(&making);
        conn.batch_execute(&format!(
            "INSERT INTO users (username, email) \
             SELECT 'other' || n, 'other' || n || '@example.org' FROM generate_series(2, {owners}) AS n"
        ))
        .unwrap();
        conn.batch_execute(SEED).unwrap();
        for owner in 1..=owners {
            conn.batch_execute(&format!("SELECT pg_temp.seed_photos({owner}, {each})")).unwrap();
        }
        conn.batch_execute("VACUUM (ANALYZE)").unwrap();
        conn.batch_execute("CHECKPOINT").unwrap();
        drop(conn);
        // Only a whole one has the name.
        server.batch_execute(&format!("ALTER DATABASE {making} RENAME TO {database}")).unwrap();
    }

    /// Lumina on one of the databases, and the owner's cookie.
    pub async fn lumina(&self, photos: Photos) -> (Lumina, String) {
        self.lumina_with(photos, &[]).await
    }

    /// As [`Server::lumina`], with more settings.
    pub async fn lumina_with(&self, photos: Photos, settings: &[(&str, String)]) -> (Lumina, String) {
        self.prepare(photos).await;
        let url = self.url(photos.database);
        let lumina = Lumina::start_with(&self.folder.join(photos.database), Some(&url), settings);
        let cookie = lumina.sign_in(OWNER).await;
        (lumina, cookie)
    }
}

/// Of all that the data are made by.
fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    SEED.hash(&mut hasher);
    let mut migrations: Vec<PathBuf> =
        fs::read_dir("migrations").unwrap().map(|entry| entry.unwrap().path().join("up.sql")).collect();
    migrations.sort();
    for file in migrations.iter().filter(|file| file.is_file()) {
        fs::read_to_string(file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}
