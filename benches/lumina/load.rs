//! The two load generators. Both keep so many connections busy for so long, from the same machine.

use std::path::Path;
use std::process::Command;

use url::{Position, Url};

use crate::overheard::Statements;

/// Kept busy at the same time: as many as Lumina has to Postgres.
pub const CONNECTIONS: u32 = 8;
/// Length of one round.
const SECONDS: u32 = 3;
/// Rounds whose median counts.
pub const ROUNDS: usize = 5;

/// What `wrk` saw.
#[derive(Clone, Copy)]
pub struct Answers {
    pub per_second: f64,
    /// In milliseconds.
    pub p99: f64,
}

/// Asks for one page for a round.
pub fn wrk(url: &str, headers: &[(&str, &str)]) -> Answers {
    run_wrk(&mut Command::new("wrk"), url, headers, CONNECTIONS)
}

/// Asks for one page after the other for a round. All are on one server.
pub fn wrk_in_turn(urls: &[String], headers: &[(&str, &str)], connections: u32) -> Answers {
    // Made beforehand: wrk has a core to share.
    let paths: Vec<_> =
        urls.iter().map(|url| format!("{:?}", Url::parse(url).unwrap()[Position::BeforePath..].to_owned())).collect();
    let script = format!(
        "local requests, at = {{}}, 0
         init = function() for i, path in ipairs({{{}}}) do requests[i] = wrk.format('GET', path) end end
         request = function() at = at % #requests + 1 return requests[at] end",
        paths.join(", ")
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    run_wrk(Command::new("wrk").arg("-s").arg(file.path()), &urls[0], headers, connections)
}

fn run_wrk(command: &mut Command, url: &str, headers: &[(&str, &str)], connections: u32) -> Answers {
    command.args(["--latency", "--timeout=10s", "-t2"]).arg(format!("-c{connections}")).arg(format!("-d{SECONDS}s"));
    for (name, value) in headers {
        command.arg("-H").arg(format!("{name}: {value}"));
    }
    let text = output(command.arg(url));
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{url}: {text}");
    let after = |label: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(label)).unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    };
    Answers { per_second: after("Requests/sec:").parse().unwrap(), p99: milliseconds(&after("99%")) }
}

/// `wrk` writes 812.00us, 3.10ms, 1.02s.
fn milliseconds(text: &str) -> f64 {
    let number = text.trim_end_matches(char::is_alphabetic);
    let factor = match &text[number.len()..] {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        unit => panic!("unknown unit {unit}"),
    };
    number.parse::<f64>().unwrap() * factor
}

/// Runs the statements, one page's after the other, for a round. Returns pages per second.
pub fn pgbench(url: &str, statements: &Statements, folder: &Path) -> f64 {
    let script = folder.join("page.sql");
    std::fs::write(&script, &statements.script).unwrap();
    let mut command = Command::new("pgbench");
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
    command.arg(format!("--client={CONNECTIONS}")).arg(format!("--time={SECONDS}")).arg("--file").arg(script);
    for (name, value) in &statements.values {
        command.arg("--define").arg(format!("{name}={value}"));
    }
    let text = output(command.arg(url).env("PGOPTIONS", &statements.settings));
    let line = text.lines().find(|line| line.starts_with("tps")).unwrap();
    line.split_whitespace().nth(2).unwrap().parse().unwrap()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
