//! Background tasks: each is restarted when it panics or ends, and counted.
//!
//! A server may run for months. A task that ended once, whatever the cause, would otherwise be missing until the next
//! restart of the process, and nobody would notice. `clippy.toml` forbids starting tasks elsewhere without saying when they
//! end.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::task::JoinHandle;

/// The pause before the first restart. It doubles up to [`MAX_PAUSE`], and starts over when a task ran longer than that.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A background task, as a metric's label.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct TaskName {
    task: &'static str,
}

/// Starts background tasks and restarts them. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    /// How often each task was restarted.
    pub restarts: Family<TaskName, Counter>,
}

impl Supervisor {
    /// Runs `task` until the handle is aborted, and starts it again when it panics or ends.
    pub fn keep_running<F>(&self, name: &'static str, task: impl Fn() -> F + Send + 'static) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send,
    {
        self.run_until_done(name, move || task().map(|()| ControlFlow::Continue(())))
    }

    /// Runs `task` until it breaks, and starts it again when it panics or ends otherwise.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts tasks which must not be missing")]
    pub fn run_until_done<F>(&self, name: &'static str, task: impl Fn() -> F + Send + 'static) -> JoinHandle<()>
    where
        F: Future<Output = ControlFlow<()>> + Send,
    {
        // Known from the start, so that an alert sees the first restart as an increase.
        let restarts = self.restarts.get_or_create_owned(&TaskName { task: name });
        tokio::spawn(async move {
            let mut pause = MIN_PAUSE;
            loop {
                let started = Instant::now();
                // What it was doing when it panicked is dropped: nothing broken is used again.
                match AssertUnwindSafe(task()).catch_unwind().await {
                    Ok(ControlFlow::Break(())) => return,
                    Ok(ControlFlow::Continue(())) => tracing::error!(task = name, "a background task ended"),
                    Err(_) => tracing::error!(task = name, "a background task panicked"),
                }
                restarts.inc();
                if started.elapsed() > MAX_PAUSE {
                    pause = MIN_PAUSE;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_restarted_and_counted() {
        let supervisor = Supervisor::default();
        let runs = Arc::new(AtomicU64::new(0));
        let counted = runs.clone();
        let task = supervisor.run_until_done("test", move || {
            let run = counted.fetch_add(1, SeqCst);
            async move {
                match run {
                    0 => panic!("on purpose"),
                    1 => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            }
        });
        task.await.unwrap();
        assert_eq!(runs.load(SeqCst), 3);
        assert_eq!(supervisor.restarts.get_or_create(&TaskName { task: "test" }).get(), 2);
    }
}
