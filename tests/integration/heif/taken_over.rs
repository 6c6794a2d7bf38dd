//! A decoder that was taken over by a photo, under an account that owns all there is to be had: what it cannot do is what the
//! sandbox keeps it from.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::outside::landlock_works;

/// Whom the decoder and its victims run as when the tests run as root: nobody else.
const ACCOUNT: u32 = 65_531;

/// Attempts that no kernel without Landlock refuses: which file a call is about, seccomp cannot know.
const BY_FILE: [&str; 9] = [
    "read a secret",
    "list a folder",
    "read the system's settings",
    "write elsewhere",
    "write a new file here",
    "append to the photo",
    "another's memory",
    "another's memory as a file",
    "another's environment",
];

/// Left out of the trial without the sandbox: the account of a test, or this kernel, may have no right to it, or it would
/// take the machine down.
const NOT_WITHOUT: [&str; 12] = [
    "ptrace",
    "another's memory",
    "another's memory as a file",
    "a key",
    "clone3",
    "a new namespace",
    "io_uring",
    "set an attribute",
    "10 GB",
    "a core dump",
    "8 GB of memory",
    "ten thousand threads",
];

#[derive(serde::Deserialize)]
struct Report {
    open: Vec<String>,
    closed: BTreeMap<String, String>,
}

/// Everything that there is to be had.
struct Targets {
    folder: tempfile::TempDir,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    named: UnixListener,
    name: String,
    victim: Child,
}

impl Targets {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        let (work, others) = (folder.path().join("work"), folder.path().join("others"));
        for path in [&work, &others] {
            fs::create_dir(path).unwrap();
            give(path);
        }
        for name in ["photo.heif", "photo.png", "photo.y4m"] {
            fs::write(work.join(name), include_str!("attack.py")).unwrap();
            give(&work.join(name));
        }
        for name in ["secret_key", "note"] {
            fs::write(others.join(name), "secret").unwrap();
            give(&others.join(name));
        }
        let socket = folder.path().join("socket");
        let unix = UnixListener::bind(&socket).unwrap();
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).unwrap();
        let name = format!("lumina-test-{}", std::process::id());
        let named = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        named.set_nonblocking(true).unwrap();
        unix.set_nonblocking(true).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        tcp.set_nonblocking(true).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        let mut victim = Command::new("sleep");
        as_account(&mut victim).arg("600").env("SECRET", "secret").process_group(0);
        let victim = victim.spawn().unwrap();
        Self { folder, tcp, udp, unix, named, name, victim }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets the attacker try, in or out of the sandbox.
    fn attacked(&self, attempts: &[&str], sandbox: bool) -> Report {
        let there = json!({
            "attempts": attempts,
            "victim": self.victim.id(),
            "secret": self.path("others/secret_key"),
            "folder": self.path("others"),
            "tcp": self.tcp.local_addr().unwrap().port(),
            "udp": self.udp.local_addr().unwrap().port(),
            "unix": self.path("socket"),
            "abstract": self.name,
        });
        // The path to the program may be closed to that account; an open file is not.
        let lumina = rustix::io::dup(fs::File::open(env!("CARGO_BIN_EXE_lumina")).unwrap()).unwrap();
        let python = python();
        let mut command = if sandbox {
            let mut command = Command::new(format!("/proc/self/fd/{}", lumina.as_raw_fd()));
            command.args(["decode", "800000000", "20", "50000000"]).arg(&python);
            command
        } else {
            Command::new(&python)
        };
        as_account(&mut command).args(["-IS", "photo.heif"]).arg(there.to_string());
        let output = command.env_clear().current_dir(self.path("work")).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", output.status);
        // Before it, Python may complain of threads that found no memory.
        let report = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
        report.unwrap_or_else(|| panic!("{said}"))
    }

    /// Nobody has knocked at any of the sockets.
    fn assert_quiet(&self) {
        let nobody = |error: Option<io::Error>| assert_eq!(error.unwrap().kind(), io::ErrorKind::WouldBlock);
        nobody(self.tcp.accept().err());
        nobody(self.unix.accept().err());
        nobody(self.named.accept().err());
        nobody(self.udp.recv(&mut [0]).err());
    }
}

impl Drop for Targets {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

fn as_account(command: &mut Command) -> &mut Command {
    if rustix::process::geteuid().is_root() { command.uid(ACCOUNT).gid(ACCOUNT) } else { command }
}

fn give(path: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(ACCOUNT), Some(ACCOUNT)).unwrap();
    }
}

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The system's own, whose files the sandbox lets be read.
fn python() -> PathBuf {
    let places = ["/usr/bin/python3", "/usr/local/bin/python3"].map(PathBuf::from);
    places.into_iter().find(|path| path.is_file()).expect("this test needs Python: ./dev test installs it")
}

#[test]
fn a_decoder_that_was_taken_over_finds_every_way_out_closed() {
    let targets = Targets::new();
    let inside = targets.attacked(&[], true);
    let by_file = |name: &String| BY_FILE.contains(&name.as_str()) && !landlock_works();
    let open: Vec<_> = inside.open.iter().filter(|name| !by_file(name)).collect();
    assert!(open.is_empty(), "{open:?} are open; closed are {:#?}", inside.closed);
    targets.assert_quiet();
    for name in ["secret_key", "note"] {
        assert_eq!(fs::read(targets.path("others").join(name)).unwrap(), b"secret", "{name}");
    }
    assert_eq!(fs::metadata(targets.path("others/secret_key")).unwrap().permissions().mode() & 0o777, 0o644);
    let written: u64 =
        fs::read_dir(targets.path("work")).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(written < 110_000_000, "{written} bytes");
    let victim = targets.victim.id();
    let mut state = String::new();
    fs::File::open(format!("/proc/{victim}/stat")).unwrap().read_to_string(&mut state).unwrap();
    assert!(state.contains(") S "), "the victim sleeps on: {state}");

    // And they are ways: without the sandbox the same attempts succeed.
    let attempts: Vec<_> =
        inside.closed.keys().map(String::as_str).filter(|name| !NOT_WITHOUT.contains(name)).collect();
    fs::write(targets.path("work/photo.heif"), include_str!("attack.py")).unwrap();
    let outside = targets.attacked(&attempts, false);
    assert!(outside.closed.is_empty(), "{:#?}", outside.closed);
    assert!(outside.open.len() > 25, "{:?}", outside.open);
}
