//! A pause that requests wait out instead of failing: the private Postgres is being started again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::error::AppError;

/// How long a request waits for its end.
const LONGEST: Duration = Duration::from_secs(15);

/// Whether there is one.
#[derive(Clone)]
pub(super) struct Pause {
    is_on: Arc<watch::Sender<bool>>,
    permits: Arc<Semaphore>,
    all: u32,
}

/// While this is kept, nobody begins anything with the database.
pub(super) struct Paused {
    is_on: Arc<watch::Sender<bool>>,
    /// All that could be had in time.
    _permits: Option<OwnedSemaphorePermit>,
}

impl Pause {
    pub(super) fn new(permits: &Arc<Semaphore>, all: u32) -> Self {
        Self { is_on: Arc::default(), permits: Arc::clone(permits), all }
    }

    pub(super) fn is_on(&self) -> bool {
        *self.is_on.borrow()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) async fn end(&self) -> Result<(), AppError> {
        if !self.is_on() {
            return Ok(());
        }
        let mut is_on = self.is_on.subscribe();
        let waiting = is_on.wait_for(|is_on| !is_on);
        let late = |_| AppError::unavailable("the database is being started again");
        tokio::time::timeout(LONGEST, waiting).await.map_err(late)?.map(drop).map_err(AppError::internal)
    }

    /// Begins one: nobody else comes in, and for so long those who are in may finish. Says whether they did. Blocks.
    pub(super) fn begin(&self, patience: Duration) -> (Paused, bool) {
        self.is_on.send_replace(true);
        let begin = Instant::now();
        let permits = loop {
            match Arc::clone(&self.permits).try_acquire_many_owned(self.all) {
                Ok(permits) => break Some(permits),
                Err(_) if begin.elapsed() > patience => break None,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let finished = permits.is_some();
        (Paused { is_on: Arc::clone(&self.is_on), _permits: permits }, finished)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.is_on.send_replace(false);
    }
}
