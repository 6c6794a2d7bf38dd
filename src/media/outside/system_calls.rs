//! The system calls that a decoder may make; all others answer "not implemented" (seccomp, Linux 3.17 or newer).
//!
//! A list of what is allowed, because nobody can list what is dangerous: sockets, other processes, io_uring, System V IPC, mounts, `chmod`, `rename` and
//! whatever the next kernel brings are closed by not being here. "Not implemented" rather than death, because libraries try
//! what is new or optional and go on without it: glibc starts threads by `clone` where `clone3` is missing (`clone3` takes
//! its flags from memory, which no filter can read), and libnuma finds no memory to place.
//!
//! Traced with libheif 1.15 and its codecs (libde265, dav1d, aom); the rest is what glibc and musl may use for the same.

use libc::c_long;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// Those that are harmless whatever their arguments are.
const ALLOWED: &[c_long] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Files: which ones is Landlock's business. Nothing that renames, links, removes or changes modes and owners.
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
    // Threads; `clone` is below.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    // Signals; sending them is below.
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Clocks, and questions about the machine and itself.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_nanosleep,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_uname,
    // Becoming the decoder. It may become another of the system's programs, which then is in here in its place.
    libc::SYS_execve,
];

/// The older forms, which only this processor still has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_stat,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// What `clone` may not ask for: anything but a thread in this process and these namespaces.
const THREAD_OR_ELSE: u64 = (libc::CLONE_THREAD
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// How files may be opened: each is a mask of `open`'s flags and what they have to be under it. Landlock sees neither the
/// fourth access mode, which takes no right at all, nor before Linux 6.2 that a file is emptied by opening it: together these
/// would empty any file. To write a file takes a right that Landlock knows.
const OPENING: [(i32, i32); 3] = [
    (libc::O_ACCMODE | libc::O_TRUNC, libc::O_RDONLY),
    (libc::O_ACCMODE, libc::O_WRONLY),
    (libc::O_ACCMODE, libc::O_RDWR),
];

/// Of what `fcntl` can do, copying descriptors and asking about them: it can also have signals sent to any process.
const DESCRIPTORS: [i32; 5] = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL];

/// Of what `ioctl` can do, what `F_SETFD` can: `FIOCLEX` and `FIONCLEX`, whose type differs between C libraries.
const ON_EXEC: [u64; 2] = [0x5451, 0x5450];

/// Of what `prctl` can do, names of threads and (glibc 2.37) of memory.
const NAMES: [i32; 3] = [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_VMA];

/// Leaves the calling thread, and what it will start or become, these calls alone; false where this processor is not known
/// to the library that makes the filter.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn restrict(own_id: u32) -> Result<bool, Error> {
    match TargetArch::try_from(std::env::consts::ARCH) {
        Ok(processor) => apply_filter(&filter(processor, own_id)?).map(|()| true),
        Err(_) => Ok(false),
    }
}

fn filter(processor: TargetArch, own_id: u32) -> Result<BpfProgram, Error> {
    let mut rules: std::collections::BTreeMap<_, _> =
        ALLOWED.iter().chain(OLDER).map(|&call| (call, Vec::new())).collect();
    let argument = |index, operator, value| SeccompCondition::new(index, Dword, operator, value);
    let mut only = |call: c_long, conditions: Vec<SeccompCondition>| {
        rules.entry(call).or_insert_with(Vec::new).push(SeccompRule::new(conditions)?);
        Ok::<_, Error>(())
    };
    let thread = libc::CLONE_THREAD as u64;
    only(libc::SYS_clone, vec![argument(0, MaskedEq(THREAD_OR_ELSE), thread)?])?;
    for (mask, flags) in OPENING {
        only(libc::SYS_openat, vec![argument(2, MaskedEq(mask as u64), flags as u64)?])?;
        #[cfg(target_arch = "x86_64")]
        only(libc::SYS_open, vec![argument(1, MaskedEq(mask as u64), flags as u64)?])?;
    }
    // To itself: that is how `abort` ends a process.
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        only(call, vec![argument(0, Eq, own_id.into())?])?;
    }
    // Its own limits, to read: a new one would be the third argument, an address of 64 bits.
    let nowhere = SeccompCondition::new(2, seccompiler::SeccompCmpArgLen::Qword, Eq, 0)?;
    only(libc::SYS_prlimit64, vec![argument(0, Eq, 0)?, nowhere])?;
    for command in DESCRIPTORS {
        only(libc::SYS_fcntl, vec![argument(1, Eq, command as u64)?])?;
    }
    for request in ON_EXEC {
        only(libc::SYS_ioctl, vec![argument(1, Eq, request)?])?;
    }
    for option in NAMES {
        only(libc::SYS_prctl, vec![argument(0, Eq, option as u64)?])?;
    }
    let refusal = SeccompAction::Errno(libc::ENOSYS as u32);
    let filter = SeccompFilter::new(rules, refusal, SeccompAction::Allow, processor)?;
    Ok(filter.try_into()?)
}
