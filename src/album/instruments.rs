//! What the album counts of its work. The names are given in [`metrics`](crate::metrics).

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::album::{NotTaken, Taken};
use crate::durations::{Durations, durations};

/// Counters and durations; clones count together.
#[derive(Clone, Debug)]
pub struct Instruments {
    /// Files that came.
    pub uploads: Family<Outcome, Counter>,
    /// Their bytes.
    pub upload_bytes: Counter,
    /// Decoding and making renditions, waiting included.
    pub rendition_seconds: Durations<OfFormat>,
    /// Rounds of the sweeper.
    pub sweeps: Family<Outcome, Counter>,
    /// Photos whose bytes it removed.
    pub swept: Counter,
}

/// How something ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    outcome: &'static str,
}

/// What was decoded.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfFormat {
    format: &'static str,
}

impl Default for Instruments {
    fn default() -> Self {
        Self {
            uploads: Family::default(),
            upload_bytes: Counter::default(),
            rendition_seconds: durations(),
            sweeps: Family::default(),
            swept: Counter::default(),
        }
    }
}

impl Instruments {
    /// A file came.
    pub(super) fn came(&self, size: u64, taken: &Result<Taken, NotTaken>) {
        let outcome = match taken {
            Ok(Taken { already_here: true, .. }) => "already_here",
            Ok(_) => "kept",
            Err(NotTaken::Refused(_)) => "refused",
            Err(NotTaken::Failed(error)) if error.is_the_clients() => "refused",
            Err(NotTaken::Failed(_)) => "failed",
        };
        self.uploads.get_or_create(&Outcome { outcome }).inc();
        self.upload_bytes.inc_by(size);
    }

    /// Image work on one file ended.
    pub(super) fn worked(&self, format: &'static str, seconds: f64) {
        self.rendition_seconds.get_or_create(&OfFormat { format }).observe(seconds);
    }

    /// The sweeper has been round.
    pub(super) fn went_round<T, E>(&self, outcome: &Result<T, E>) {
        let outcome = if outcome.is_ok() { "done" } else { "failed" };
        self.sweeps.get_or_create(&Outcome { outcome }).inc();
    }
}
