//! Trying again what failed for a moment.

use std::time::{Duration, Instant};

use super::S3;
use super::circuit::RESTART;
use super::failure::Failure;
use crate::storage::StorageError;

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(600);

/// So many tries of one thing count as failures of the bucket.
const COUNTED: u32 = 3;

/// What stood still until then is not tried again: somebody waits.
const PATIENCE: Duration = Duration::from_secs(15);

impl S3 {
    /// Does `attempt` until it is done, or cannot be, or there is no hope; not at all while the bucket is away. Whatever it
    /// does may be done twice.
    pub(super) async fn persist<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        self.shared.circuit.allows()?;
        self.go_on(attempt).await
    }

    /// The same also when the bucket has just gone away: for bytes that are here, and would have to come again.
    pub(super) async fn keep<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        self.shared.circuit.allows_to_keep()?;
        self.go_on(attempt).await
    }

    async fn go_on<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        let (begun, mut failing) = (Instant::now(), None);
        for earlier in 0.. {
            match attempt().await {
                Ok(done) => {
                    self.shared.circuit.succeeded();
                    return Ok(done);
                }
                Err(failure) if failure.is_an_answer() => {
                    self.shared.circuit.succeeded();
                    return Err(failure.into());
                }
                Err(failure) => {
                    // One object that cannot be had, however often it is tried, is no sign of an outage.
                    if failure.is_the_buckets() && earlier < COUNTED {
                        self.failed(&failure.to_string());
                    }
                    // However long the first try went well, there is a second.
                    let long = failing.get_or_insert_with(Instant::now).elapsed() >= RESTART;
                    let late = failure.is_late() && begun.elapsed() > PATIENCE;
                    if !failure.may_pass() || long || late || self.shared.circuit.allows_to_keep().is_err() {
                        return Err(failure.into());
                    }
                    tracing::debug!(%failure, "trying again");
                }
            }
            tokio::time::sleep(pause(self.shared.bounds.first_pause, earlier)).await;
        }
        Err(StorageError::Unavailable(std::io::Error::other("tried too often")))
    }
}

/// How long to wait after that many pauses, of which the first is `first` and each the double of the one before, up to a point:
/// half of it by chance, so that those who failed together do not come back together.
pub(super) fn pause(first: Duration, earlier: u32) -> Duration {
    let whole = first.saturating_mul(2_u32.saturating_pow(earlier)).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}
