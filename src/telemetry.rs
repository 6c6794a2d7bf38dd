//! Logging: to stderr, as text for people or one JSON object a line, with times in UTC (RFC 3339).
//!
//! What is said is `log_level`'s choice; when it is a plain level, the web server's own chatter is left out, for it buries
//! ours. No secret gets here: settings that are secret mask themselves, and the code that meets passwords,
//! tokens or links never logs them.
//!
//! No problem of the log touches a request: a thread of its own writes the lines. When stderr cannot be written (its disk
//! is full, its pipe is closed, or nobody reads the pipe) lines are dropped and [counted](lost_lines).

use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Crates that at `debug` and `trace` speak of every byte, and the one that at `info` tells of its threads.
const NOISY: &str = "actix_http=info,actix_server=warn,actix_web=info,mio=info";

/// Lines that wait while stderr takes none: some 2 MB.
const MAX_WAITING_LINES: usize = 10_000;

/// The log of this process. The one global beside the subscriber itself, which is one too.
static LOG: OnceLock<Log> = OnceLock::new();
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);

struct Log {
    dropped: ErrorCounter,
    worker: Mutex<Option<WorkerGuard>>,
}

/// Starts logging for the whole process. A second call changes nothing (tests start many servers in one process).
pub fn init(config: &Config) {
    LOG.get_or_init(|| {
        let builder = NonBlockingBuilder::default().buffered_lines_limit(MAX_WAITING_LINES).lossy(true);
        let (writer, worker) = builder.thread_name("log").finish(Stderr);
        let log = Log { dropped: writer.error_counter(), worker: Mutex::new(Some(worker)) };
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(&config.log_level))
            .with_writer(writer)
            // It would be reported by `eprintln!`, which panics when stderr cannot be written.
            .log_internal_errors(false)
            .with_ansi(io::stderr().is_terminal());
        // An error says that somebody else logs already.
        let _ = match config.log_format {
            LogFormat::Text => subscriber.try_init(),
            LogFormat::Json => subscriber.json().flatten_event(true).with_span_list(false).try_init(),
        };
        log
    });
}

/// Panics are logged like everything else. Rust's own message goes straight to stderr, where it may wait for ever.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("without a message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked: {what}");
    }));
}

/// Writes what waits, for at most about a second. Nothing is logged afterwards.
pub fn flush() {
    let worker = LOG.get().and_then(|log| log.worker.lock().unwrap_or_else(PoisonError::into_inner).take());
    // The guard of the worker uses `println!` when the worker takes nothing.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(worker)));
}

/// Lines that could not be written.
#[must_use]
pub fn lost_lines() -> u64 {
    let dropped = LOG.get().map_or(0, |log| log.dropped.dropped_lines());
    UNWRITTEN.load(Relaxed) + dropped as u64
}

/// Counts what cannot be written, and goes on.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            UNWRITTEN.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// May `text` stand in the setting `log_level`? Stricter than the filter's own parser, which takes any word for a
/// module's name and then says nothing at all: `warning` would silence everything.
pub(crate) fn is_log_level(text: &str) -> bool {
    let is_known = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    !text.is_empty() && text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok()
}

fn filter(log_level: &str) -> EnvFilter {
    if log_level.parse::<LevelFilter>().is_ok_and(|level| level >= LevelFilter::INFO) {
        EnvFilter::new(format!("{log_level},{NOISY}"))
    } else {
        EnvFilter::new(log_level)
    }
}
