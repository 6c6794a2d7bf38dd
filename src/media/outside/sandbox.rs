//! What Linux can do beyond limits: no other files (Landlock), and only the system calls that decoding takes (seccomp).
//!
//! seccomp is in every kernel that distributions have shipped for ten years, and closes all sockets, other processes and
//! whatever is not needed. Which file a call is about it cannot know; that is Landlock's, as much of it as this kernel has:
//! files since 5.13, truncating them since 6.2. Landlock's own bans of TCP (6.7), of signals and abstract sockets (6.12) and
//! of sockets with a path (7.1) come on top. [`look`] tells what this kernel enforces.

use std::fs::File;
use std::io;
use std::net::UdpSocket;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};

use super::copy::{INPUT, PLANES, PNG};
use super::system_calls;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The newest Landlock asked for; of that, the kernel gives what it has.
const NEWEST: ABI = ABI::V9;

/// Where programs and their libraries are: distributions, Homebrew, Nix, Guix. Not all of `/usr`, as people keep data below
/// `/usr/local`.
const SYSTEM: [&str; 20] = [
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/share",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/share",
    "/lib",
    "/lib64",
    "/lib32",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/ld-musl-x86_64.path",
    "/home/linuxbrew/.linuxbrew",
    "/nix/store",
    "/gnu/store",
    "/dev/null",
];

/// Closes everything else to this process, from here on and for whatever it becomes: the system's programs and the photo
/// can be read, the result be written.
pub(super) fn enter(program: &Path) -> Result<(), Failure> {
    rustix::thread::set_no_new_privs(true)?;
    let write = AccessFs::WriteFile | AccessFs::Truncate;
    let of_program = program.parent().filter(|folder| !folder.as_os_str().is_empty());
    system_files(of_program)?
        .add_rule(beneath(INPUT, AccessFs::ReadFile.into())?)?
        .add_rule(beneath(PNG, write)?)?
        .add_rule(beneath(PLANES, write)?)?
        .restrict_self()?;
    system_calls::restrict(std::process::id())?;
    Ok(())
}

fn system_files(program: Option<&Path>) -> Result<RulesetCreated, Failure> {
    let places = SYSTEM.iter().map(Path::new).chain(program);
    Ok(Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(places, AccessFs::from_read(NEWEST)))?)
}

fn beneath(name: &str, access: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, Failure> {
    Ok(PathBeneath::new(PathFd::new(name)?, access))
}

/// What of the sandbox this kernel enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforced {
    /// Files other than those of the photo and of the system stay closed.
    pub files: bool,
    /// So does all that takes another system call: sockets, processes.
    pub system_calls: bool,
}

/// Tries it: a thread of its own goes in, and attempts what is forbidden there.
///
/// # Errors
/// When the kernel refuses what it ought to have; then no decoder is started either.
pub fn look() -> io::Result<Enforced> {
    let inside = || -> Result<Enforced, Failure> {
        let outside = UdpSocket::bind("127.0.0.1:0").is_ok();
        let landlock = system_files(None)?.restrict_self()?;
        let files = landlock.ruleset != RulesetStatus::NotEnforced && File::open("/proc/self/stat").is_err();
        let filtered = system_calls::restrict(std::process::id())?;
        let system_calls = filtered && outside && UdpSocket::bind("127.0.0.1:0").is_err();
        Ok(Enforced { files, system_calls })
    };
    let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn(inside)?;
    thread.join().map_err(|_| io::Error::other("it panicked"))?.map_err(io::Error::other)
}
