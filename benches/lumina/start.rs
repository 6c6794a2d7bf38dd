//! S8: from the start of the process to its first page.

use std::path::Path;

use crate::data::{Server, THOUSAND};
use crate::process::Lumina;
use crate::{Row, median};

const TIMES: usize = 7;

pub async fn measure(server: &Server) -> Vec<Row> {
    eprintln!("S8");
    server.prepare(THOUSAND).await;
    let url = server.url(THOUSAND.database);
    let there = (0..TIMES).map(|_| seconds(&server.folder.join(THOUSAND.database), Some(&url)));
    let there = row("database there", median(there), 0.3);

    let made = (0..TIMES).map(|_| {
        let folder = tempfile::tempdir_in(&server.folder).unwrap();
        seconds(folder.path(), None)
    });
    let made = row("private database made and started too", median(made), 3.0);

    let folder = tempfile::tempdir_in(&server.folder).unwrap();
    seconds(folder.path(), None);
    let started = row("private database started too", median((0..TIMES).map(|_| seconds(folder.path(), None))), 3.0);
    vec![there, started, made]
}

fn seconds(folder: &Path, database_url: Option<&str>) -> f64 {
    Lumina::start(folder, database_url).started_in.as_secs_f64()
}

fn row(what: &str, seconds: f64, most: f64) -> Row {
    Row {
        name: "S8",
        work: format!("from start to first page, {what}"),
        measured: format!("{seconds:.2} s"),
        against: "–".to_owned(),
        result: format!("{seconds:.2} s"),
        goal: format!("≤ {most} s"),
        reached: seconds <= most,
    }
}
