//! A throwaway Postgres: made in a new folder, reached by a unix socket in it, without fsync, gone with its folder.
//!
//! Not Lumina's own private Postgres, because that one rightly insists on fsync, and dropping a test's database then takes
//! up to two seconds instead of thirty milliseconds.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use tempfile::TempDir;

/// A running throwaway server. Dropping it ends the server and removes its files.
pub struct Server {
    child: Option<Child>,
    folder: TempDir,
}

impl Server {
    /// Makes and starts a server in a new folder below `parent`, whose path must be short: the socket is in there.
    pub fn start(parent: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in(parent).unwrap();
        // Root hands its server to an account that must be able to walk in here; the data folder itself stays closed.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let data = folder.path().join("d");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        if let Some((uid, gid)) = unprivileged() {
            chown(&data, Some(uid), Some(gid)).unwrap();
        }
        let mut server = Self { child: None, folder };
        let initdb = server
            .command("initdb")
            .args(["--username=lumina", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .unwrap();
        assert!(initdb.status.success(), "{}", String::from_utf8_lossy(&initdb.stderr));
        server.start_again();
        server
    }

    /// Starts it on the files it has.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let child = self
            .command("postgres")
            .args(["-c", "listen_addresses=", "-c", "unix_socket_directories=."])
            // What was committed survives the server, though not the machine.
            .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
            .args(["-c", "max_connections=400", "-c", "shared_buffers=64MB", "-c", "autovacuum=off"])
            .args(["-c", "min_wal_size=32MB", "-c", "max_wal_size=128MB"])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begin = Instant::now();
        while PgConnection::establish(&self.url("postgres")).is_err() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(begin.elapsed() < Duration::from_secs(60), "Postgres does not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it at once, as a crash would (`pg_ctl stop -m immediate`).
    pub fn stop_at_once(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::QUIT).unwrap();
            child.wait().unwrap();
        }
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=lumina", self.folder.path().join("d").display())
    }

    /// The socket it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("d/.s.PGSQL.5432")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs().join(program));
        if let Some((uid, gid)) = unprivileged() {
            command.uid(uid).gid(gid);
        }
        command.arg("-D").arg(self.folder.path().join("d")).current_dir("/").env("LC_ALL", "C").env("TZ", "UTC");
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_at_once();
    }
}

/// The newest Postgres on this machine.
pub fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let pg_config = Command::new("pg_config").arg("--bindir").output().ok();
    let asked = pg_config.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().collect();
    debian.sort_by_key(|entry| std::cmp::Reverse(entry.file_name().to_string_lossy().parse::<u32>().unwrap_or(0)));
    std::env::split_paths(&path)
        .chain(asked)
        .chain(debian.into_iter().map(|entry| entry.path().join("bin")))
        .find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .expect("these tests need Postgres: ./dev test installs it")
}

/// Whom root hands its server to, as Postgres refuses root.
fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let account = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(|number| number.parse().unwrap());
        Some((fields.next()?, fields.next()?))
    };
    Some(account("postgres").or_else(|| account("nobody")).expect("a postgres or nobody user"))
}
