//! Trying again what failed for a moment.

use std::time::{Duration, Instant};

use super::S3;
use super::failure::Failure;
use crate::storage::StorageError;

/// How often one thing is tried in all.
const TRIES: u32 = 4;

/// The pause before the second try; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(150);

/// After this no other try is begun: somebody waits.
const PATIENCE: Duration = Duration::from_secs(15);

impl S3 {
    /// Does `attempt` until it is done, or cannot be, or there is no hope. Whatever it does may be done twice.
    pub(super) async fn persist<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, StorageError> {
        let begun = Instant::now();
        for earlier in 0.. {
            self.shared.circuit.allows()?;
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
                        self.failed(&failure.to_string());
                    }
                    if !failure.may_pass() || earlier + 1 >= TRIES || begun.elapsed() > PATIENCE {
                        return Err(failure.into());
                    }
                    tracing::debug!(%failure, "trying again");
                }
            }
            tokio::time::sleep(pause(earlier)).await;
        }
        Err(StorageError::Unavailable(std::io::Error::other("tried too often")))
    }
}

/// How long to wait after that many pauses: half of it by chance, so that those who failed together do not come back
/// together.
pub(super) fn pause(earlier: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(earlier));
    whole.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}
