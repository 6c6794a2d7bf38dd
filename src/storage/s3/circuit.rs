//! Whether the bucket is there, by how the latest requests fared.
//!
//! After a few failures in a row it is doubted, and the [probe](super::probe) asks: many requests may have lost their
//! connections by one event that was over at once. When the probe fails too, everything new is refused at once: people get
//! their answer, and a bucket that is short of breath is left alone. Only the probe asks on then; and for some seconds,
//! in which a bucket that was started again is back, those whose bytes are here already.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::storage::StorageError;

/// Failures in a row after which the bucket is doubted: one may be a lost connection, two a server that restarts.
const ENOUGH: u32 = 3;

/// For how long an answer says that the bucket is there.
const FRESH: Duration = Duration::from_secs(10);

/// For how long after it went away bytes that are here are still sent.
const RESTART: Duration = Duration::from_secs(5);

/// How the bucket does.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Somebody is finding out whether it is there, until it is.
    doubted: bool,
    /// Why everything is refused, if it is.
    away: Option<Away>,
    /// When the bucket last did what it was asked.
    heard: Option<Instant>,
}

#[derive(Debug)]
struct Away {
    why: String,
    since: Instant,
}

impl Circuit {
    /// Whether a request may be tried.
    pub(super) fn allows(&self) -> Result<(), StorageError> {
        self.allows_within(Duration::ZERO)
    }

    /// Whether bytes may be sent that are here already.
    pub(super) fn allows_to_keep(&self) -> Result<(), StorageError> {
        self.allows_within(RESTART)
    }

    fn allows_within(&self, time: Duration) -> Result<(), StorageError> {
        match &self.state().away {
            Some(Away { why, since }) if since.elapsed() >= time => {
                Err(StorageError::Unavailable(std::io::Error::other(format!("the bucket is away: {why}"))))
            }
            _ => Ok(()),
        }
    }

    /// Whether the bucket has answered a moment ago.
    pub(super) fn is_fresh(&self) -> bool {
        let state = self.state();
        state.failures == 0 && state.heard.is_some_and(|heard| heard.elapsed() < FRESH)
    }

    /// The bucket did what it was asked.
    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.heard = Some(Instant::now());
        if state.away.take().is_some() {
            tracing::info!("the bucket is back");
        }
    }

    /// The bucket did not do it. True when it is doubted from here on: the caller is to probe.
    pub(super) fn failed(&self) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let begins = state.failures >= ENOUGH && !state.doubted;
        state.doubted |= begins;
        begins
    }

    /// What the probe of a doubted bucket came to. True when it is to go on: from here on everything is refused.
    pub(super) fn probed(&self, answer: Result<(), String>) -> bool {
        let why = match answer {
            Ok(()) => {
                self.succeeded();
                self.state().doubted = false;
                return false;
            }
            Err(why) => why,
        };
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        // Somebody may have been luckier meanwhile.
        state.doubted = state.failures >= ENOUGH;
        if state.doubted && state.away.is_none() {
            tracing::error!(why, "the bucket is away: uploads and photos are refused until it is back");
            state.away = Some(Away { why, since: Instant::now() });
        }
        state.doubted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is in there is whole after each statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_failures_in_a_row_and_a_failed_probe_close_the_door_and_a_success_opens_it() {
        let circuit = Circuit::default();
        assert!(!circuit.is_fresh(), "nothing is known yet");
        for _ in 0..5 {
            assert!(!circuit.failed() && !circuit.failed());
            circuit.succeeded();
        }
        assert!(circuit.is_fresh());
        assert!(!circuit.failed() && !circuit.failed() && circuit.failed());
        assert!(!circuit.failed(), "one probe at a time");
        circuit.allows().unwrap();
        assert!(circuit.probed(Err("refused".into())), "asked on");
        assert!(matches!(circuit.allows(), Err(StorageError::Unavailable(why)) if why.to_string().contains("refused")));
        circuit.allows_to_keep().unwrap();
        assert!(!circuit.is_fresh() && !circuit.failed() && circuit.probed(Err("refused".into())));
        circuit.succeeded();
        circuit.allows().unwrap();
        assert!(!circuit.probed(Ok(())));
        assert!(!circuit.failed() && !circuit.failed() && circuit.failed(), "as in the beginning");
    }

    #[test]
    fn many_that_fail_together_are_no_outage_when_the_probe_does_not() {
        let circuit = Circuit::default();
        assert_eq!((0..50).filter(|_| circuit.failed()).count(), 1);
        assert!(!circuit.probed(Ok(())));
        circuit.allows().unwrap();
        assert_eq!((0..50).filter(|_| circuit.failed()).count(), 1);
        circuit.succeeded();
        assert!(!circuit.probed(Err("bad luck".into())), "others get through");
        circuit.allows().unwrap();
        assert_eq!((0..50).filter(|_| circuit.failed()).count(), 1);
    }
}
