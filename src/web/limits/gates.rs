//! Turns: how many passwords of one place are looked at at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::AppError;
use crate::models::tries::Key;

/// So many tries of one address or known device are decided at a time, and others wait: those who log in all at once from one
/// place are no guessers. Addresses share the gates by chance.
const AT_A_TIME: usize = 4;
const GATES: usize = 64;
/// The longest wait there: less than proxies wait. On two cores a hundred who log in at once wait for fifteen seconds, and
/// for forty while pages are asked for all the time, because these come first.
const PATIENCE: Duration = Duration::from_secs(50);

/// The gates of one lane: who is known never waits with strangers.
pub(super) struct Gates(Vec<Arc<Semaphore>>);

impl Gates {
    pub(super) fn new() -> Self {
        Self((0..GATES).map(|_| Arc::new(Semaphore::new(AT_A_TIME))).collect())
    }

    /// Waits for a turn among those who have this key, or one that shares its gate.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when too many wait.
    pub(super) async fn turn(&self, key: &Key) -> Result<OwnedSemaphorePermit, AppError> {
        let [chance, ..] = key;
        let gate = self.0.get(usize::from(*chance) % GATES).cloned().ok_or_else(|| AppError::internal("no gate"))?;
        let turn = tokio::time::timeout(PATIENCE, gate.acquire_owned()).await;
        turn.map_err(|_| AppError::unavailable("too many passwords wait to be checked"))?.map_err(AppError::internal)
    }
}
