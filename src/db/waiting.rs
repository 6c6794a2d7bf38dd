//! The first connection: waiting for a database that is not there yet, and giving up on one that will never let us in.
//!
//! Compose files and boot orders start us first, so who cannot be reached is waited for. What does not change by waiting, such
//! as a wrong password, is an error at once. libpq tells the two apart by its text alone: of a failed connection it passes no
//! SQLSTATE on. Its own texts are English; those of the server may be in any language (`lc_messages`), so an answer that is
//! not known is waited out for [`UNCLEAR`].

use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::{Connection, ConnectionError};

use crate::config::without_password;

/// For how long an answer is taken for one that may pass which is not known to be.
const UNCLEAR: Duration = Duration::from_secs(30);

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// How many tries go by from one line in the log to the next.
const TRIES_PER_LINE: u32 = 10;

/// What a database that is not there yet, or not ready, looks like.
const PASSES: [&str; 20] = [
    "Connection refused",
    "could not translate host name",
    "Temporary failure in name resolution",
    "timeout expired",
    "timed out",
    "unreachable",
    "No route to host",
    "Connection reset",
    "server closed the connection",
    "could not receive data",
    "could not send",
    "Broken pipe",
    // 57P03
    "the database system is",
    "not yet accepting connections",
    // 57P01
    "terminating connection",
    // 53300
    "too many clients",
    "too many connections",
    "connection slots are reserved",
    // A socket that the server makes when it is ready.
    "No such file or directory\n\tIs the server running",
    "out of memory",
];

/// What does not change by itself, and what to do about it.
const STAYS: [(&str, &str); 13] = [
    (
        "SSL support is not compiled in",
        "This program was built without TLS for Postgres: build it with `--features postgres-tls`, or leave sslmode out of \
         database_url.",
    ),
    (
        "no encryption",
        "Where that server asks for TLS, this program has to be built with `--features postgres-tls`; otherwise a line in its \
         pg_hba.conf has to let this login in from here.",
    ),
    ("no pg_hba.conf entry", "A line in the server's pg_hba.conf has to let this login in from here."),
    ("server does not support SSL", "Switch TLS on in that server, or set sslmode=prefer in database_url."),
    ("certificate", "Correct sslmode or sslrootcert in database_url, or the server's certificate."),
    ("authentication failed", "Correct the user or the password in database_url."),
    ("no password supplied", "Put the password into database_url: postgres://USER:PASSWORD@HOST/DATABASE."),
    ("not permitted to log in", "Let the role log in (ALTER ROLE … LOGIN), or correct the user in database_url."),
    ("permission denied for database", "Let the role in there (GRANT CONNECT ON DATABASE … TO …)."),
    ("role \"", "Make that role on the server (CREATE ROLE … LOGIN PASSWORD …), or correct the user in database_url."),
    (
        "database \"",
        "Make that database on the server (CREATE DATABASE … OWNER …), or correct the name at the end of database_url.",
    ),
    ("Permission denied", "Let the user that Lumina runs as reach the server's socket."),
    ("invalid", CORRECT),
];

/// Where nothing better is known.
const CORRECT: &str = "Correct database_url.";

/// A database that will not let us in, and what to do; for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[error("The database at {place} cannot be used: {said}. {advice}")]
pub struct Unreachable {
    place: String,
    said: String,
    advice: &'static str,
}

/// Connects, however long the database takes to come up, and says every few seconds that it waits.
pub(super) fn connect(url: &str) -> Result<PgConnection, Unreachable> {
    let mut tries = 0_u32;
    let mut unclear: Option<Instant> = None;
    loop {
        #[expect(clippy::disallowed_methods, reason = "before there is a door")]
        let error = match PgConnection::establish(url) {
            Ok(connection) => return Ok(connection),
            Err(error) => error,
        };
        match verdict(&error) {
            Verdict::Passes => unclear = None,
            Verdict::Stays(advice) => return Err(Unreachable::new(url, &error, advice)),
            Verdict::Unclear(_) if unclear.get_or_insert_with(Instant::now).elapsed() < UNCLEAR => {}
            Verdict::Unclear(advice) => return Err(Unreachable::new(url, &error, advice)),
        }
        if tries.is_multiple_of(TRIES_PER_LINE) {
            tracing::warn!(error = one_line(&error), place = without_password(url), "waiting for the database");
        }
        tries = tries.wrapping_add(1);
        std::thread::sleep(PAUSE);
    }
}

/// Connects if the database answers within ten seconds.
pub(super) fn connect_once(url: &str) -> Result<PgConnection, Unreachable> {
    let and = if url.contains('?') { '&' } else { '?' };
    #[expect(clippy::disallowed_methods, reason = "to see whether there is a door")]
    PgConnection::establish(&format!("{url}{and}connect_timeout=10")).map_err(|error| {
        let advice = match verdict(&error) {
            Verdict::Stays(advice) => advice,
            Verdict::Passes | Verdict::Unclear(_) => "Start it, or correct database_url.",
        };
        Unreachable::new(url, &error, advice)
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is not there yet, or busy.
    Passes,
    /// It will say the same tomorrow.
    Stays(&'static str),
    /// The server speaks another language, or one of several is not there yet and another will not let us in.
    Unclear(&'static str),
}

/// What libpq begins each of its tries with, of which there is one for each host, and each address of it.
const TRY: &str = "connection to server ";

fn verdict(error: &ConnectionError) -> Verdict {
    let said = error.to_string();
    let mut tries = said.split(TRY).filter(|text| !text.trim().is_empty()).map(verdict_of_try);
    let first = tries.next().unwrap_or(Verdict::Unclear(CORRECT));
    tries.fold(first, Verdict::and)
}

fn verdict_of_try(said: &str) -> Verdict {
    if PASSES.iter().any(|sign| said.contains(sign)) {
        return Verdict::Passes;
    }
    let stays = STAYS.iter().find(|(sign, _)| said.contains(sign));
    stays.map_or(Verdict::Unclear(CORRECT), |(_, advice)| Verdict::Stays(advice))
}

impl Verdict {
    /// Of two tries. Who is not there yet may be the one that lets us in; but `localhost` has two addresses, and a server
    /// often listens on one of them alone.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Passes, Self::Passes) => Self::Passes,
            (Self::Stays(advice), Self::Stays(_)) => Self::Stays(advice),
            (Self::Stays(advice) | Self::Unclear(advice), _) | (_, Self::Stays(advice) | Self::Unclear(advice)) => {
                Self::Unclear(advice)
            }
        }
    }
}

impl Unreachable {
    fn new(url: &str, error: &ConnectionError, advice: &'static str) -> Self {
        Self { place: without_password(url), said: one_line(error), advice }
    }
}

/// libpq says one line for each address it tried.
fn one_line(error: &ConnectionError) -> String {
    let said = error.to_string();
    said.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end_matches('.')
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: &str) -> Verdict {
        verdict(&ConnectionError::BadConnection(said.to_owned()))
    }

    #[test]
    fn what_is_waited_for_is_what_may_pass() {
        let to = "connection to server at \"db\" (10.0.0.7), port 5432 failed:";
        for passes in [
            "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
            "FATAL:  the database system is starting up",
            "FATAL:  the database system is not yet accepting connections\nDETAIL:  Consistent recovery state has not been yet reached.",
            "FATAL:  sorry, too many clients already",
            "FATAL:  remaining connection slots are reserved for non-replication superuser connections",
            "timeout expired",
        ] {
            assert_eq!(of(&format!("{to} {passes}\n")), Verdict::Passes, "{passes}");
        }
        let socket = "connection to server on socket \"/run/.s.PGSQL.5432\" failed: No such file or directory\n\t\
                      Is the server running locally and accepting connections on that socket?\n";
        assert_eq!(of(socket), Verdict::Passes);
        assert_eq!(of("could not translate host name \"db\" to address: Name or service not known\n"), Verdict::Passes);
        for stays in [
            "FATAL:  password authentication failed for user \"lumina\"",
            "FATAL:  database \"lumina\" does not exist",
            "FATAL:  role \"lumina\" does not exist",
            "FATAL:  no pg_hba.conf entry for host \"10.0.0.1\", user \"lumina\", database \"lumina\", no encryption",
            "could not read root certificate file \"x.pem\": No such file or directory",
            "fe_sendauth: no password supplied",
        ] {
            assert!(matches!(of(&format!("{to} {stays}\n")), Verdict::Stays(_)), "{stays}");
        }
        let german = "FATAL:  Passwort-Authentifizierung für Benutzer »lumina« fehlgeschlagen";
        assert_eq!(of(&format!("{to} {german}\n")), Verdict::Unclear(CORRECT));
    }

    #[test]
    fn a_wrong_password_is_told_where_another_address_is_not_there() {
        let at =
            |ip: &str, said: &str| format!("connection to server at \"localhost\" ({ip}), port 5432 failed: {said}\n");
        let gone =
            at("::1", "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?");
        let wrong = at("127.0.0.1", "FATAL:  password authentication failed for user \"lumina\"");
        let busy = at("127.0.0.1", "FATAL:  too many connections for role \"lumina\"");
        let told = Verdict::Unclear("Correct the user or the password in database_url.");
        assert_eq!(of(&format!("{gone}{wrong}")), told);
        assert_eq!(of(&format!("{wrong}{gone}")), told);
        assert_eq!(of(&format!("{gone}{busy}")), Verdict::Passes);
        assert!(matches!(of(&format!("{wrong}{wrong}")), Verdict::Stays(_)));
    }
}
