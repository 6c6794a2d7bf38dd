//! Asking the bucket whether it is there, when nothing else does.

use std::sync::Arc;
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
        self.shared.circuit.allows()?;
        // Those who ask at once share one answer.
        let turn = self.shared.probing.lock().await;
        if !self.shared.circuit.is_fresh() {
            match self.shared.probe().await {
                Ok(()) => self.shared.circuit.succeeded(),
                Err(_) => self.failed(),
            }
        }
        drop(turn);
        self.shared.circuit.allows()?;
        if self.shared.circuit.is_fresh() {
            Ok(())
        } else {
            Err(StorageError::Unavailable(std::io::Error::other("the bucket does not answer")))
        }
    }

    /// See [`super::super::Storage::is_known_to_be_away`].
    pub(in crate::storage) fn is_known_to_be_away(&self) -> bool {
        self.shared.circuit.allows().is_err()
    }

    /// The bucket did not do what it was asked. When that was once too often, it is asked whether it is there at all, and
    /// until it is back.
    pub(super) fn failed(&self) {
        if self.shared.circuit.failed() {
            self.look_out();
        }
    }

    fn look_out(&self) {
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            while let Some(shared) = shared.upgrade() {
                let answer = shared.probe().await;
                if !shared.circuit.probed(answer) {
                    return;
                }
                drop(shared);
                tokio::time::sleep(EVERY).await;
            }
        });
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
