//! The SQL of a page, as Postgres heard it, ready for `pgbench`: nothing is written down twice.

use diesel::connection::SimpleConnection;

use crate::data::{Photos, Server};

/// What one request asks of the database.
pub struct Statements {
    /// For `pgbench`, with a variable for each value.
    pub script: String,
    pub values: Vec<(String, String)>,
    /// What connections are set to, as `PGOPTIONS` has it.
    pub settings: String,
}

impl Statements {
    /// Overhears a fresh Lumina that answers `path` for the owner of `photos`. Its queries alone are kept: that connections
    /// are tried before use is not the page's SQL.
    pub async fn of(server: &Server, photos: Photos, path: &str) -> Self {
        server.prepare(photos).await;
        let log_all = |setting: &str| {
            let sql = format!("ALTER DATABASE {} {setting}", photos.database);
            server.connect("lumina").batch_execute(&sql).unwrap();
        };
        let before = server.log().len();
        log_all("SET log_statement = 'all'");
        let (lumina, cookie) = server.lumina(photos).await;
        lumina.page(path, &cookie).await;
        let settings = settings(&server.log()[before..]);
        let before = server.log().len();
        lumina.page(path, &cookie).await;
        drop(lumina);
        log_all("RESET log_statement");
        let (mut script, mut values) = (String::new(), Vec::new());
        for (number, (sql, parameters)) in queries(&server.log()[before..]).into_iter().enumerate() {
            let mut sql = sql.to_owned();
            // From the last, so that $1 is not found in $10.
            for (place, value) in parameters.into_iter().enumerate().rev() {
                let name = format!("q{number}_{}", place + 1);
                sql = sql.replace(&format!("${}", place + 1), &format!(":{name}"));
                values.push((name, value));
            }
            script.push_str(&sql);
            script.push_str(";\n");
        }
        assert!(script.contains("sessions") && script.contains("photos"), "not a signed-in page: {script}");
        Self { script, values, settings }
    }
}

/// The queries in a piece of Postgres's log, with their values.
fn queries(log: &str) -> Vec<(&str, Vec<String>)> {
    let mut lines = log.lines().peekable();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some((_, executed)) = line.split_once("LOG:  execute ") else { continue };
        let Some((_, sql)) = executed.split_once(": ") else { continue };
        if sql.starts_with("SELECT") && sql.contains(" FROM ") {
            let details = lines.peek().and_then(|next| next.split_once("DETAIL:  parameters: "));
            found.push((sql, details.map_or(Vec::new(), |(_, details)| quoted(details))));
        }
    }
    found
}

/// The values in `$1 = '…', $2 = '…'`.
fn quoted(details: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = details;
    while let Some((_, from)) = rest.split_once("= '") {
        let mut value = String::new();
        let mut characters = from.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            // A quote within is doubled.
            let doubled = character == '\'' && characters.next_if(|(_, next)| *next == '\'').is_some();
            if character == '\'' && !doubled {
                rest = &from[at + 1..];
                break;
            }
            value.push(character);
        }
        values.push(value);
    }
    values
}

/// `-c name=value` for what connections are set to when they are opened, by a piece of Postgres's log.
fn settings(log: &str) -> String {
    let mut options: Vec<String> = Vec::new();
    // Further lines of a statement are indented.
    let log = log.replace("\n\t", " ");
    for (_, statement) in log.lines().filter_map(|line| line.split_once("LOG:  statement: SET ")) {
        for set in statement.split(';') {
            if let Some((name, value)) = set.trim().trim_start_matches("SET ").split_once(" = ") {
                let option = format!("-c {name}={}", value.trim_matches('\''));
                if !options.contains(&option) {
                    options.push(option);
                }
            }
        }
    }
    options.join(" ")
}
