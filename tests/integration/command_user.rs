//! `lumina user …`: for those who are locked out, while the server runs and while it does not.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::binary::Binary;
use crate::support::{PASSWORD, TestApp, cluster};

/// Runs it with a line for the standard input; answers whether it went well, and all that it said.
fn lumina_user(settings: &[(&str, &str)], arguments: &[&str], line: &str) -> (bool, String) {
    let mut command = Binary::command();
    command.arg("user").args(arguments).envs(settings.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(line.is_empty() || !said.contains(line), "it repeats a password: {said}");
    (output.status.success(), said)
}

#[tokio::test]
async fn whoever_is_locked_out_gets_in_again_whether_or_not_the_server_runs() {
    let folder = cluster::scratch();
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let on = |arguments: &[&str], line: &str| run_on(&data_dir, arguments, line);

    // Only the server makes a library.
    drop(Binary::start(&data_dir));
    let said = on(&["add", "alice", "alice@example.org", "--full-name", "Alice A."][..], PASSWORD).unwrap();
    assert!(said.contains("alice has an account now, as admin"), "{said}");
    let mut server = Binary::start(&data_dir);
    let alice = server.visitor();
    alice.log_in("alice@example.org", PASSWORD).await.assert_status(303);
    assert!(on(&["add", "bob", "bob@example.org"][..], "another password").unwrap().contains("as user"));
    let bob = server.visitor();
    bob.log_in("bob", "another password").await.assert_status(303);

    on(&["disable", "BOB@example.org"][..], "").unwrap();
    assert!(!bob.is_signed_in().await, "out at the next request");
    bob.log_in("bob", "another password").await.assert_status(422);
    on(&["enable", "bob"][..], "").unwrap();
    assert!(!bob.is_signed_in().await, "what ended does not come back");
    on(&["password", "bob"][..], "a third password").unwrap();
    bob.log_in("bob", "another password").await.assert_status(422);
    bob.log_in("bob", "a third password").await.assert_status(303);

    let refused = on(&["role", "alice", "user"][..], "").unwrap_err();
    assert!(refused.contains("There is no other admin"), "{refused}");
    on(&["role", "bob", "admin"][..], "").unwrap();
    bob.get("/admin/people").await.assert_status(200);
    on(&["role", "alice", "user"][..], "").unwrap();
    alice.get("/admin/people").await.assert_status(404);

    server.terminate();
    assert!(server.wait().success());
    let listed = on(&["list"][..], "").unwrap();
    assert!(listed.contains("alice@example.org") && listed.contains("bob@example.org"), "{listed}");
    assert_eq!(listed.lines().filter(|line| line.contains(" active ")).count(), 2, "{listed}");
}

fn run_on(data_dir: &Path, arguments: &[&str], line: &str) -> Result<String, String> {
    let (done, said) = lumina_user(&[("DATA_DIR", data_dir.to_str().unwrap())], arguments, line);
    if done { Ok(said) } else { Err(said) }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_not_done() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let url = app.database_url().replace("postgres:///", "postgres://lumina@/").replace("&user=lumina", "");
    let settings = [("DATABASE_URL", url.as_str()), ("DATA_DIR", app.data_dir().to_str().unwrap())];
    let before = app.ask("SELECT string_agg(users::text, ',') FROM users");
    for (arguments, line, reason) in [
        (&["add", "a", "alice"][..], "short", "username: Use 3 to 50"),
        (&["add", "alice", "other@example.org"][..], PASSWORD, "already"),
        (&["add", "alicia", "ALICE@example.org"][..], PASSWORD, "already"),
        (&["add", "bob", "bob@example.org"][..], "", "password: Use at least 8"),
        (&["add", "bob", "bob@example.org", PASSWORD][..], PASSWORD, "unexpected argument"),
        (&["password", "alice"][..], "short", "Use at least 8"),
        (&["password", "nobody"][..], PASSWORD, "Nobody has this"),
        (&["disable", "alice"][..], "", "There is no other admin"),
        (&["role", "alice", "king"][..], "", "invalid value"),
        (&["enable", "bob"][..], "", "Nobody has this"),
    ] {
        let mut command = Binary::command();
        command.arg("user").args(arguments).envs(settings).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may have ended before it read anything.
        let _ = writeln!(child.stdin.take().unwrap(), "{line}");
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(reason), "{arguments:?}: {said}");
    }
    assert_eq!(app.ask("SELECT string_agg(users::text, ',') FROM users"), before);
}
