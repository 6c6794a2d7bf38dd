//! Looked at from outside: by programs that know nothing of Lumina but its description, and by a parser of Prometheus's.
//!
//! They are Python's, in `target/python`, where `./dev test` puts them. `LUMINA_SCHEMATHESIS=SECONDS cargo test …` lets
//! schemathesis go on for longer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::*;

const LONGER: &str = "LUMINA_SCHEMATHESIS";

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python"))
}

fn program(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let path = target.join("python/bin").join(name);
    assert!(path.exists(), "{} is missing: ./dev test installs it", path.display());
    path
}

/// Runs one of them in a folder of its own, and ends the test when it finds something.
async fn run(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program(name));
    // Of the programs beside it, too.
    let path = format!("{}:{}", program("").display(), std::env::var("PATH").unwrap_or_default());
    command.args(arguments).current_dir(folder.path()).env_clear().env("PATH", path).env("NO_COLOR", "1");
    command.env("HOME", folder.path()).env("COLUMNS", "160").envs(environment.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
    output
}

#[tokio::test]
async fn the_description_is_valid() {
    let app = TestApp::start().await;
    let description = app.visitor().get("/api/v1/openapi.json").await.assert_status(200);
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), description.bytes).unwrap();
    run("openapi-spec-validator", &["--schema", "3.1", file.path().to_str().unwrap()], &[]).await;
}

/// Everything the description allows, and what it does not, at every call.
async fn schemathesis(app: &TestApp, arguments: &[&str]) {
    let config = folder().join("schemathesis.toml");
    let description = format!("{}/api/v1/openapi.json", app.base());
    let longer = std::env::var(LONGER).ok().map(|seconds| format!("--max-time={seconds}"));
    let mut all = vec!["--config-file", config.to_str().unwrap(), "run", &description, "--checks", "all"];
    match &longer {
        Some(longer) => all.push(longer),
        None => all.push("--generation-deterministic"),
    }
    all.extend(arguments);
    run("schemathesis", &all, &[]).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_when_nobody_is_signed_in() {
    let app = TestApp::start().await;
    app.user("alice").await;
    schemathesis(&app, &[]).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_when_somebody_is_signed_in() {
    let app = TestApp::start().await;
    let browser = app.user("alice").await;
    browser.upload_tagged(jpeg(), "sea").await;
    let alice = app.program_of("alice").await;
    let header = format!("Authorization:Bearer {}", alice.access);
    // Logging out is tried when nobody is signed in: here nothing would be left to try.
    schemathesis(&app, &["--header", &header, "--exclude-operation-id", "logOut"]).await;
}

/// Made from the description alone, a client does what people do.
#[tokio::test]
async fn a_generated_client_registers_uploads_lists_filters_and_deletes() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("openapi.json"), app.visitor().get("/api/v1/openapi.json").await.bytes).unwrap();
    std::fs::write(at("a.jpg"), jpeg()).unwrap();
    std::fs::write(at("b.png"), png()).unwrap();
    let (description, client) = (at("openapi.json"), at("lumina_client"));
    let generate = ["generate", "--path", &description, "--output-path", &client, "--meta", "none"];
    let said = run("openapi-python-client", &[&generate[..], &["--fail-on-warning"]].concat(), &[]).await;
    assert!(!String::from_utf8_lossy(&said.stdout).contains("WARNING"), "{said:?}");
    let script = self::folder().join("client.py");
    let environment = [("PYTHONPATH", folder.path().to_str().unwrap()), ("LUMINA", app.base())];
    run("python", &[script.to_str().unwrap(), &at("a.jpg"), &at("b.png")], &environment).await;
}
