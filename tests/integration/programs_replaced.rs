//! Postgres's programs are replaced on disk under a running Lumina, as by an update of the system.
//!
//! Two copies of this machine's Postgres stand for the versions before and after. PATH leads to one by a link, and the
//! first loses its library of triggers when the link is turned to the second: sessions that the server forks from then on
//! cannot load it, as after Debian's update from 15.18 to 15.20.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::binary::Binary;
use crate::support::server::programs;
use crate::support::*;

struct Versions {
    folder: PathBuf,
    /// Where libraries are below a version's folder.
    libraries: PathBuf,
    binaries: PathBuf,
}

impl Versions {
    /// `None` where this machine's Postgres does not tell where its files are.
    fn new(folder: &Path) -> Option<Self> {
        let bin = programs();
        let asked = |what: &str| {
            let program = [bin.join("pg_config"), "pg_config".into()].into_iter().find_map(|program| {
                Command::new(program).arg(what).output().ok().filter(|output| output.status.success())
            });
            Some(PathBuf::from(String::from_utf8(program?.stdout).unwrap().trim()))
        };
        let (bin, libraries, share) = (asked("--bindir")?, asked("--pkglibdir")?, asked("--sharedir")?);
        let below = |path: &Path| path.strip_prefix("/").unwrap().to_owned();
        let (before, after) = (folder.join("before"), folder.join("after"));
        for (path, names) in [(&bin, &["postgres", "initdb"][..]), (&libraries, &[".so"]), (&share, &[""])] {
            copy(path, &before.join(below(path)), names);
        }
        let linked = Command::new("cp").arg("-rl").args([&before, &after]).status().unwrap();
        assert!(linked.success());
        // Files of their own where it matters.
        for path in [after.join(below(&bin)).join("postgres"), after.join(below(&libraries)).join("plpgsql.so")] {
            let copied = path.with_extension("copied");
            fs::copy(&path, &copied).unwrap();
            fs::rename(copied, path).unwrap();
        }
        let versions = Self { folder: folder.to_owned(), libraries: below(&libraries), binaries: below(&bin) };
        versions.turn_to("before");
        Some(versions)
    }

    fn turn_to(&self, version: &str) {
        let (new, current) = (self.folder.join("new"), self.folder.join("current"));
        std::os::unix::fs::symlink(self.folder.join(version).join(&self.binaries), &new).unwrap();
        fs::rename(new, current).unwrap();
    }

    fn library(&self, version: &str) -> PathBuf {
        self.folder.join(version).join(&self.libraries).join("plpgsql.so")
    }

    /// Puts another file in the library's place, as package managers do.
    fn damage(&self, version: &str) {
        let library = self.library(version);
        fs::rename(&library, library.with_extension("whole")).unwrap();
        fs::write(library, "not a library").unwrap();
    }

    fn mend(&self, version: &str) {
        let library = self.library(version);
        fs::rename(library.with_extension("whole"), library).unwrap();
    }

    fn start(&self, data_dir: &Path) -> Binary {
        let path = format!("{}:{}", self.folder.join("current").display(), std::env::var("PATH").unwrap_or_default());
        Binary::start_with(data_dir, &[("PATH", path.as_str())])
    }
}

/// The files with one of these endings, and folders.
fn copy(from: &Path, to: &Path, endings: &[&str]) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            if endings == [""] {
                copy(&entry.path(), &to.join(name), endings);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

fn server(data_dir: &Path) -> i32 {
    let file = fs::read_to_string(data_dir.join("postgres/postmaster.pid")).unwrap_or_default();
    file.lines().next().and_then(|pid| pid.parse().ok()).unwrap_or(0)
}

/// Ends the sessions that Lumina keeps, so that what comes next needs new ones.
fn end_sessions(server: i32) {
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| fs::read_to_string(process.path().join(name)).unwrap_or_default();
        let stat = read("stat");
        let child = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&server.to_string()));
        if child && read("cmdline").contains("lumina lumina") {
            let pid = Pid::from_raw(process.file_name().to_str().unwrap().parse().unwrap()).unwrap();
            kill_process(pid, Signal::TERM).unwrap();
        }
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_update_of_postgres_under_a_running_server_fails_no_request() {
    let folder = cluster::scratch();
    let Some(versions) = Versions::new(folder.path()) else { return eprintln!("SKIPPED: no pg_config") };
    let data_dir = folder.path().join("data");
    let lumina = versions.start(&data_dir);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let before = server(&data_dir);

    versions.damage("before");
    versions.turn_to("after");
    end_sessions(before);
    let uploads = join_all((0..6).map(|_| alice.upload(png())));
    let health = async { lumina.visitor().get("/health").await.assert_status(200) };
    tokio::join!(uploads, health);
    assert_ne!(server(&data_dir), before, "it runs from the new programs");

    // Nobody needs a new session: it is started again all the same, and nobody notices.
    let before = server(&data_dir);
    versions.mend("before");
    versions.turn_to("before");
    until("it was not started again", async || {
        alice.upload(png()).await;
        ![before, 0].contains(&server(&data_dir))
    })
    .await;
    alice.upload(png()).await;
}

#[tokio::test]
async fn health_asks_for_what_uploads_need_and_comes_back_by_itself() {
    let folder = cluster::scratch();
    let Some(versions) = Versions::new(folder.path()) else { return eprintln!("SKIPPED: no pg_config") };
    let data_dir = folder.path().join("data");
    let lumina = versions.start(&data_dir);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    versions.damage("before");
    end_sessions(server(&data_dir));
    // No restart mends that.
    until("health says that all is well", async || lumina.visitor().get("/health").await.status == 503).await;
    let metrics = lumina.visitor().get("/metrics").await.text();
    assert!(metrics.contains("lumina_database_up 0\n"), "{metrics}");
    let doctor = Binary::command().env("DATA_DIR", &data_dir).arg("doctor").output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success() && said.contains("WRONG  writing"), "{said}");

    versions.mend("before");
    until("it does not come back", async || lumina.visitor().get("/health").await.status == 200).await;
    alice.upload(png()).await;
    assert!(lumina.visitor().get("/metrics").await.text().contains("lumina_database_up 1\n"));
}
