//! What the commands beside `serve` may do to an instance, and to what is none.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::backup::{files, said};
use crate::support::binary::Binary;
use crate::support::kept::{Kept, command, output, write_settings};
use crate::support::s3::S3Server;
use crate::support::*;

/// The commands that look after an instance, with what they need.
const LOOKING_AFTER: [&[&str]; 14] = [
    &["migrate"],
    &["renditions"],
    &["user", "list"],
    &["user", "add", "alice", "alice@example.org"],
    &["user", "disable", "alice"],
    &["user", "enable", "alice"],
    &["user", "password", "alice"],
    &["user", "email", "alice", "new@example.org"],
    &["user", "delete", "alice"],
    &["user", "role", "alice", "admin"],
    &["doctor"],
    &["doctor", "--repair"],
    &["storage", "copy", "--to", "next.yaml"],
    &["backup", "backup"],
];

/// Those that make an instance, or need none.
const OTHERS: [&str; 4] = ["serve", "restore", "config", "help"];

/// The names in the list of commands that `--help` prints.
fn commands(of: &[&str]) -> BTreeSet<String> {
    let help = Binary::command().args(of).arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    let list = text.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    list.lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(Into::into)
        .collect()
}

#[test]
fn every_command_that_looks_after_an_instance_is_tried_on_none() {
    let names = |of: &[&str]| -> BTreeSet<String> {
        let under = LOOKING_AFTER.iter().filter(|arguments| arguments.starts_with(of));
        under.map(|arguments| arguments[of.len()].to_owned()).chain(["help".to_owned()]).collect()
    };
    assert_eq!(commands(&[]), names(&[]).into_iter().chain(OTHERS.map(Into::into)).collect());
    for group in ["user", "storage"] {
        let tried = names(&[group]);
        for name in commands(&[group]) {
            assert!(tried.contains(&name), "{group} {name} is not in the table of commands");
        }
    }
}

#[tokio::test]
async fn no_command_but_serve_makes_a_database_or_a_folder() {
    let target = S3Server::start();
    for arguments in LOOKING_AFTER {
        let folder = cluster::scratch();
        write_settings(&folder.path().join("next.yaml"), &folder.path().join("next"), Some(&target.config()));
        let mut lumina = Binary::command();
        lumina.args(arguments).current_dir(folder.path()).stdin(std::process::Stdio::null());
        let refused = output(lumina).await;
        let said = said(&refused);
        assert!(!refused.status.success(), "{arguments:?}: {said}");
        let looked_at = folder.path().join("data");
        for word in [looked_at.to_str().unwrap(), "--config FILE", "DATA_DIR", "lumina serve"] {
            assert!(said.contains(word), "{arguments:?} does not say {word}: {said}");
        }
        assert_eq!(files(folder.path()), [folder.path().join("next.yaml")], "{arguments:?}");
        assert!(!looked_at.exists(), "{arguments:?}");
    }
    assert!(files(&target.bucket()).is_empty(), "the bucket is marked");
}

/// `DATABASE_URL` names a database that nobody has used.
#[tokio::test]
async fn no_command_but_serve_and_migrate_makes_tables() {
    let kept = Kept::on_disk().await;
    let target = S3Server::start();
    let folder = cluster::scratch();
    write_settings(&folder.path().join("next.yaml"), &folder.path().join("next"), Some(&target.config()));
    for arguments in LOOKING_AFTER.into_iter().filter(|arguments| arguments[0] != "migrate") {
        let empty = Database::empty();
        let mut lumina = command(arguments, kept.app.data_dir(), None);
        lumina.current_dir(folder.path()).env("DATABASE_URL", empty.url()).stdin(std::process::Stdio::null());
        let refused = output(lumina).await;
        assert!(!refused.status.success(), "{arguments:?}: {}", said(&refused));
        let tables = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        assert_eq!(db::ask(&mut empty.connect(), tables), "0", "{arguments:?}");
        assert!(!folder.path().join("backup").exists(), "{arguments:?}");
    }
    assert!(files(&target.bucket()).is_empty(), "the bucket is marked");
}

/// The unprivileged user that every system has.
const NOBODY: u32 = 65534;

fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => all.extend(everything(&path)),
            path => all.push(path),
        }
    }
    all
}

#[tokio::test]
async fn what_root_does_for_a_service_of_another_user_is_that_users() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can become another user");
        return;
    }
    let folder = cluster::scratch();
    let (data_dir, to) = (folder.path().join("data"), folder.path().join("backup"));
    std::fs::create_dir(&data_dir).unwrap();
    chown(&data_dir, Some(NOBODY), Some(NOBODY)).unwrap();
    let lumina = Binary::start_as(NOBODY, &data_dir);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let photo = alice.upload(jpeg()).await;
    let object = |name: &str| data_dir.join(format!("photos/{}/{}/{name}", &photo.id[34..], photo.id));
    std::fs::remove_file(object("small.webp")).unwrap();
    let root = async |arguments: &[&str]| output(command(arguments, &data_dir, None)).await;
    for arguments in [vec!["renditions"], vec!["doctor", "--deep"], vec!["backup", to.to_str().unwrap()]] {
        let done = root(&arguments).await;
        assert!(done.status.success(), "{arguments:?}: {}", said(&done));
    }
    drop(lumina);
    // It starts the private database by itself.
    let done = root(&["user", "list"]).await;
    assert!(done.status.success(), "{}", said(&done));
    for path in everything(&data_dir).into_iter().chain(everything(&to)) {
        assert_eq!(std::fs::symlink_metadata(&path).unwrap().uid(), NOBODY, "{path:?}");
    }
    let lumina = Binary::start_as(NOBODY, &data_dir);
    alice.moved_to_base(&lumina.base).get(&photo.at("small")).await.assert_status(200);

    // What the service cannot read is not well, whoever asks.
    chown(object("original"), Some(0), Some(0)).unwrap();
    let examined = root(&["doctor", "--deep"]).await;
    assert!(!examined.status.success() && said(&examined).contains("cannot be read"), "{}", said(&examined));

    // A folder that root keeps for itself is not taken from root.
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let refused = root(&["backup", kept.to_str().unwrap()]).await;
    assert!(!refused.status.success() && said(&refused).contains("chown"), "{}", said(&refused));
}
