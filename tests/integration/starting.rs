//! D9: migrations killed half-way, and instances that start at the same time: started again, all is right.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel_migrations::MigrationHarness;
use lumina::db::{MIGRATIONS, migrate};

use crate::schema::description;
use crate::support::binary::Binary;
use crate::support::db::ask;
use crate::support::*;

/// What keeps a migration from going on.
#[derive(Debug, Clone, Copy)]
enum Stuck {
    /// Somebody works on the tables that are there.
    Before,
    /// All of it is done, and it cannot be written down that it is.
    After,
}

#[tokio::test]
async fn migrations_killed_half_way_start_again_and_are_right() {
    let whole = Database::empty();
    migrate(&mut whole.connect()).unwrap();
    let whole = description(&mut whole.connect());
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().flatten();
    let count = folders.filter(|entry| entry.path().is_dir()).count();
    let folder = cluster::scratch();
    for (done, stuck) in (1..count).flat_map(|done| [(done, Stuck::Before), (done, Stuck::After)]) {
        let database = Database::empty();
        let mut conn = database.connect();
        for _ in 0..done {
            conn.run_next_migration(MIGRATIONS).unwrap();
        }
        let mut holder = database.connect();
        hold(&mut holder, stuck);
        let mut child = Binary::command()
            .args(["migrate"])
            .env("DATABASE_URL", database.url())
            .env("DATA_DIR", folder.path().join("data"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until_stuck(&mut conn, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        holder.batch_execute("ROLLBACK").unwrap();
        let again = tokio::task::spawn_blocking({
            let mut conn = database.connect();
            move || migrate(&mut conn).map_err(|error| error.to_string())
        });
        assert_eq!(again.await.unwrap(), Ok(()), "{done} {stuck:?}");
        assert_eq!(description(&mut database.connect()), whole, "{done} {stuck:?}");
        assert_eq!(ask(&mut conn, "SELECT count(*) FROM __diesel_schema_migrations"), count.to_string());
    }
}

fn hold(conn: &mut PgConnection, stuck: Stuck) {
    let tables = match stuck {
        Stuck::Before => ask(
            conn,
            "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_%'",
        ),
        Stuck::After => "__diesel_schema_migrations".to_owned(),
    };
    let mode = if matches!(stuck, Stuck::After) { "SHARE" } else { "ACCESS EXCLUSIVE" };
    conn.batch_execute(&format!("BEGIN; LOCK TABLE {tables} IN {mode} MODE")).unwrap();
}

/// Or it has ended: then nothing that remained touches these tables.
fn wait_until_stuck(conn: &mut PgConnection, child: &mut Child) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let begun = Instant::now();
    while ask(conn, waiting) == "0" && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does neither");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn instances_that_start_at_once_on_an_empty_database_all_serve() {
    let (database, folder) = (Database::empty(), cluster::scratch());
    let mut instances: Vec<_> = (0..3)
        .map(|n| {
            Binary::command()
                .env("DATABASE_URL", database.url())
                .env("DATA_DIR", folder.path().join(format!("data{n}")))
                .env("BIND", "127.0.0.1:0")
                .env("LOG_LEVEL", "error")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let bases: Vec<_> = instances.iter_mut().map(base_of).collect();
    let alice = Client::new(&bases[0], &bases[0]);
    alice.register("alice").await.assert_status(303);
    for base in &bases {
        let client = Client::new(base, base);
        client.log_in("alice", PASSWORD).await.assert_status(303);
        client.get("/photos").await.assert_status(200);
    }
    for mut instance in instances {
        instance.kill().unwrap();
        instance.wait().unwrap();
    }
}

#[tokio::test]
async fn the_start_says_in_one_line_what_runs_where_and_on_what() {
    let (folder, database) = (cluster::scratch(), Database::create());
    let file = folder.path().join("lumina.yaml");
    std::fs::write(&file, "log_level: info\n").unwrap();
    let server = s3::S3Server::start();
    let on_disk = folder.path().join("one");
    let in_bucket = folder.path().join("two");
    let private = folder.path().join("three");
    let url = database.url();
    for (data_dir, settings, parts) in [
        (&on_disk, vec![("DATABASE_URL".to_owned(), url.clone())], vec![url.clone(), on_disk.display().to_string()]),
        (
            &in_bucket,
            [vec![("DATABASE_URL".to_owned(), url.clone())], server.settings()].concat(),
            vec![url, "the bucket photos at http://127.0.0.1:".to_owned()],
        ),
        (&private, vec![], vec![private.join("postgres").display().to_string()]),
    ] {
        let mut child = Binary::command()
            .arg("--config")
            .arg(&file)
            .env("DATA_DIR", data_dir)
            .env("BIND", "127.0.0.1:0")
            .envs(settings)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let base = base_of(&mut child);
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
        let output = child.wait_with_output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let line = log.lines().find(|line| line.contains("listens on")).unwrap_or_else(|| panic!("{log}"));
        let port = base.rsplit(':').next().unwrap();
        let always = [lumina::VERSION, &format!("127.0.0.1:{port}"), "Postgres ", &file.display().to_string()];
        for part in always.into_iter().chain(parts.iter().map(String::as_str)) {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        assert!(!log.contains("must-not-be-seen"), "{log}");
    }
    let output = Binary::command().arg("--version").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains(lumina::VERSION));
}

fn base_of(child: &mut Child) -> String {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let ready = stdout
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("Lumina is ready at ").map(|base| base.trim_end_matches('/').to_owned()));
    ready.expect("it did not start")
}
