//! The database as one file: written and read by Postgres's own programs.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::objects::{Hash, Objects};
use crate::app::StartError;
use crate::db::{self, private};

/// `pg_dump` and `pg_restore` of the server's version or a newer one.
pub struct Programs {
    pg_dump: std::path::PathBuf,
    pg_restore: std::path::PathBuf,
}

impl Programs {
    /// Finds them for the server at `url`.
    ///
    /// # Errors
    /// When this machine has none, with what to install.
    pub fn find(url: &str) -> Result<Self, StartError> {
        let server = db::condition(url)?.server;
        let major = server.split(['.', ' ']).next().and_then(|major| major.parse().ok()).unwrap_or(0);
        let program = |name: &str| {
            private::program(name, major).ok_or_else(|| {
                format!(
                    "{name} of Postgres {major} or newer is not on this machine: install it (Debian: \
                     `apt install postgresql-client-{major}`)."
                )
            })
        };
        Ok(Self { pg_dump: program("pg_dump")?, pg_restore: program("pg_restore")? })
    }

    /// Writes the database down as it is in a snapshot, and adds that to the backup. Others' schemas are theirs.
    ///
    /// # Errors
    /// When the program fails, with what it said.
    pub async fn dump(&self, to: &Objects, url: &str, schema: &str, snapshot: &str) -> Result<Hash, StartError> {
        let (_, file) = to.temporary()?.into_parts();
        let mut command = connected(&self.pg_dump, url)?;
        // Within quotes it is a name, not a pattern.
        command.arg("--schema").arg(format!("\"{}\"", schema.replace('"', "\"\"")));
        command.args(["--format=custom", "--encoding=UTF8", "--no-owner", "--no-privileges", "--snapshot", snapshot]);
        run(command.arg("--file").arg(&file)).await?;
        Ok(to.add_file(file).await?.0)
    }

    /// What reads a dump: it writes the rows in it to its standard output, and is told of no database.
    #[must_use]
    pub fn reader(&self, file: &Path) -> std::process::Command {
        let mut command = std::process::Command::new(&self.pg_restore);
        command.args(["--format=custom", "--data-only", "--no-owner", "--no-privileges", "--file=-"]).arg(file);
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }
}

/// The program, told of the database without its password being seen among the machine's processes.
fn connected(program: &Path, url: &str) -> Result<Command, StartError> {
    let (url, password) = bare(url)?;
    let mut command = Command::new(program);
    command.arg("--dbname").arg(url).arg("--no-password").env("LC_ALL", "C").stdin(Stdio::null());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.kill_on_drop(true);
    Ok(command)
}

async fn run(command: &mut Command) -> Result<(), StartError> {
    let output = command.output().await?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("Postgres's program failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// The address without the password in it, and the password; and without a name for the session, which would go before ours.
/// It is taken apart as libpq does, which knows addresses that are no URLs: several hosts, a password with a `#`.
fn bare(url: &str) -> Result<(String, Option<String>), StartError> {
    let (scheme, rest) = url.split_once("://").ok_or("database_url has no ://")?;
    let (login, rest) = match rest.split_once('@') {
        Some((login, rest)) if !login.contains('/') => (Some(login), rest),
        _ => (None, rest),
    };
    let (user, mut password) = match login.map(|login| login.split_once(':').ok_or(login)) {
        Some(Ok((user, password))) => (Some(user), Some(password)),
        Some(Err(user)) => (Some(user), None),
        None => (None, None),
    };
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let mut others = Vec::new();
    for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
        match parameter.split_once('=') {
            Some(("password", value)) => password = Some(value),
            Some(("sslpassword", _)) => {
                return Err(
                    "sslpassword in database_url cannot be handed to pg_dump unseen by others on this machine: \
                            take a key without a password."
                        .into(),
                );
            }
            Some(("application_name", _)) => {}
            _ => others.push(parameter),
        }
    }
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let question = if others.is_empty() { "" } else { "?" };
    let address = format!("{scheme}://{user}{place}{question}{}", others.join("&"));
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    Ok((address, password.map(decoded)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_password_nor_name_is_in_the_address() {
        let there = [
            ("postgres://me:p%20w@db/lumina?application_name=photos", "postgres://me@db/lumina", Some("p w")),
            (
                "postgres://me@db/lumina?sslmode=require&password=x",
                "postgres://me@db/lumina?sslmode=require",
                Some("x"),
            ),
            ("postgres:///lumina?host=/run&application_name=a&user=me", "postgres:///lumina?host=/run&user=me", None),
            (
                "postgres://me:p%40@one:5432,two:5433/lumina?target_session_attrs=any",
                "postgres://me@one:5432,two:5433/lumina?target_session_attrs=any",
                Some("p@"),
            ),
            ("postgres://me:pass#w?rd@db/lumina", "postgres://me@db/lumina", Some("pass#w?rd")),
            ("postgres://db/a@b", "postgres://db/a@b", None),
        ];
        for (url, address, password) in there {
            assert_eq!(bare(url).unwrap(), (address.to_owned(), password.map(str::to_owned)));
        }
        assert!(bare("postgres://me@db/lumina?sslpassword=x").is_err());
    }
}
