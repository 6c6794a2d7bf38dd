//! Who may do what in the private Postgres: one role can log in, Lumina's own, which owns its database and nothing else.
//!
//! A superuser of Postgres can run any program and read any file as the server's account, so nobody is one who comes by the
//! socket: neither who finds a fault in one of our queries, nor a decoder that was taken over and reached the socket after
//! all. Lumina's role shows a password, which is in `data_dir/postgres_password` (mode 0600). What takes a superuser is done
//! here, before the server runs: `postgres --single` works on the files alone and listens to nobody else.
//!
//! Older versions were the superuser `lumina`, and let everybody in. The start renames that role, makes an ordinary one of
//! the old name, and gives it all that the old one owned. `pg_hba.conf` stays as it is and is not used: which roles are let in
//! is in `lumina_hba.conf`, whose presence says that all of this is done.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rand::distr::{Alphanumeric, SampleString};

use super::PrivateError;
use super::account;
use super::cluster::Cluster;

/// The name of Lumina's role, and of its database.
pub(super) const LUMINA: &str = "lumina";

/// The one who owns what is not Lumina's, and cannot log in.
pub(super) const SUPERUSER: &str = "lumina_superuser";

/// Who is let in, in the database's folder.
const ACCESS: &str = "lumina_hba.conf";

/// The first line that applies decides; where none does, nobody is let in.
const WHO_IS_LET_IN: &str =
    "# Written by Lumina, which uses this file instead of pg_hba.conf.\nlocal all lumina scram-sha-256\n";

/// The letters and digits of a password: 190 bits.
const LENGTH: usize = 32;

/// In the database `postgres`, a statement a line. The first may fail: the database is there.
const MAKE_ROLES: &str = "\
CREATE DATABASE lumina
SET exit_on_error = on
UPDATE pg_authid SET rolname = 'lumina_superuser' WHERE oid = 10 AND rolname = 'lumina'
DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lumina') THEN CREATE ROLE lumina; END IF; END $$
SET password_encryption = 'scram-sha-256'
ALTER ROLE lumina LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{password}'
ALTER DATABASE lumina OWNER TO lumina
";

/// In the database `lumina`: gives what the superuser (10) owns there to Lumina, but what is Postgres's own or an
/// extension's. Sequences and types of a table go with it.
const GIVE_EVERYTHING: &str = "
DO $$ DECLARE change text; BEGIN
FOR change IN
SELECT format('SCHEMA %I', nspname) FROM pg_namespace
WHERE nspowner = 10 AND nspname !~ '^pg_' AND nspname <> 'information_schema'
UNION ALL SELECT format('TABLE %I.%I', nspname, relname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relowner = 10 AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('a', 'i', 'e'))
UNION ALL SELECT format('ROUTINE %s', pg_proc.oid::regprocedure) FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
WHERE proowner = 10 AND nspname !~ '^pg_' AND nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
UNION ALL SELECT format('TYPE %s', pg_type.oid::regtype) FROM pg_type JOIN pg_namespace ON pg_namespace.oid = typnamespace
WHERE typowner = 10 AND typtype IN ('e', 'd', 'r') AND nspname !~ '^pg_' AND nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = pg_type.oid AND deptype = 'e')
LOOP EXECUTE 'ALTER ' || change || ' OWNER TO lumina'; END LOOP; END $$
";

/// The file with Lumina's password, as libpq reads it.
pub(super) fn password_file(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres_password")
}

/// The setting that makes the server use our list, where the server sees the database's folder.
pub(super) fn access_setting(folder: &Path) -> OsString {
    let mut setting = OsString::from("hba_file=");
    setting.push(folder.join(ACCESS));
    setting
}

/// Gives Lumina its database and role in the new files in `folder`, which nobody uses yet.
pub(super) fn make(cluster: &Cluster, folder: &Path, data_dir: &Path) -> Result<(), PrivateError> {
    let password = password(data_dir)?;
    // The files are put on disk afterwards.
    run(cluster, folder, "postgres", &MAKE_ROLES.replace("{password}", &password), &["fsync=off"])?;
    let_in(cluster, folder)
}

/// Does the same in files of an older version, or ones whose password was lost, unless it was done. No server may run.
pub(super) fn establish(cluster: &Cluster, data_dir: &Path) -> Result<(), PrivateError> {
    let folder = &cluster.folder;
    let done = fs::read_to_string(folder.join(ACCESS)).is_ok_and(|text| text == WHO_IS_LET_IN);
    if done && read_password(data_dir).is_some() {
        return Ok(());
    }
    tracing::info!("giving Lumina a role of its own in the private database");
    let password = password(data_dir)?;
    run(cluster, folder, "postgres", &MAKE_ROLES.replace("{password}", &password), &[])?;
    give_everything(cluster)?;
    let_in(cluster, folder)
}

fn give_everything(cluster: &Cluster) -> Result<(), PrivateError> {
    let statement = GIVE_EVERYTHING.trim().replace('\n', " ");
    run(cluster, &cluster.folder, LUMINA, &statement, &["exit_on_error=on", "search_path=pg_catalog"])
}

/// Runs statements, one a line, as the superuser of the database's files, which nobody else may be using.
pub(super) fn run(
    cluster: &Cluster,
    folder: &Path,
    database: &str,
    statements: &str,
    settings: &[&str],
) -> Result<(), PrivateError> {
    let program = cluster.programs.path("postgres");
    let run = || {
        // `--single` is to be the first argument, before the folder.
        let (mut command, _, _inherited) = account::command_with(&program, &["--single"], folder, cluster.account)?;
        for setting in settings {
            command.args(["-c", setting]);
        }
        // A statement may hold the password.
        command.args(["-c", "log_min_error_statement=panic", database]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(statements.as_bytes()));
        let output = child.wait_with_output()?;
        // One that ended early says why.
        if output.status.success() { written.map(|()| output) } else { Ok(output) }
    };
    let output = run().map_err(PrivateError::at(&program))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = said.lines().filter(|line| !line.contains("LOG:")).collect::<Vec<_>>();
    Err(PrivateError::Roles(lines.join("\n")))
}

/// Writes down who is let in.
fn let_in(cluster: &Cluster, folder: &Path) -> Result<(), PrivateError> {
    let path = folder.join(ACCESS);
    write_whole(&path, WHO_IS_LET_IN).map_err(PrivateError::at(&path))?;
    cluster.account.map_or(Ok(()), |account| account.give(&path))
}

/// The password, which is made and kept when there is none.
fn password(data_dir: &Path) -> Result<String, PrivateError> {
    if let Some(password) = read_password(data_dir) {
        return Ok(password);
    }
    let password = Alphanumeric.sample_string(&mut rand::rng(), LENGTH);
    let path = password_file(data_dir);
    let write = || {
        // Server, port, database, role, password.
        write_whole(&path, &format!("*:*:*:{LUMINA}:{password}\n"))?;
        // Root may be working for whoever owns the folder.
        let owner = fs::metadata(data_dir)?;
        if rustix::process::geteuid().is_root() { chown(&path, Some(owner.uid()), Some(owner.gid())) } else { Ok(()) }
    };
    write().map_err(PrivateError::at(&path))?;
    Ok(password)
}

fn read_password(data_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(password_file(data_dir)).ok()?;
    let password = text.trim_end().strip_prefix("*:*:*:lumina:")?;
    (password.len() == LENGTH && password.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| password.to_owned())
}

/// Mode 0600, and on disk, wholly or not at all.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let _ = fs::remove_file(&partial);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
