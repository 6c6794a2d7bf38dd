//! The server's process: started, known to be ready, shut down; and the one a killed Lumina left behind, told apart
//! from a stranger and ended.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::PrivateError;
use super::account;
use super::cluster::Cluster;
use super::roles;

/// Settings that are ours to promise; everything else stays as in `postgresql.conf`, where its owner may tune it.
const SETTINGS: [&str; 10] = [
    "listen_addresses=",
    // Relative to the cluster's folder, so its length and the folders above do not matter to the server.
    "unix_socket_directories=.",
    "port=5432",
    "fsync=on",
    "full_page_writes=on",
    "shared_buffers=128MB",
    // Bounds what a crash leaves to replay: well under the five seconds a start may take.
    "max_wal_size=256MB",
    // Compiling a query costs more than any of our queries takes.
    "jit=off",
    // Clients hear of their errors themselves; the file is for starts, ends and crashes, and so stays small.
    "log_min_messages=log",
    "log_checkpoints=off",
];
/// How long a start may take while the process lives (replaying what a crash left).
const START_DEADLINE: Duration = Duration::from_secs(60);
/// For how long a server that ends at once is tried again: the children of one that was killed need a moment to notice
/// and let go of its memory.
const RETRY: Duration = Duration::from_secs(3);
/// Patience of an ordinary shutdown before the next harsher signal.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a left-over server: the whole start is to take less than five seconds. Nothing committed is lost by
/// impatience, only replayed.
const ORPHAN_PATIENCE: Duration = Duration::from_millis(2000);
/// Beyond this size the log is set aside at a start.
const LOG_LIMIT: u64 = 1 << 20;

/// A running server, our child.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts the server and waits until it takes connections. Ends a left-over one on the same files first.
    pub(super) fn start(cluster: &Cluster) -> Result<Self, PrivateError> {
        end_orphan(&cluster.folder)?;
        let begin = Instant::now();
        loop {
            let mut server = Self { child: spawn(cluster).map_err(PrivateError::at(&cluster.folder))? };
            while server.exited().is_none() {
                if says_ready(&cluster.folder, server.child.id()) {
                    return Ok(server);
                }
                if begin.elapsed() > START_DEADLINE {
                    server.stop();
                    return Err(did_not_start(&cluster.log));
                }
                thread::sleep(Duration::from_millis(10));
            }
            if begin.elapsed() > RETRY {
                return Err(did_not_start(&cluster.log));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// How it ended, when it did.
    pub(super) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Shuts it down: connections are closed, everything is written, nothing needs replaying.
    pub(super) fn stop(mut self) {
        if self.exited().is_none() {
            // Until it was waited for, the id is its own and cannot name another process.
            shut_down(Pid::from_child(&self.child), PATIENCE, || self.exited().is_some());
        }
    }
}

fn spawn(cluster: &Cluster) -> io::Result<Child> {
    let program = cluster.programs.path("postgres");
    let log = open_log(&cluster.log)?;
    let (mut command, seen_as, _inherited) = account::command(&program, &cluster.folder, cluster.account)?;
    command.arg("-c").arg(roles::access_setting(&seen_as));
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A group of its own: Ctrl-C in the terminal is for Lumina, which finishes its requests before it ends the
        // server.
        .process_group(0)
        .spawn()
}

fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LOG_LIMIT) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Fast shutdown, then the immediate one (the next start replays), then the end. `gone` says whether it worked.
fn shut_down(pid: Pid, patience: Duration, mut gone: impl FnMut() -> bool) {
    for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
        // An error means that there is nothing left to signal; `gone` is the judge.
        let _ = kill_process(pid, signal);
        let sent = Instant::now();
        while sent.elapsed() < patience {
            if gone() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Deals with what an earlier server left: a live one on these files is shut down. Its two lock files name a process; when
/// that number belongs to another by now (or to a dead one nobody has waited for), the file is removed, because Postgres
/// would take that process for a server and refuse to start. A number that names nothing is left to Postgres, which then
/// looks for surviving children as well. We hold the lock, so no second Lumina is in here.
pub(super) fn end_orphan(folder: &Path) -> Result<(), PrivateError> {
    for name in ["postmaster.pid", ".s.PGSQL.5432.lock"] {
        let path = folder.join(name);
        let Some(pid) = pid_in(&path) else { continue };
        if is_server_on(pid, folder) {
            tracing::warn!(pid = pid.as_raw_pid(), "shutting down a Postgres that outlived its Lumina");
            shut_down(pid, ORPHAN_PATIENCE, || !is_server_on(pid, folder));
        }
        let is_taken = test_kill_process(pid).is_ok() && !is_server_on(pid, folder);
        if is_taken
            && let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(PrivateError::at(&path)(error));
        }
    }
    Ok(())
}

/// The process a lock file of Postgres names in its first line.
fn pid_in(path: &Path) -> Option<Pid> {
    let text = fs::read_to_string(path).ok()?;
    // A server started by hand for one user (`postgres --single`) writes its number negative: that one is not ours.
    let pid = text.lines().next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    Pid::from_raw(pid)
}

/// Is `pid` a Postgres that works on these files? Its working folder is the cluster, whatever path it was given; a dead
/// process has none.
#[cfg(target_os = "linux")]
fn is_server_on(pid: Pid, folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let process = format!("/proc/{}", pid.as_raw_pid());
    let same_folder = match (fs::metadata(format!("{process}/cwd")), fs::metadata(folder)) {
        (Ok(theirs), Ok(ours)) => (theirs.dev(), theirs.ino()) == (ours.dev(), ours.ino()),
        _ => false,
    };
    same_folder && fs::read_to_string(format!("{process}/comm")).is_ok_and(|name| name.contains("postgres"))
}

/// Is `pid` a Postgres that works on these files? Its command line names them.
#[cfg(not(target_os = "linux"))]
fn is_server_on(pid: Pid, folder: &Path) -> bool {
    let pid = pid.as_raw_pid().to_string();
    let ps = std::process::Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid]).output();
    ps.is_ok_and(|ps| {
        let line = String::from_utf8_lossy(&ps.stdout).into_owned();
        line.contains("postgres") && line.contains(&*folder.to_string_lossy())
    })
}

/// Has the server with this id written that it takes connections? (The eighth line of its file, which `pg_ctl -w` reads
/// too.)
fn says_ready(folder: &Path, pid: u32) -> bool {
    fs::read_to_string(folder.join("postmaster.pid")).is_ok_and(|text| {
        let mut lines = text.lines();
        let ours = lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid);
        ours && lines.nth(6).map(str::trim) == Some("ready")
    })
}

fn did_not_start(log: &Path) -> PrivateError {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.split_at(lines.len().saturating_sub(8)).1.join("\n");
    PrivateError::DidNotStart { log: log.to_owned(), tail }
}
