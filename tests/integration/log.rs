//! A log that cannot be written: no request and no background task notices.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::binary::Binary;
use crate::support::*;

/// Deleted photos whose time has come: removing each is a line in the log.
const DUE: &str = "INSERT INTO users (username, email) VALUES ('alice', 'alice@example.org') ON CONFLICT DO NOTHING;
    INSERT INTO removals (photo_id, owner_id, due_at, hashtag_ids)
    SELECT gen_random_uuid(), id, now() - interval '1 minute', '{}' FROM users";

/// So many lines that a pipe holds no more.
const REQUESTS: usize = 400;

async fn goes_on(stderr: Stdio, first: &str) {
    let (folder, database) = (cluster::scratch(), Database::create());
    let data_dir = folder.path().join("data");
    let mut rows = database.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut rows, DUE).unwrap();
    let settings = [("DATABASE_URL", database.url()), ("LOG_LEVEL", "debug".to_owned())];
    let settings = settings.map(|(name, text)| (name.to_owned(), text));
    let lumina = Binary::start_after(first, stderr, &data_dir, &settings);
    let visitor = lumina.visitor();
    let answers = async {
        for _ in 0..REQUESTS {
            visitor.get("/login").await.assert_status(200);
        }
        // The sweeper has met the log at its first round: it is there for the next.
        let mut left = db::ask(&mut rows, "SELECT count(*) FROM removals");
        diesel::connection::SimpleConnection::batch_execute(&mut rows, DUE).unwrap();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(30) && left != "0" {
            tokio::time::sleep(Duration::from_millis(100)).await;
            left = db::ask(&mut rows, "SELECT count(*) FROM removals");
        }
        assert_eq!(left, "0", "the sweeper is gone");
        visitor.get("/metrics").await.assert_status(200).html()
    };
    let metrics = tokio::time::timeout(Duration::from_secs(60), answers).await.expect("requests wait for the log");
    assert!(metrics.contains("lumina_task_restarts_total{task=\"sweeper\"} 0"), "{metrics}");
    assert!(metrics.contains("lumina_log_lines_lost_total"), "{metrics}");
}

#[tokio::test]
async fn requests_and_the_sweeper_go_on_when_the_disk_of_the_log_is_full() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    goes_on(full.into(), "true").await;
}

#[tokio::test]
async fn requests_and_the_sweeper_go_on_when_the_log_is_closed() {
    goes_on(Stdio::null(), "exec 2>&-").await;
}

#[tokio::test]
async fn requests_and_the_sweeper_go_on_when_the_reader_of_the_log_has_gone() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    goes_on(writer.into(), "true").await;
}

#[tokio::test]
async fn requests_and_the_sweeper_go_on_when_nobody_reads_the_log() {
    let (reader, writer) = std::io::pipe().unwrap();
    goes_on(writer.into(), "true").await;
    drop(reader);
}
