//! Whether the bucket is there, by how the latest requests fared.
//!
//! After a few failures in a row everything is refused at once: people get their answer, and a bucket that is short of
//! breath is left alone. Only the [probe](super::probe) asks on then.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::storage::StorageError;

/// Failures in a row after which the bucket counts as away: one may be a lost connection, two a server that restarts.
const ENOUGH: u32 = 3;

/// For how long an answer says that the bucket is there.
const FRESH: Duration = Duration::from_secs(10);

/// How the bucket does.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Why everything is refused, if it is.
    away: Option<String>,
    /// When the bucket last did what it was asked.
    heard: Option<Instant>,
}

impl Circuit {
    /// Whether a request may be tried.
    pub(super) fn allows(&self) -> Result<(), StorageError> {
        match &self.state().away {
            Some(why) => Err(StorageError::Unavailable(std::io::Error::other(format!("the bucket is away: {why}")))),
            None => Ok(()),
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

    /// The bucket did not do it. True when from here on everything is refused.
    pub(super) fn failed(&self, why: &str) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures < ENOUGH || state.away.is_some() {
            return false;
        }
        tracing::error!(why, "the bucket is away: uploads and photos are refused until it is back");
        state.away = Some(why.to_owned());
        true
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
    fn some_failures_in_a_row_close_the_door_and_a_success_opens_it() {
        let circuit = Circuit::default();
        assert!(!circuit.is_fresh(), "nothing is known yet");
        for _ in 0..5 {
            assert!(!circuit.failed("once") && !circuit.failed("twice"));
            circuit.allows().unwrap();
            circuit.succeeded();
        }
        assert!(circuit.is_fresh());
        assert!(!circuit.failed("refused") && !circuit.failed("refused") && circuit.failed("refused"));
        assert!(!circuit.failed("again"), "said once");
        assert!(matches!(circuit.allows(), Err(StorageError::Unavailable(why)) if why.to_string().contains("refused")));
        assert!(!circuit.is_fresh());
        circuit.succeeded();
        circuit.allows().unwrap();
    }
}
