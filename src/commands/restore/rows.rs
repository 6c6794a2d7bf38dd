//! The rows of a dump.
//!
//! A backup may come from anywhere, and a dump can hold any SQL. So nothing of it is run: `pg_restore` writes it as text,
//! without a database, and of that text only rows and the states of sequences are understood. Everything else is refused.

use std::io::{self, BufRead, BufReader, Read, Seek};
use std::process::{Command, Stdio};

use super::copy_text;
use crate::app::StartError;
use crate::db::restoring::Filling;

/// The longest line: the largest row that Lumina writes takes a thousandth of it.
const LONGEST: u64 = 16 << 20;

/// What `pg_restore` writes beside rows: remarks, and settings of a session. They are passed over.
const PASSED_OVER: [&str; 5] = ["--", "SET ", "SELECT pg_catalog.set_config(", "\\restrict ", "\\unrestrict "];

/// Hands all rows that `reader` writes to `into`.
///
/// # Errors
/// When the dump holds something else, or is damaged.
pub fn read(mut reader: Command, into: &mut Filling<'_>) -> Result<(), StartError> {
    let mut complaints = tempfile::tempfile()?;
    let mut child = reader.stdout(Stdio::piped()).stderr(complaints.try_clone()?).spawn()?;
    let output = child.stdout.take().ok_or("pg_restore has no output")?;
    let done = lines(BufReader::with_capacity(1 << 20, output), into);
    if done.is_err() {
        // It may have much more to say.
        let _ = child.kill();
    }
    let status = child.wait()?;
    done?;
    if status.success() {
        return Ok(());
    }
    complaints.rewind()?;
    let mut said = String::new();
    complaints.take(10_000).read_to_string(&mut said)?;
    Err(refused(said.trim()))
}

fn lines(mut from: impl BufRead, into: &mut Filling<'_>) -> Result<(), StartError> {
    let mut line = String::new();
    while next(&mut from, &mut line)? {
        if let Some((table, columns)) = copy_text::begins(&line) {
            if !into.begin(&table, &columns)? {
                println!("Left out: the table {table} is none of Lumina's.");
            }
            loop {
                if !next(&mut from, &mut line)? {
                    return Err(refused("it ends within a table"));
                }
                if line == "\\." {
                    break;
                }
                let values = copy_text::values(&line);
                into.row(values.ok_or_else(|| refused(&format!("a row of {table} is damaged")))?)?;
            }
            into.end()?;
        } else if let Some((sequence, value, is_called)) = copy_text::sequence(&line) {
            into.sequence(&sequence, value, is_called)?;
        } else if !line.is_empty() && !PASSED_OVER.iter().any(|begin| line.starts_with(begin)) {
            let begin: String = line.chars().take(80).collect();
            return Err(refused(&format!("it holds more than rows: {begin:?}")));
        }
    }
    Ok(())
}

/// The next line without its newline; false at the end.
fn next(from: &mut impl BufRead, line: &mut String) -> Result<bool, StartError> {
    line.clear();
    let read = match from.by_ref().take(LONGEST).read_line(line) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(refused("it is not UTF-8")),
        read => read?,
    };
    if read > 0 && line.pop() != Some('\n') {
        return Err(refused("a line of it has no end"));
    }
    Ok(read > 0)
}

fn refused(why: &str) -> StartError {
    format!("The backup's database is damaged, or was not made by Lumina: {why}. Nothing of it was restored.").into()
}
