//! What a database's address looks like. libpq takes it apart, and what does not fit it quotes in its complaint: of a
//! password with an unescaped `@` or `/` in it, a part. So what libpq would take apart otherwise than its writer meant is
//! refused here, without quoting anything.

/// For the complaint.
pub(super) const ALLOWED: &str =
    "postgres://USER:PASSWORD@HOST/DATABASE, with %40 for @, %2F for / and %25 for % in the password";

/// Is it one, as libpq reads it?
pub(super) fn is_one(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) else {
        return false;
    };
    // As libpq: who logs in stands before the first @, if no slash comes earlier.
    let rest = match rest.split_once(['@', '/']) {
        Some((login, after)) if rest.get(login.len()..).is_some_and(|at| at.starts_with('@')) => after,
        _ => rest,
    };
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let is_parameter = |pair: &str| {
        pair.split_once('=').is_some_and(|(name, value)| {
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !value.contains('=')
        })
    };
    !place.contains('@')
        && !database.contains('/')
        && hosts.split(',').all(is_host)
        && parameters.split('&').all(|pair| parameters.is_empty() || is_parameter(pair))
        && is_escaped(text)
}

/// `name`, `name:5432`, `[::1]:5432`, or nothing.
fn is_host(text: &str) -> bool {
    let port = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((_, "")) => None,
            Some((_, port)) => port.strip_prefix(':'),
            None => return false,
        },
        None => text.split_once(':').map(|(_, port)| port),
    };
    port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok())
}

/// Does each `%` stand before two digits that make no NUL?
fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        after.get(..2).is_some_and(|digits| digits != "00" && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_libpq_would_take_apart_otherwise_is_none() {
        for good in [
            "postgres://lumina:password@db.example/lumina",
            "postgresql://lumina@db.example:5433/lumina?sslmode=require",
            "postgres:///lumina?host=/var/run/postgresql&user=lumina",
            "postgres://%2Fvar%2Frun%2Fpostgresql/lumina",
            "postgres://me:p%40ss%2Fw%3Frd@one:5432,two:5433/lumina?target_session_attrs=read-write",
            "postgres://me:p@[2001:db8::1]:5432/lumina",
            "postgres://db",
            "postgres://",
            "postgres:///lumina?user=me@server&password=x",
            "postgres://me:pass?w:rd@db/lumina",
        ] {
            assert!(is_one(good), "{good}");
        }
        for bad in [
            "mysql://me:hidden@db/lumina",
            "lumina",
            "postgres://me:p@ss@db/lumina",
            "postgres://me:p/ss@db/lumina",
            "postgres://me:12/34@db/lumina",
            "postgres://me:p@ss/w?rd@db:5432/lumina?sslmode=require",
            "postgres://me:100%@db/lumina",
            "postgres://me:p%00@db/lumina",
            "postgres://me:hidden@db:hidden/lumina",
            "postgres://me:p@db/lumina?sslmode",
            "postgres://me:p@db/lumina?Hidden/=x",
            "postgres://me:p@[::1/lumina",
            "postgres://me:#secret@x@db/lumina",
        ] {
            assert!(!is_one(bad), "{bad}");
        }
    }
}
