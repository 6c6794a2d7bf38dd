//! A deadline that moves on as long as bytes do: whole transfers may take any time, a standstill may not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::failure::Failure;

/// When the last chunk was taken.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    latest: Arc<Mutex<Instant>>,
    standstill: Duration,
}

impl Progress {
    /// Begins now; `standstill` is how long nothing may move.
    pub(super) fn begin(standstill: Duration) -> Self {
        Self { latest: Arc::new(Mutex::new(Instant::now())), standstill }
    }

    /// `stream`, seen by this.
    pub(super) fn watch<S: Stream>(&self, stream: S) -> impl Stream<Item = S::Item> + use<S> {
        let seen = self.clone();
        stream.inspect(move |_| *seen.latest.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now())
    }

    /// What `work` comes to, unless nothing has moved for too long.
    pub(super) async fn or_late<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep_until(self.latest() + self.standstill) => {}
            }
            if self.latest() + self.standstill <= Instant::now() {
                return Err(Failure::late());
            }
        }
    }

    fn latest(&self) -> Instant {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `stream`, which ends with an error when the next chunk is awaited for longer than `standstill`. Time in which nobody asks for it does
/// not count: a slow reader is not the sender's fault.
pub(super) fn never_idle<E: std::error::Error + Send + Sync + 'static>(
    stream: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    standstill: Duration,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let stream = Some(stream.boxed());
    stream::unfold(stream, move |stream| async move {
        let mut stream = stream?;
        match tokio::time::timeout(standstill, stream.next()).await {
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(stream))),
            Ok(Some(Err(error))) => Some((Err(std::io::Error::other(Failure::unanswered(&error).to_string())), None)),
            Ok(None) => None,
            Err(_) => Some((Err(std::io::ErrorKind::TimedOut.into()), None)),
        }
    })
    .boxed()
}
