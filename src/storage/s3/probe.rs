//! Asking the bucket whether it is there.

use std::io::Error;
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{S3, Shared};
use crate::storage::StorageError;

/// How often a bucket that is away is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How long it may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(4);

impl S3 {
    /// See [`super::super::Storage::is_up`].
    pub(in crate::storage) async fn is_up(&self) -> Result<(), StorageError> {
        let circuit = &self.shared.circuit;
        circuit.allows()?;
        if circuit.is_fresh() {
            return Ok(());
        }
        // Those who ask at once share a good answer.
        let _turn = self.shared.probing.lock().await;
        circuit.allows()?;
        if circuit.is_fresh() {
            return Ok(());
        }
        let answer = self.shared.probe().await;
        match &answer {
            Ok(()) => circuit.is_vouched_for(),
            Err(why) => self.failed(why),
        }
        answer.map_err(|why| StorageError::Unavailable(Error::other(format!("the bucket does not answer: {why}"))))
    }

    /// See [`super::super::Storage::is_known_to_be_away`].
    pub(in crate::storage) fn is_known_to_be_away(&self) -> bool {
        self.shared.circuit.allows().is_err()
    }

    /// The bucket did not do what it was asked. When that was once too often, it is asked whether it is there at all, and
    /// if not, until it is back.
    pub(super) fn failed(&self, why: &str) {
        if self.shared.circuit.failed(why) {
            let shared = Arc::downgrade(&self.shared);
            let probe = move || LookingOut { shared: shared.clone(), done: false }.work();
            self.shared.supervisor.run_until_done("bucket_probe", probe);
        }
    }
}

/// Who asks, for as long as there is somebody to whom it matters.
struct LookingOut {
    shared: Weak<Shared>,
    done: bool,
}

impl LookingOut {
    async fn work(mut self) -> ControlFlow<()> {
        while let Some(shared) = self.shared.upgrade() {
            // What all have met at once is over then, if it was a moment's.
            let pause = if shared.circuit.allows().is_ok() { shared.bounds.first_pause } else { EVERY };
            drop(shared);
            tokio::time::sleep(pause).await;
            let Some(shared) = self.shared.upgrade() else { break };
            let answer = shared.probe().await;
            if !shared.circuit.probed(&answer) {
                self.done = true;
                break;
            }
        }
        ControlFlow::Break(())
    }
}

/// When it ends before its time nobody else would find out that the bucket is back.
impl Drop for LookingOut {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade().filter(|_| !self.done) {
            shared.circuit.is_not_probed();
        }
    }
}

impl Shared {
    /// Asks once, for an object that is not there; else says why not.
    async fn probe(&self) -> Result<(), String> {
        match tokio::time::timeout(PATIENCE, self.client.stat("photos/probe")).await {
            Ok(Err(failure)) if !failure.is_an_answer() => Err(failure.to_string()),
            Err(_) => Err("no answer in time".into()),
            Ok(_) => Ok(()),
        }
    }
}
