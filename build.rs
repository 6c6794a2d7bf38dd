//! Tells the program which commit it was built from: `LUMINA_COMMIT` (an image's build argument), else what git says, else
//! nothing. Only a release asks git: a build for tests would be made anew after every commit.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LUMINA_COMMIT");
    let given = std::env::var("LUMINA_COMMIT").ok().filter(|commit| !commit.is_empty());
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match given {
        Some(commit) => commit,
        None if is_release => commit_of_git().unwrap_or_default(),
        None => "debug build".to_owned(),
    };
    let commit = if commit.is_empty() { commit } else { format!(" ({commit})") };
    println!("cargo::rustc-env=LUMINA_BUILD={commit}");
}

fn commit_of_git() -> Option<String> {
    // Unpacked in somebody else's repository, the sources are not of its commits.
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let ours = std::env::var_os("CARGO_MANIFEST_DIR")?;
    if Path::new(&top).canonicalize().ok()? != Path::new(&ours).canonicalize().ok()? {
        return None;
    }
    // Changes with every commit and checkout.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={log}");
    git(&["describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
