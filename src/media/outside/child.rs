//! The child's side: `lumina decode` puts limits on itself, then becomes the decoder.
//!
//! Setting limits between fork and exec takes `unsafe`; a program that sets its own and then replaces itself by another
//! does not. The limits stay, because exec keeps them.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, setrlimit};
#[cfg(target_os = "linux")]
use rustix::process::{Signal, set_parent_process_death_signal};

use super::copy::INPUT;
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

/// Processes and threads that Linux can count at most (`PID_MAX_LIMIT`).
#[cfg(target_os = "linux")]
const MOST_PROCESSES: u64 = 4 << 20;

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
        let _ = writeln!(io::stderr(), "lumina decode is for Lumina's own use.");
        return ExitCode::from(2);
    };
    let error = match restrict(allowance, Path::new(&program)) {
        Ok(()) => become_decoder(&program, arguments),
        Err(error) => error,
    };
    let _ = writeln!(io::stderr(), "not started: {error}");
    ExitCode::from(NOT_STARTED)
}

fn become_decoder(program: &OsString, arguments: impl Iterator<Item = OsString>) -> io::Error {
    let mut command = Command::new(program);
    command.args(arguments);
    // Linux has done so before it closed the way to it.
    #[cfg(not(target_os = "linux"))]
    if let Ok(folder) = std::fs::metadata(".")
        && rustix::process::geteuid().is_root()
        && folder.uid() != 0
    {
        command.uid(folder.uid()).gid(folder.gid());
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
    {
        // When memory runs out after all, the server is not the one to go.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        become_owner_of_folder()?;
        // Who waits for us is gone: then nobody wants the result. (The kernel forgets this when we stop being root.)
        set_parent_process_death_signal(Some(Signal::KILL))?;
        limit_threads()?;
        super::sandbox::enter(program).map_err(io::Error::other)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = program;
    Ok(())
}

/// Root goes on as whom the folder belongs to. There is one thread, so that the thread's identity is the process's.
#[cfg(target_os = "linux")]
fn become_owner_of_folder() -> io::Result<()> {
    use rustix::process::{Gid, Uid};
    let folder = std::fs::metadata(".")?;
    if rustix::process::geteuid().is_root() && folder.uid() != 0 {
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_gid(Gid::from_raw(folder.gid()))?;
        rustix::thread::set_thread_uid(Uid::from_raw(folder.uid()))?;
    }
    Ok(())
}

/// Leaves this account room for so many more threads than it has now that no decoder lacks one, and that one which starts
/// thread after thread leaves some to others. (Processes it cannot start.) The kernel counts them by account, over containers
/// too, and does not tell: what it has now is found out by trying.
#[cfg(target_os = "linux")]
fn limit_threads() -> io::Result<()> {
    // One for each processor and decoder, and those that Lumina and others of this account start meanwhile.
    let processors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let room = 1024 + 2 * processors * processors;
    let maximum = rustix::process::getrlimit(Resource::Nproc).maximum.unwrap_or(MOST_PROCESSES).min(MOST_PROCESSES);
    let set = |current| setrlimit(Resource::Nproc, Rlimit { current: Some(current), maximum: Some(maximum) });
    let (mut too_few, mut enough) = (0, maximum);
    while too_few + 1 < enough {
        let tried = too_few.midpoint(enough);
        set(tried)?;
        match std::thread::Builder::new().stack_size(64 << 10).spawn(|| ()).map(std::thread::JoinHandle::join) {
            Ok(_) => enough = tried,
            Err(_) => too_few = tried,
        }
    }
    let limit = Some(maximum.min(enough + room));
    Ok(setrlimit(Resource::Nproc, Rlimit { current: limit, maximum: limit })?)
}
