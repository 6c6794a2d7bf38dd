//! Commands beside the server: which instance they find, from wherever they are run.

use std::process::Command;

use crate::support::binary::Binary;
use crate::support::*;

/// In a folder of somebody else, told of the instance by a file or by the environment.
fn command(elsewhere: &std::path::Path, file: Option<&std::path::Path>, data_dir: &std::path::Path) -> Command {
    let mut command = Binary::command();
    command.current_dir(elsewhere);
    match file {
        Some(file) => command.arg("--config").arg(file),
        None => command.env("DATA_DIR", data_dir),
    };
    command
}

#[tokio::test]
async fn every_command_finds_the_private_database_while_the_server_runs_and_while_it_does_not() {
    let folder = cluster::scratch();
    let (data_dir, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
    std::fs::create_dir(&elsewhere).unwrap();
    let file = folder.path().join("lumina.yaml");
    std::fs::write(&file, format!("data_dir: {data_dir:?}\n")).unwrap();
    let next = folder.path().join("next.yaml");
    let mut server = Some(Binary::start(&data_dir));
    let alice = server.as_ref().unwrap().visitor();
    alice.register("alice").await.assert_status(303);
    alice.upload(jpeg()).await;
    for runs in [true, false] {
        if !runs {
            drop(server.take());
        }
        for file in [Some(file.as_path()), None] {
            let way = format!("{}-{runs}", if file.is_some() { "file" } else { "environment" });
            let (backup, copy) =
                (folder.path().join(format!("backup-{way}")), folder.path().join(format!("copy-{way}")));
            std::fs::write(&next, format!("data_dir: {copy:?}\n")).unwrap();
            let (backup, next) = (backup.display().to_string(), next.display().to_string());
            for (arguments, says) in [
                (&["user", "list"][..], "alice"),
                (&["doctor"], "all is well"),
                (&["renditions"], ""),
                (&["backup", &backup], "1 photos"),
                (&["storage", "copy", "--to", &next], ""),
            ] {
                let mut command = command(&elsewhere, file, &data_dir);
                command.args(arguments);
                let output = kept::output(command).await;
                let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
                assert!(output.status.success() && said.contains(says), "{way} {arguments:?}: {said}");
            }
        }
    }
    let left: Vec<_> = std::fs::read_dir(&elsewhere).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
