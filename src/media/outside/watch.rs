//! The parent's side: waits for the child, for so long and no longer, and leaves nothing of it behind.
//!
//! The thread that calls sleeps in the kernel. A second one sleeps until the deadline and then kills the child's
//! process group. The child is reaped only when that second thread is gone: until then its id cannot be anybody else's.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::child::NOT_STARTED;
use crate::media::MediaError;

/// Most bytes of its messages that are read; a child that says more loses its voice, and dies of it.
const MESSAGES: u64 = 16 << 10;

/// How many characters of them are kept for the log.
const KEPT: usize = 200;

/// How a child ended.
#[derive(Debug)]
pub(super) struct End {
    status: ExitStatus,
    timed_out: bool,
    messages: Vec<u8>,
}

impl End {
    /// All that it said, as far as it was read.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.messages).into_owned()
    }

    /// Whether it says that it did its work.
    pub(super) fn is_success(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// Fails when it was not started, or was stopped. That it gave up by itself is for [`End::is_success`].
    pub(super) fn check(&self) -> Result<(), MediaError> {
        if self.is_success() {
            return Ok(());
        }
        if self.status.code() == Some(NOT_STARTED.into()) {
            return Err(MediaError::Internal(io::Error::other(format!(
                "the decoder was {}",
                printable(&self.messages)
            ))));
        }
        tracing::warn!(status = %self.status, timed_out = self.timed_out, "decoder gave up: {}", printable(&self.messages));
        // The limits of CPU time (then a second later by SIGKILL) and of a file's size have signals of their own.
        let stopped = [Signal::XCPU, Signal::XFSZ, Signal::KILL].map(|signal| Some(signal.as_raw()));
        if self.timed_out || stopped.contains(&self.status.signal()) { Err(MediaError::TooMuchWork) } else { Ok(()) }
    }
}

/// Runs `command` to its end, which it makes at the deadline at the latest.
pub(super) fn run(mut command: Command, deadline: Duration) -> io::Result<End> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return Err(io::Error::other("a process without an id"));
    };
    let stderr = child.stderr.take();
    let (over, alarm) = mpsc::channel::<()>();
    let watched = thread::scope(|scope| {
        let watchdog = thread::Builder::new().name("decoder watchdog".to_owned()).spawn_scoped(scope, move || {
            let late = alarm.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout);
            if late {
                kill(group);
            }
            late
        });
        let Ok(watchdog) = watchdog else {
            kill(group);
            return Err(io::Error::other("no thread to watch a decoder"));
        };
        let mut messages = Vec::new();
        if let Some(stderr) = stderr {
            // What cannot be read is not missed.
            let _ = stderr.take(MESSAGES).read_to_end(&mut messages);
        }
        wait(group);
        drop(over);
        let timed_out = watchdog.join().unwrap_or(true);
        Ok((timed_out, messages))
    });
    // What the child itself may have started goes too.
    kill(group);
    let status = child.wait()?;
    let (timed_out, messages) = watched?;
    Ok(End { status, timed_out, messages })
}

/// Waits until the child has ended, without reaping it.
fn wait(child: Pid) {
    while let Err(Errno::INTR) = waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
}

/// Not to be called once the child is reaped.
fn kill(group: Pid) {
    // Nobody left in it is what we want.
    let _ = kill_process_group(group, Signal::KILL);
}

/// The end of what it said, where the reason is, in a form that no terminal stumbles over.
fn printable(messages: &[u8]) -> String {
    let kept = messages.len().saturating_sub(KEPT);
    let text = messages.iter().skip(kept).map(|&byte| char::from(byte));
    text.map(|letter| if letter == ' ' || letter.is_ascii_graphic() { letter } else { ' ' }).collect()
}
