//! Trying again what failed for a moment.

use std::time::{Duration, Instant};

use super::S3;
use super::failure::Failure;
use crate::storage::StorageError;

/// How often one thing is tried in all: for some four seconds, in which most storage is back that was started again.
const TRIES: u32 = 6;

/// After this no other try is begun: somebody waits.
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

    /// The same for bytes that are here already, which would have to come again: also when the bucket has just gone away.
    pub(super) async fn keep<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        self.shared.circuit.allows_to_keep()?;
        self.go_on(attempt).await
    }

    /// What has begun goes on when the bucket is away meanwhile.
    pub(super) async fn go_on<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        let begun = Instant::now();
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
                    if failure.is_the_buckets() {
                        self.failed();
                    }
                    if !failure.may_pass() || earlier + 1 >= TRIES || begun.elapsed() > PATIENCE {
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

/// How long to wait after that many pauses, of which the first is `first` and each the double of the one before: half of it
/// by chance, so that those who failed together do not come back together.
pub(super) fn pause(first: Duration, earlier: u32) -> Duration {
    let whole = first.saturating_mul(2_u32.saturating_pow(earlier));
    whole.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}
