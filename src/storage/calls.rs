//! What the storage counts of what it is asked for.

use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::StorageError;
use crate::durations::{Durations, durations};

/// Counters and durations; clones count together.
#[derive(Clone, Debug)]
pub struct Calls {
    /// By operation and outcome.
    pub requests: Family<Call, Counter>,
    /// By operation.
    pub seconds: Durations<Operation>,
}

/// What was asked for, and how it ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Call {
    operation: &'static str,
    outcome: &'static str,
}

/// What was asked for.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Operation {
    operation: &'static str,
}

impl Default for Calls {
    fn default() -> Self {
        Self { requests: Family::default(), seconds: durations() }
    }
}

impl Calls {
    /// Does `work` and counts it.
    pub(super) async fn count<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let begun = Instant::now();
        let done = work.await;
        let outcome = match &done {
            Ok(_) => "done",
            Err(StorageError::NotFound) => "not_found",
            Err(StorageError::Full | StorageError::NoRoom) => "full",
            Err(StorageError::Unavailable(_)) => "unavailable",
        };
        self.requests.get_or_create(&Call { operation, outcome }).inc();
        self.seconds.get_or_create(&Operation { operation }).observe(begun.elapsed().as_secs_f64());
        done
    }
}
