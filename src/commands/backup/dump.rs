//! The database as one file: written and read by Postgres's own programs.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;
use url::Url;

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

    /// Writes the database down as it is in a snapshot, and adds that to the backup.
    ///
    /// # Errors
    /// When the program fails, with what it said.
    pub async fn dump(&self, to: &Objects, url: &str, snapshot: &str) -> Result<Hash, StartError> {
        let (_, file) = to.temporary()?.into_parts();
        let mut command = connected(&self.pg_dump, url);
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
fn connected(program: &Path, url: &str) -> Command {
    let (url, password) = bare(url);
    let mut command = Command::new(program);
    command.arg("--dbname").arg(url).arg("--no-password").env("LC_ALL", "C").stdin(Stdio::null());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.kill_on_drop(true);
    command
}

async fn run(command: &mut Command) -> Result<(), StartError> {
    let output = command.output().await?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("Postgres's program failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// The address without the password in it, and the password; and without a name for the session, which would go before ours.
fn bare(url: &str) -> (String, Option<String>) {
    let Ok(mut parsed) = Url::parse(url) else { return (url.to_owned(), None) };
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut password = parsed.password().map(decoded);
    let (asked, others): (Vec<_>, Vec<_>) = parsed
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("application_name="))
        .map(ToOwned::to_owned)
        .partition(|pair| pair.starts_with("password="));
    password =
        asked.iter().filter_map(|pair| pair.split_once('=')).map(|(_, text)| decoded(text)).next_back().or(password);
    parsed.set_query((!others.is_empty()).then(|| others.join("&")).as_deref());
    if parsed.password().is_some() && parsed.set_password(None).is_err() {
        return (url.to_owned(), None);
    }
    (parsed.into(), password)
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
        ];
        for (url, address, password) in there {
            assert_eq!(bare(url), (address.to_owned(), password.map(str::to_owned)));
        }
    }
}
