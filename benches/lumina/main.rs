//! `./dev bench [S1 S2 S3 S4 S5 S6 S7 S8]`: how fast Lumina is, and how much memory it takes.
//!
//! The program itself is measured, as a process, over HTTP, on a private Postgres beside it. Where speed is compared, both
//! sides run in turns on the same database, and the median of the rounds counts: a ratio within one run means something,
//! a time on another machine or day does not. `wrk` makes the load: its clients
//! share the cores with the server, and a small C program leaves it more of them than a loop of ours would. `pgbench` runs
//! the bare SQL and shares them likewise. Photos are drawn; real ones of `LUMINA_CORPUS` are sent too when that is set.
//!
//! The data (two databases with a million photos each) are made once, in cargo's folder for temporary files.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark that cannot go on ends, and prepares its data past the program's own doors"
)]

mod batch;
mod bucket;
mod data;
mod gallery;
mod load;
mod machine;
mod memory;
mod nginx;
mod overheard;
mod process;
mod serving;
mod start;
mod take_in;
mod uploads;

use crate::data::Server;

/// A line of the table.
struct Row {
    name: &'static str,
    work: String,
    measured: String,
    against: String,
    /// What the goal speaks of.
    result: String,
    goal: String,
    reached: bool,
}

#[actix_web::main]
async fn main() {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it.eq_ignore_ascii_case(name));
    eprintln!("{}", machine::describe());
    let server = Server::start();
    let mut rows = Vec::new();
    if wants("S1") {
        rows.extend(gallery::first_page(&server).await);
    }
    if wants("S2") {
        rows.extend(gallery::other_pages(&server).await);
    }
    if wants("S3") {
        rows.extend(serving::from_disk(&server).await);
    }
    if wants("S4") {
        rows.extend(serving::from_bucket(&server).await);
    }
    if wants("S5") {
        rows.extend(take_in::measure(&server).await);
    }
    if wants("S6") {
        rows.extend(batch::measure(&server).await);
    }
    if wants("S7") {
        rows.extend(memory::measure(&server).await);
    }
    if wants("S8") {
        rows.extend(start::measure(&server).await);
    }
    print(&rows);
}

fn print(rows: &[Row]) {
    println!("\n{}\n", machine::describe());
    println!("| | work | measured | against | result | goal |");
    println!("|---|---|--:|--:|--:|--:|");
    for Row { name, work, measured, against, result, goal, reached } in rows {
        let result = if *reached { result.clone() } else { format!("**{result}** (missed)") };
        println!("| {name} | {work} | {measured} | {against} | {result} | {goal} |");
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[half - 1], values[half]) } else { values[half] }
}
