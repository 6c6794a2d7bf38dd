//! The threads that decode: as many as the machine has cores, always the same ones, with a bound on their memory.
//!
//! More at once would only use more memory. That they are the same matters for memory too: glibc keeps what a thread
//! freed for that thread, and the runtime's blocking threads are many. Fifty uploads of 40 MB at once took 600 MB while
//! their decoding wandered over those.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::Span;

use crate::error::AppError;

/// Memory that all work together may take, in MiB: two photos of 24 megapixels. A photo that needs more works alone.
const MEMORY: u32 = 224;

/// Threads for image work. They end when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Decoders {
    threads: Arc<ThreadPool>,
    /// One permit a MiB.
    memory: Arc<Semaphore>,
    /// Jobs that wait or run.
    jobs: Arc<AtomicU64>,
}

/// How much of it is in use.
#[derive(Debug, Clone, Copy)]
pub struct DecodersUsage {
    /// Threads.
    pub threads: u64,
    /// Jobs that wait or run.
    pub jobs: u64,
    /// What all jobs together may take.
    pub memory_bytes: u64,
    /// What they take.
    pub memory_in_use_bytes: u64,
}

impl Decoders {
    /// Starts them.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(super) fn start() -> Result<Self, ThreadPoolBuildError> {
        let threads = ThreadPoolBuilder::new()
            .thread_name(|n| format!("decoder-{n}"))
            // The job's sender is dropped, which tells the one who waits.
            .panic_handler(|_| tracing::error!("image work panicked"))
            .build()?;
        Ok(Self { threads: Arc::new(threads), memory: Arc::new(Semaphore::new(MEMORY as usize)), jobs: Arc::default() })
    }

    /// How much of it is in use now.
    pub(super) fn usage(&self) -> DecodersUsage {
        let free = self.memory.available_permits() as u64;
        DecodersUsage {
            threads: self.threads.current_num_threads() as u64,
            jobs: self.jobs.load(Relaxed),
            memory_bytes: u64::from(MEMORY) << 20,
            memory_in_use_bytes: u64::from(MEMORY).saturating_sub(free) << 20,
        }
    }

    /// Runs `job`, which takes `bytes` of memory, when it is its turn. Waiting costs no thread. What of that memory the
    /// result goes on to take is the caller's to [keep](Memory::keep).
    ///
    /// # Errors
    /// [`AppError::Internal`] when the job panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        bytes: u64,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Memory), AppError> {
        let _counted = Counted::new(&self.jobs);
        let memory = self.memory.clone().acquire_many_owned(mebibytes(bytes)).await.map_err(AppError::internal)?;
        let (done, result) = oneshot::channel();
        let span = Span::current();
        self.threads.spawn_fifo(move || {
            let value = span.in_scope(job);
            // Nobody waits for the result any more when the client has gone.
            drop(done.send((value, Memory(memory))));
        });
        result.await.map_err(AppError::internal)
    }
}

/// Memory that is in use, until it is dropped.
pub(super) struct Memory(OwnedSemaphorePermit);

impl Memory {
    /// Gives back all but so many bytes.
    pub(super) fn keep(mut self, bytes: u64) -> Self {
        let kept = self.0.split((mebibytes(bytes) as usize).min(self.0.num_permits()));
        Self(kept.unwrap_or(self.0))
    }
}

/// As permits are counted.
fn mebibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(MEMORY).min(MEMORY)
}

/// One more as long as it is there: also when nobody waits any more.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
