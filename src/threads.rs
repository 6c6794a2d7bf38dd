//! Threads for work that keeps a core busy: as many as the machine has cores, always the same ones. Pages come first.
//!
//! More at once would only use more memory. That they are the same matters for memory too: glibc keeps what a thread
//! freed for that thread, and the runtime's blocking threads are many. Fifty uploads of 40 MB at once took 600 MB while
//! their decoding wandered over those.
//!
//! A page is many short turns between Lumina and Postgres, and each waits for whoever keeps the core busy. So while
//! pages are asked for all the time, one of the threads of each kind begins no job (it may help with the rows of a large
//! JPEG); where there is one core there is one thread, which works on. To make the threads nicer (nice(2)) does not
//! help: Linux weighs the niceness of a thread only within its group, and where Postgres is another group (a service, a
//! container, a session) its turns then wait for up to 180 ms.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::Span;

use crate::error::AppError;

/// How often it is looked whether there are fewer pages.
const LOOK: Duration = Duration::from_millis(50);

/// The threads. They end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Threads {
    pool: Arc<ThreadPool>,
    /// One permit for each thread but the last.
    most: Arc<Semaphore>,
    /// For the last, where there is more than one.
    last: Arc<Semaphore>,
    working: InFlight,
    pages: InFlight,
}

impl Threads {
    /// Starts them, for work that is behind these pages.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(name: &'static str, pages: &InFlight) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .thread_name(move |n| format!("{name}-{n}"))
            // The job's sender is dropped, which tells the one who waits.
            .panic_handler(move |_| tracing::error!(threads = name, "a job panicked"))
            .build()?;
        let count = pool.current_num_threads();
        let last = usize::from(count > 1);
        let (most, last) = (Arc::new(Semaphore::new(count.saturating_sub(last))), Arc::new(Semaphore::new(last)));
        Ok(Self { pool: Arc::new(pool), most, last, working: InFlight::default(), pages: pages.clone() })
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// How many work.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.working.count()
    }

    /// Runs `job` when it is its turn: first come, first served. Waiting costs no thread.
    ///
    /// # Errors
    /// [`AppError::Internal`] when the job panicked.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
        let turn = self.turn().await?;
        let (done, result) = oneshot::channel();
        let (span, working) = (Span::current(), self.working.begin());
        self.pool.spawn_fifo(move || {
            let turn = (turn, working);
            let value = span.in_scope(job);
            drop(turn);
            // Nobody waits for the result any more when the client has gone.
            drop(done.send(value));
        });
        result.await.map_err(AppError::internal)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, AppError> {
        let last = async {
            let turn = Arc::clone(&self.last).acquire_owned().await;
            // They would keep all cores busy by themselves.
            while self.pages.count() >= self.count() {
                tokio::time::sleep(LOOK).await;
            }
            turn
        };
        tokio::select! {
            biased;
            turn = Arc::clone(&self.most).acquire_owned() => turn,
            turn = last => turn,
        }
        .map_err(AppError::internal)
    }
}

/// How many of something go on at the same time. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct InFlight(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Flight(InFlight);

impl InFlight {
    /// One more.
    #[must_use]
    pub fn begin(&self) -> Flight {
        self.0.fetch_add(1, Relaxed);
        Flight(self.clone())
    }

    /// How many there are now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// Begins a job that lasts until something is sent or the sender is dropped.
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    fn begin(threads: &Threads, until: Receiver<()>) -> tokio::task::JoinHandle<Result<(), AppError>> {
        let threads = threads.clone();
        tokio::spawn(async move { threads.run(move || until.recv().unwrap_or_default()).await })
    }

    #[tokio::test]
    async fn all_work_but_one_while_pages_are_many() {
        let pages = InFlight::default();
        let threads = Threads::start("tests", &pages).unwrap();
        let count = threads.count();
        let many: Vec<_> = (0..count).map(|_| pages.begin()).collect();
        let (senders, jobs): (Vec<_>, Vec<_>) = (0..count + 1)
            .map(|_| {
                let (sender, until) = channel();
                (sender, begin(&threads, until))
            })
            .unzip();
        tokio::time::sleep(3 * LOOK).await;
        assert_eq!(threads.busy(), (count - 1).max(1));
        drop(many);
        while threads.busy() < count {
            tokio::time::sleep(LOOK).await;
        }
        drop(senders);
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        assert_eq!(threads.busy(), 0);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_its_thread_works_on() {
        let threads = Threads::start("tests", &InFlight::default()).unwrap();
        for _ in 0..2 * threads.count() {
            assert!(matches!(threads.run::<()>(|| panic!("on purpose")).await, Err(AppError::Internal(_))));
        }
        assert_eq!(threads.run(|| 1).await.unwrap(), 1);
        assert_eq!(threads.busy(), 0);
    }
}
