//! How fast a body has to come. Only a request's head has a deadline of the server's; without these a client could keep a
//! file and a connection for ever, by saying nothing or a byte now and then.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use crate::error::AppError;

/// How long a client may be silent in the middle of a body.
pub const SILENCE: Duration = Duration::from_secs(30);

/// How long is waited for at least [`LEAST`] bytes: 1 KiB a second, which the worst of mobile networks has.
const WINDOW: Duration = Duration::from_secs(60);
const LEAST: usize = 60 * 1024;

/// How a body has come of late. Only the time in which we wait counts: our own work is not the client's slowness.
#[derive(Debug, Default)]
pub struct Pace {
    waited: Duration,
    bytes: usize,
}

impl Pace {
    /// What comes next.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] when it does not come in time.
    pub async fn next<S, E>(&mut self, body: &mut S) -> Result<Option<Result<Bytes, E>>, AppError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let begun = Instant::now();
        let chunk = in_time(body.next()).await?;
        if let Some(Ok(chunk)) = &chunk {
            self.came(begun.elapsed(), chunk.len())?;
        }
        Ok(chunk)
    }

    fn came(&mut self, after: Duration, bytes: usize) -> Result<(), AppError> {
        self.waited += after;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited >= WINDOW {
            if self.bytes < LEAST {
                return Err(stopped("The upload was too slow."));
            }
            *self = Self::default();
        }
        Ok(())
    }
}

/// What `work` waits for, unless the client is silent for too long.
///
/// # Errors
/// [`AppError::BadRequest`].
pub async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, AppError> {
    actix_web::rt::time::timeout(SILENCE, work).await.map_err(|_| stopped("The upload stopped."))
}

fn stopped(what: &str) -> AppError {
    AppError::BadRequest(format!("{what} Nothing was kept. Send it again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_cut_and_a_slow_line_is_not() {
        let second = Duration::from_secs(1);
        let mut trickle = Pace::default();
        let cut = (0..120).position(|_| trickle.came(second, 1).is_err());
        assert_eq!(cut, Some(59), "at the end of the first minute");
        let mut slow = Pace::default();
        assert!((0..3600).all(|_| slow.came(second, 1024).is_ok()));
        let mut busy = Pace::default();
        assert!((0..3600).all(|_| busy.came(Duration::ZERO, 1).is_ok()), "we were the slow ones");
    }
}
