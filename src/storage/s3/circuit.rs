//! Whether the bucket is there, by how the latest requests fared.
//!
//! After a few failures in a row it is doubted, and the [probe](super::probe) asks: many requests may have lost their
//! connections by one event that was over at once. When the probe fails too, or requests go on failing after it, the bucket
//! is away: people get their answer at once, and a bucket that is short of breath is left alone but for the probe, until
//! that reaches it. Only what has begun is tried on for a moment, and bytes that are here already are sent: storage that is
//! started again is back soon, and they would have to come again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::storage::StorageError;

/// Failures in a row after which the bucket is doubted: one may be a lost connection, two a server that restarts.
const ENOUGH: u32 = 3;

/// Failures that are further apart are no row.
const APART: Duration = Duration::from_secs(30);

/// For how long an answer says that the bucket is there.
const FRESH: Duration = Duration::from_secs(10);

/// For how long after the first failure bytes that are here are still sent.
pub(super) const RESTART: Duration = Duration::from_secs(3);

/// How the bucket does.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Failures since the bucket last answered, be it the probe.
    failures: u32,
    /// The first and the latest failure since it last did what it was asked.
    failing: Option<(Instant, Instant)>,
    /// The probe has reached it since then.
    vouched: bool,
    /// Somebody probes it again and again.
    doubted: bool,
    /// Why everything is refused, if it is.
    away: Option<String>,
    /// When the bucket last answered.
    heard: Option<Instant>,
}

impl Circuit {
    /// Whether a request may be tried.
    pub(super) fn allows(&self) -> Result<(), StorageError> {
        self.state().allows()
    }

    /// Whether bytes may be sent, or taken in, that would have to come again.
    pub(super) fn allows_to_keep(&self) -> Result<(), StorageError> {
        let state = self.state();
        if state.failing.is_some_and(|(first, _)| first.elapsed() < RESTART) { Ok(()) } else { state.allows() }
    }

    /// Whether the bucket has answered a moment ago.
    pub(super) fn is_fresh(&self) -> bool {
        let state = self.state();
        state.failures == 0 && state.heard.is_some_and(|heard| heard.elapsed() < FRESH)
    }

    /// The bucket did what it was asked.
    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        state.answers();
        (state.failing, state.vouched) = (None, false);
    }

    /// The bucket did not do it. True when it is doubted from here on: the caller is to probe.
    pub(super) fn failed(&self, why: &str) -> bool {
        let (mut state, now) = (self.state(), Instant::now());
        // While it is probed few others ask.
        let doubted = state.doubted;
        let row = state.failing.filter(|(_, latest)| doubted || now.duration_since(*latest) < APART);
        if row.is_none() {
            (state.failures, state.vouched) = (0, false);
        }
        state.failing = Some((row.map_or(now, |(first, _)| first), now));
        state.failures = state.failures.saturating_add(1);
        let begins = state.failures >= ENOUGH && !state.doubted;
        if begins && state.vouched {
            // It answers the probe, and does nothing else.
            state.goes_away(why);
        }
        state.doubted |= begins;
        begins
    }

    /// What the probe of a doubted bucket came to. True when it is to go on.
    pub(super) fn probed(&self, answer: &Result<(), String>) -> bool {
        let mut state = self.state();
        match answer {
            Ok(()) => {
                state.is_vouched_for();
                state.doubted = false;
            }
            Err(why) => {
                state.failures = state.failures.saturating_add(1);
                // Somebody may have been luckier meanwhile.
                state.doubted = state.away.is_some() || state.failures >= ENOUGH;
                if state.doubted {
                    state.goes_away(why);
                }
            }
        }
        state.doubted
    }

    /// A probe of another, who asked for itself, has reached it.
    pub(super) fn is_vouched_for(&self) {
        self.state().is_vouched_for();
    }

    /// Nobody probes any more.
    pub(super) fn is_not_probed(&self) {
        let mut state = self.state();
        (state.doubted, state.away) = (false, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is in there is whole after each statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn allows(&self) -> Result<(), StorageError> {
        match &self.away {
            Some(why) => Err(StorageError::Unavailable(std::io::Error::other(format!("the bucket is away: {why}")))),
            None => Ok(()),
        }
    }

    fn answers(&mut self) {
        self.failures = 0;
        self.heard = Some(Instant::now());
        if self.away.take().is_some() {
            tracing::info!("the bucket is back");
        }
    }

    fn is_vouched_for(&mut self) {
        self.answers();
        self.vouched = true;
    }

    fn goes_away(&mut self, why: &str) {
        if self.away.is_none() {
            tracing::error!(why, "the bucket is away: uploads and photos are refused until it is back");
            self.away = Some(why.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many at once; how many of them are to probe.
    fn fail(circuit: &Circuit, times: u32) -> usize {
        (0..times).filter(|_| circuit.failed("no answer")).count()
    }

    fn refused() -> Result<(), String> {
        Err("refused".to_owned())
    }

    #[test]
    fn some_failures_in_a_row_and_a_failed_probe_close_the_door_and_a_success_opens_it() {
        let circuit = Circuit::default();
        assert!(!circuit.is_fresh(), "nothing is known yet");
        for _ in 0..5 {
            assert_eq!(fail(&circuit, 2), 0);
            circuit.succeeded();
        }
        assert!(circuit.is_fresh());
        assert_eq!(fail(&circuit, 50), 1, "one probe at a time");
        circuit.allows().unwrap();
        assert!(circuit.probed(&refused()), "asked on");
        assert!(matches!(circuit.allows(), Err(StorageError::Unavailable(why)) if why.to_string().contains("refused")));
        circuit.allows_to_keep().unwrap();
        assert!(!circuit.is_fresh() && fail(&circuit, 50) == 0 && circuit.probed(&refused()));
        circuit.succeeded();
        circuit.allows().unwrap();
        assert!(!circuit.probed(&Ok(())));
        assert_eq!(fail(&circuit, 3), 1, "as in the beginning");
    }

    #[test]
    fn many_that_fail_together_are_no_outage_when_the_probe_does_not() {
        let circuit = Circuit::default();
        assert_eq!(fail(&circuit, 50), 1);
        assert!(!circuit.probed(&Ok(())));
        circuit.allows().unwrap();
        circuit.succeeded();
        assert_eq!(fail(&circuit, 50), 1);
        circuit.succeeded();
        assert!(!circuit.probed(&refused()), "others get through");
        circuit.allows().unwrap();
    }

    #[test]
    fn a_bucket_that_answers_the_probe_alone_is_away_all_the_same() {
        let circuit = Circuit::default();
        assert_eq!(fail(&circuit, 3), 1);
        for _ in 0..3 {
            assert!(!circuit.probed(&Ok(())));
            assert_eq!(fail(&circuit, 2), 0);
            circuit.allows().unwrap();
            assert_eq!(fail(&circuit, 1), 1);
            circuit.allows().unwrap_err();
        }
    }

    #[test]
    fn one_who_fails_long_after_the_others_does_not_end_the_probing() {
        let circuit = Circuit::default();
        fail(&circuit, 3);
        assert!(circuit.probed(&refused()));
        let (first, _) = circuit.state().failing.unwrap();
        let long_ago = first.checked_sub(APART).unwrap();
        circuit.state().failing = Some((long_ago, long_ago));
        assert_eq!(fail(&circuit, 1), 0);
        assert!(circuit.probed(&refused()), "still away");
        circuit.allows_to_keep().unwrap_err();
        assert!(!circuit.probed(&Ok(())));
        circuit.allows().unwrap();
    }

    #[test]
    fn what_is_here_is_sent_for_a_moment_only() {
        let circuit = Circuit::default();
        fail(&circuit, 3);
        circuit.probed(&refused());
        circuit.allows_to_keep().unwrap();
        let (first, latest) = circuit.state().failing.unwrap();
        circuit.state().failing = Some((first.checked_sub(RESTART).unwrap(), latest));
        circuit.allows_to_keep().unwrap_err();
        // A failure long ago is not the beginning of this outage.
        circuit.is_not_probed();
        let long_ago = first.checked_sub(APART).unwrap();
        circuit.state().failing = Some((long_ago, long_ago));
        assert_eq!((fail(&circuit, 2), fail(&circuit, 1)), (0, 1));
        circuit.probed(&refused());
        circuit.allows_to_keep().unwrap();
    }
}
