//! The threads that decode, with a bound on their memory.

use std::sync::Arc;

use rayon::ThreadPoolBuildError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::AppError;
use crate::threads::{InFlight, Threads};

/// Memory that all work together may take, in MiB: two photos of 24 megapixels. A photo that needs more works alone.
const MEMORY: u32 = 224;

/// Threads for image work. They end when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Decoders {
    threads: Threads,
    /// One permit a MiB.
    memory: Arc<Semaphore>,
    /// Jobs that wait or run.
    jobs: InFlight,
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
    pub(super) fn start(pages: &InFlight) -> Result<Self, ThreadPoolBuildError> {
        let threads = Threads::start("decoder", pages)?;
        Ok(Self { threads, memory: Arc::new(Semaphore::new(MEMORY as usize)), jobs: InFlight::default() })
    }

    /// How much of it is in use now.
    pub(super) fn usage(&self) -> DecodersUsage {
        let free = self.memory.available_permits() as u64;
        DecodersUsage {
            threads: self.threads.count() as u64,
            jobs: self.jobs.count() as u64,
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
        let _counted = self.jobs.begin();
        let memory = self.memory.clone().acquire_many_owned(mebibytes(bytes)).await.map_err(AppError::internal)?;
        self.threads.run(move || (job(), Memory(memory))).await
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
