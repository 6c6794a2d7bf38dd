//! The threads that decode: as many as the machine has cores, and always the same ones.
//!
//! More at once would only use more memory. That they are the same matters for memory too: glibc keeps what a thread
//! freed for that thread, and the runtime's blocking threads are many. Fifty uploads of 40 MB at once took 600 MB while
//! their decoding wandered over those.

use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::oneshot;
use tracing::Span;

use crate::error::AppError;

/// Threads for image work. They end when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Decoders(Arc<ThreadPool>);

impl Decoders {
    /// Starts them.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(super) fn start() -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .thread_name(|n| format!("decoder-{n}"))
            // The job's sender is dropped, which tells the one who waits.
            .panic_handler(|_| tracing::error!("image work panicked"))
            .build()?;
        Ok(Self(Arc::new(pool)))
    }

    /// Runs `job` when it is its turn. Waiting costs no thread.
    ///
    /// # Errors
    /// [`AppError::Internal`] when the job panicked.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
        let (done, result) = oneshot::channel();
        let span = Span::current();
        // Nobody waits for the result any more when the client has gone.
        self.0.spawn_fifo(move || drop(done.send(span.in_scope(job))));
        result.await.map_err(AppError::internal)
    }
}
