//! Rows as `COPY … TO` writes them as text: <https://www.postgresql.org/docs/current/sql-copy.html>, "Text Format".

/// The values of a line without its newline; `None` is NULL. Nothing when the line is not as Postgres writes it.
pub fn values(line: &str) -> Option<Vec<Option<String>>> {
    line.split('\t').map(value).collect()
}

fn value(text: &str) -> Option<Option<String>> {
    if text == r"\N" {
        return Some(None);
    }
    let mut value = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        value.push(match letter {
            '\\' => match letters.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                '\\' => '\\',
                _ => return None,
            },
            '\r' | '\n' => return None,
            letter => letter,
        });
    }
    Some(Some(value))
}

/// Table and columns of a line `COPY schema.table (columns) FROM stdin;`.
pub fn begins(line: &str) -> Option<(String, Vec<String>)> {
    let rest = line.strip_prefix("COPY ")?.strip_suffix(") FROM stdin;")?;
    let (table, columns) = rest.split_once(" (")?;
    let columns: Option<Vec<_>> = columns.split(", ").map(name).collect();
    Some((qualified(table)?, columns?))
}

/// Name, value and whether that was given out, of a line `SELECT pg_catalog.setval('schema.sequence', 5, true);`.
pub fn sequence(line: &str) -> Option<(String, i64, bool)> {
    let rest = line.strip_prefix("SELECT pg_catalog.setval('")?.strip_suffix(");")?;
    let (sequence, rest) = rest.split_once("', ")?;
    let (value, is_called) = rest.split_once(", ")?;
    Some((qualified(sequence)?, value.parse().ok()?, is_called.parse().ok()?))
}

fn qualified(text: &str) -> Option<String> {
    let (schema, table) = text.split_once('.')?;
    name(schema)?;
    name(table)
}

/// A name, which may be quoted.
fn name(text: &str) -> Option<String> {
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-$".contains(letter);
    (!bare.is_empty() && bare.chars().all(is_plain)).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_postgres_writes_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(values("1\t\\N\t\ta\\tb\\\\c\\n"), Some(vec![some("1"), None, some(""), some("a\tb\\c\n")]));
        assert_eq!(values(r"\\N"), Some(vec![some(r"\N")]));
        assert_eq!(values(r"\\x41"), Some(vec![some(r"\x41")]));
        for foreign in [r"\", r"\x41", r"\101", r"\.", "a\r"] {
            assert_eq!(values(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn only_rows_of_a_table_begin_a_table() {
        let columns = vec!["id".to_owned(), "order".to_owned()];
        assert_eq!(begins(r#"COPY public.photos (id, "order") FROM stdin;"#), Some(("photos".into(), columns)));
        for foreign in [
            "COPY public.photos (id) FROM PROGRAM 'id';",
            "COPY public.photos (id) FROM '/etc/passwd';",
            "COPY public.photos (id) FROM stdin; DROP TABLE users;",
            "COPY public.photos (id) FROM stdin WHERE evil();",
            "COPY photos (id) FROM stdin;",
            "COPY public.photos FROM stdin;",
            "COPY public.photos (id) TO PROGRAM 'id'; -- (id) FROM stdin;",
            "COPY (SELECT evil()) (id) FROM stdin;",
            "copy public.photos (id) FROM stdin;",
        ] {
            assert_eq!(begins(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn only_a_plain_value_sets_a_sequence() {
        let line = "SELECT pg_catalog.setval('public.users_id_seq', 7, true);";
        assert_eq!(sequence(line), Some(("users_id_seq".into(), 7, true)));
        for foreign in [
            "SELECT pg_catalog.setval('public.users_id_seq', evil(), true);",
            "SELECT pg_catalog.setval('public.users_id_seq', 7, true); SELECT evil();",
            "SELECT pg_catalog.setval((SELECT evil()), 7, true);",
        ] {
            assert_eq!(sequence(foreign), None, "{foreign}");
        }
    }
}
