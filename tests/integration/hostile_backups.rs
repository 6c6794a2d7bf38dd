//! A backup of somebody who wants to run programs here: of its database nothing but rows is taken.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use diesel::connection::SimpleConnection;
use diesel_migrations::MigrationHarness;
use lumina::db::{MIGRATIONS, private};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::backup::{Bare, backup, files, said};
use crate::support::kept::Kept;
use crate::support::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts an object into a backup. Answers its name.
fn add(to: &Path, bytes: &[u8]) -> String {
    let name = hex(&Sha256::digest(bytes));
    let shard = to.join("objects").join(&name[..2]);
    std::fs::create_dir_all(&shard).unwrap();
    std::fs::write(shard.join(&name), bytes).unwrap();
    name
}

/// Writes a manifest with this header and these further lines.
fn write_manifest(path: &Path, header: &Value, entries: &str) {
    let text = format!("{header}\n{entries}");
    std::fs::write(path, format!("{text}end\t{}\n", hex(&Sha256::digest(&text)))).unwrap();
}

/// Changes the database in the only run of a backup, as whoever made the backup could.
fn alter_database(to: &Path, alter: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let manifest = files(&to.join("manifests")).pop().unwrap();
    let text = std::fs::read_to_string(&manifest).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let entries = &rest[..rest.rfind("end\t").unwrap()];
    let mut header: Value = serde_json::from_str(header).unwrap();
    let dump = header["database"].as_str().unwrap().to_owned();
    let dump = std::fs::read(to.join("objects").join(&dump[..2]).join(&dump)).unwrap();
    header["database"] = add(to, &alter(dump)).into();
    write_manifest(&manifest, &header, entries);
}

/// Puts `new` in the place of `old`, filled up with spaces, so that all lengths in the archive stay as they are.
fn replace(mut dump: Vec<u8>, old: &str, new: &str) -> Vec<u8> {
    let at = dump.windows(old.len()).position(|part| part == old.as_bytes()).expect("it is in the archive");
    dump[at..at + old.len()].copy_from_slice(format!("{new:width$}", width = old.len()).as_bytes());
    dump
}

/// The statement by which rows of a table come, as it stands in the archive.
fn copy_statement(dump: &[u8], table: &str) -> String {
    let text = String::from_utf8_lossy(dump).into_owned();
    let begin = text.find(&format!("COPY public.{table} (")).unwrap();
    text[begin..].split_inclusive("FROM stdin;").next().unwrap().to_owned()
}

struct Attack {
    kept: Kept,
    _folder: tempfile::TempDir,
    to: PathBuf,
    /// Is there when a program ran.
    trace: PathBuf,
}

impl Attack {
    /// A backup of a database that was prepared by these statements.
    async fn prepare(sql: impl Fn(&Path) -> String) -> Self {
        let kept = Kept::on_disk().await;
        let folder = cluster::scratch();
        let (to, trace) =
            (folder.path().join("backup"), std::env::temp_dir().join(format!("t{}", uuid::Uuid::new_v4())));
        kept.app.user("alice").await.upload(jpeg()).await;
        kept.app.execute(&sql(&trace));
        let made = backup(&kept, &to).await;
        assert!(made.status.success(), "{}", said(&made));
        Self { kept, _folder: folder, to, trace }
    }

    async fn restore(&self) -> (Output, Bare) {
        let bare = Bare::new(None);
        let output = bare.restore(&self.to).await;
        assert!(!self.trace.exists(), "a program ran: {}", said(&output));
        (output, bare)
    }
}

fn evil(trace: &Path) -> String {
    format!("BEGIN COPY (SELECT 1) TO PROGRAM 'touch {}'; RETURN 1; END", trace.display())
}

#[tokio::test]
async fn functions_triggers_and_tables_of_a_backup_stay_out() {
    let attack = Attack::prepare(|trace| {
        format!(
            "CREATE FUNCTION evil() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$; \
             CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil(); RETURN NEW; END $$; \
             CREATE TABLE bait (x int CHECK (x < evil() + 1)); INSERT INTO bait VALUES (1); \
             CREATE TRIGGER trap BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION trap(); \
             CREATE OR REPLACE FUNCTION evil() RETURNS int LANGUAGE plpgsql AS $$ {} $$",
            evil(trace)
        )
    })
    .await;
    let (restored, bare) = attack.restore().await;
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(said(&restored).contains("the table bait is none of Lumina's"), "{}", said(&restored));
    let mut conn = bare.database.connect();
    for gone in ["to_regclass('bait')", "to_regproc('evil')", "to_regproc('trap')"] {
        assert_eq!(db::ask(&mut conn, &format!("SELECT {gone} IS NULL")), "true", "{gone}");
    }
    conn.batch_execute("UPDATE users SET full_name = 'Alice'").unwrap();
    assert!(!attack.trace.exists());
    // Its own are all there, and on.
    let triggers = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O' AND tgname <> 'trap'";
    let keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated";
    for counted in [triggers, keys] {
        assert_eq!(db::ask(&mut conn, counted), attack.kept.app.ask(counted), "{counted}");
    }
}

#[tokio::test]
async fn what_an_archive_gives_out_for_rows_is_not_run() {
    type Forge = fn(&str, &Path) -> String;
    let forgeries: [(&str, Forge); 4] = [
        ("a program", |_, trace| format!("COPY users FROM PROGRAM 'touch {}';", trace.display())),
        ("a program beside rows", |copy, trace| {
            let columns = &copy[..copy.find(',').unwrap()];
            format!("{columns}) FROM PROGRAM 'touch {}'; --) FROM stdin;", trace.display())
        }),
        ("a file", |_, _| "COPY users FROM '/etc/passwd';".into()),
        ("a statement", |_, _| "DROP TABLE users CASCADE; SELECT 1; --) FROM stdin;".into()),
    ];
    let attack = Attack::prepare(|_| "SELECT 1".into()).await;
    for (what, forge) in forgeries {
        alter_database(&attack.to, |dump| {
            let copy = copy_statement(&dump, "photos");
            replace(dump, &copy, &forge(&copy, &attack.trace))
        });
        let (refused, bare) = attack.restore().await;
        assert!(
            !refused.status.success() && said(&refused).contains("was not made by Lumina"),
            "{what}: {}",
            said(&refused)
        );
        assert_eq!(db::ask(&mut bare.database.connect(), "SELECT count(*) FROM users"), "0", "{what}");
        // The next forgery begins with the good one.
        std::fs::remove_dir_all(attack.to.join("manifests")).unwrap();
        assert!(backup(&attack.kept, &attack.to).await.status.success());
    }
    assert!(attack.restore().await.0.status.success());
}

/// Rows that were dumped by a version before: tables are made as they were then, filled, and brought up to date.
#[tokio::test]
async fn a_dump_of_the_first_release_is_restored_into_the_schema_of_today() {
    const FIRST_RELEASE: &str = "20261125105000";
    let database = Database::empty();
    let mut conn = database.connect();
    while conn.run_next_migration(MIGRATIONS).unwrap().to_string() != FIRST_RELEASE {}
    conn.batch_execute(
        "INSERT INTO users (username, email, password_hash, full_name) VALUES \
         ('alice', 'alice@example.org', '$2b$04$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', E'A\\tb\\\\n\\nc — ü')",
    )
    .unwrap();
    let folder = cluster::scratch();
    let (to, file) = (folder.path().join("backup"), folder.path().join("dump"));
    let mut pg_dump = Command::new(private::program("pg_dump", 15).unwrap());
    pg_dump
        .args(["--format=custom", "--no-owner", "--no-privileges", "--dbname", &database.url(), "--file"])
        .arg(&file);
    assert!(pg_dump.status().unwrap().success());
    let header = json!({
        "format": 1, "lumina": "0.1.0", "made_at": "2026-11-25T12:00:00Z", "schema": FIRST_RELEASE,
        "instance": db::ask(&mut conn, "SELECT id::text FROM instance"),
        "database": add(&to, &std::fs::read(&file).unwrap()), "secret_key": null,
    });
    write_manifest(&to.join("manifest"), &header, "");
    let bare = Bare::new(None);
    let restored = bare.restore(&to).await;
    assert!(restored.status.success(), "{}", said(&restored));
    let mut conn = bare.database.connect();
    assert!(!conn.has_pending_migration(MIGRATIONS).unwrap());
    assert_eq!(db::ask(&mut conn, "SELECT full_name FROM users WHERE username = 'alice'"), "A\tb\\n\nc — ü");
    conn.batch_execute("INSERT INTO users (username, email, password_hash) VALUES ('bob', 'bob@example.org', 'x')")
        .unwrap();
    assert_eq!(db::ask(&mut conn, "SELECT id::text FROM users WHERE username = 'bob'"), "2", "numbers go on");

    // A manifest that lies about it.
    for schema in ["20261125104100", "2026112510500"] {
        let mut header = header.clone();
        header["schema"] = schema.into();
        write_manifest(&to.join("manifest"), &header, "");
        let refused = Bare::new(None).restore(&to).await;
        assert!(!refused.status.success(), "{schema}");
    }
}
