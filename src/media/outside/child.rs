//! The child's side: `lumina decode` puts limits on itself, then becomes the decoder.
//!
//! Setting limits between fork and exec takes `unsafe`; a program that sets its own and then replaces itself by another
//! does not. The limits stay, because exec keeps them.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::copy::{INPUT, PLANES, PNG};
use super::{Allowance, Program, SUBCOMMAND};

/// Address space of the decoder before any pixel: libraries, stacks of its threads.
pub(super) const BASE_MEMORY: u64 = 512 << 20;

/// Address space for each pixel of 8 bits that it decodes.
pub(super) const MEMORY_PER_PIXEL: u64 = 16;

/// CPU time for the smallest picture.
pub(super) const BASE_CPU_SECONDS: u64 = 10;

/// Pixels of 8 bits that a second of CPU is allowed for on top: 8 million were measured on a server, and small computers
/// are slower.
pub(super) const PIXELS_PER_CPU_SECOND: u64 = 2_400_000;

/// How much slower deep pixels are: old versions pack noise of 16 bits as tightly as they can, 0.6 million a second.
pub(super) const DEEP_IS_SLOWER: u64 = 8;

/// Stack of each of its threads, of which it starts one for each processor: 2 MiB instead of the usual 8.
const STACK: u64 = 2 << 20;

/// Open files at once: the libraries one after the other, input, output.
const OPEN_FILES: u64 = 32;

/// What the child reports when it could not even become the decoder. The decoder itself never ends with it.
pub(super) const NOT_STARTED: u8 = 126;

impl Program {
    /// The command that decodes [`INPUT`] to `output` in this folder. Its names are ours: no name that a sender chose
    /// comes near a command line.
    pub(super) fn command(&self, allowance: Allowance, folder: &Path, output: &str) -> Command {
        let mut command = Command::new(&self.launcher);
        command.arg(SUBCOMMAND);
        command.args([allowance.memory, allowance.cpu_seconds, allowance.file].map(|number| number.to_string()));
        command.arg(&self.path).args(&self.options).args([INPUT, output]);
        // Secrets and stray settings are none of its business. Each arena would reserve 64 MiB of address space.
        command.env_clear().env("LC_ALL", "C").env("MALLOC_ARENA_MAX", "2");
        command.current_dir(folder);
        command
    }
}

/// The subcommand [`SUBCOMMAND`], for Lumina's own use: bytes of memory, seconds of CPU, bytes of a file, then the
/// decoder and its arguments. Call it first thing in `main`, before there are threads. Returns only when it failed.
pub fn run_subcommand(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut number = || arguments.next()?.to_str()?.parse().ok();
    let allowance = || Some(Allowance { memory: number()?, cpu_seconds: number()?, file: number()? });
    let Some((allowance, program)) = { allowance }().zip(arguments.next()) else {
        eprintln!("lumina decode is for Lumina's own use.");
        return ExitCode::from(2);
    };
    let error = match restrict(allowance, Path::new(&program)) {
        Ok(()) => become_decoder(&program, arguments),
        Err(error) => error,
    };
    eprintln!("not started: {error}");
    ExitCode::from(NOT_STARTED)
}

fn become_decoder(program: &OsString, arguments: impl Iterator<Item = OsString>) -> io::Error {
    let mut command = Command::new(program);
    command.args(arguments);
    // The folder belongs to whom the decoder is to be.
    match std::fs::metadata(".") {
        Ok(folder) if rustix::process::geteuid().is_root() && folder.uid() != 0 => {
            command.uid(folder.uid()).gid(folder.gid());
        }
        Ok(_) => (),
        Err(error) => return error,
    }
    command.exec()
}

fn restrict(allowance: Allowance, program: &Path) -> io::Result<()> {
    let limit = |resource, most: u64| {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(io::Error::from)
    };
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, OPEN_FILES)?;
    limit(Resource::Stack, STACK)?;
    limit(Resource::Fsize, allowance.file)?;
    // At the first limit comes SIGXCPU, which can be caught; at the second SIGKILL.
    let cpu = Rlimit { current: Some(allowance.cpu_seconds), maximum: Some(allowance.cpu_seconds + 1) };
    setrlimit(Resource::Cpu, cpu)?;
    // macOS has this limit by name only; there the deadline and the memory pressure of the system remain.
    let memory = limit(Resource::As, allowance.memory);
    if cfg!(target_os = "linux") {
        memory?;
    }
    // Pages come first.
    let _ = rustix::process::nice(5);
    #[cfg(target_os = "linux")]
    linux::restrict(program)?;
    #[cfg(not(target_os = "linux"))]
    let _ = program;
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    //! What Linux can do beyond limits: no way to more rights, no other files, no network.

    use std::io;
    use std::path::Path;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
        path_beneath_rules,
    };
    use rustix::process::{Signal, set_parent_process_death_signal};

    use super::{INPUT, PLANES, PNG};

    /// Where programs and their libraries are: distributions, Homebrew, Nix, Guix.
    const SYSTEM: [&str; 11] = [
        "/usr",
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

    pub(super) fn restrict(program: &Path) -> io::Result<()> {
        // Who waits for us is gone: then nobody wants the result. (The kernel forgets this when we stop being root.)
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // When memory runs out after all, the server is not the one to go.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        rustix::thread::set_no_new_privs(true)?;
        sandbox(program).map_err(io::Error::other)
    }

    /// Landlock: from here on only the system's programs can be read, the photo too, and the result be written; no
    /// network, no signals to others. As much of it as this kernel knows, which before 5.13 is nothing.
    fn sandbox(program: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let abi = ABI::V6;
        let read = AccessFs::from_read(abi);
        let mut places = SYSTEM.map(Path::new).to_vec();
        places.extend(program.parent());
        Ruleset::default()
            .handle_access(AccessFs::from_all(abi))?
            .handle_access(AccessNet::from_all(abi))?
            .scope(Scope::from_all(abi))?
            .create()?
            .add_rules(path_beneath_rules(places, read))?
            .add_rule(PathBeneath::new(PathFd::new(INPUT)?, AccessFs::ReadFile))?
            .add_rule(PathBeneath::new(PathFd::new(PNG)?, AccessFs::WriteFile | AccessFs::Truncate))?
            .add_rule(PathBeneath::new(PathFd::new(PLANES)?, AccessFs::WriteFile | AccessFs::Truncate))?
            .restrict_self()?;
        Ok(())
    }
}
