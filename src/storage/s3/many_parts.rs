//! Objects too large for one request.

use std::path::Path;

use tokio::sync::Semaphore;

use super::client::Client;
use super::failure::Failure;

/// Uploads in parts at a time: each holds two parts of 8 MiB in memory.
const AT_ONCE: usize = 2;

/// The turns of those that upload in parts.
#[derive(Debug)]
pub(super) struct ManyParts(Semaphore);

impl Default for ManyParts {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl ManyParts {
    /// Puts a file in. Not to be dropped half-way, as the parts that are there would stay.
    pub(super) async fn put(&self, client: &Client, key: &str, file: &Path) -> Result<(), Failure> {
        let _turn = self.0.acquire().await.map_err(|closed| Failure::nonsense(closed.to_string()))?;
        client.put_in_parts(key, file).await
    }
}
