//! Reading on where a connection was lost.

use std::io::{Error, ErrorKind, Result};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use s3_http::header::HeaderValue;

use super::S3;
use super::retry::pause;
use crate::storage::{Object, StorageError};

/// Connections that may be lost one after the other.
const MOST: u32 = 6;

/// When so many bytes have come by one, those lost before do not count.
const ENOUGH: u64 = 1 << 20;

/// An object, or a part of it, on its way.
struct Reading {
    s3: S3,
    key: String,
    /// What it is a version of, as far as that is known.
    size: u64,
    version: Option<HeaderValue>,
    /// Where the next byte is from, and where the last one.
    at: u64,
    last: u64,
    /// Connections lost.
    lost: u32,
    /// Bytes that came by this one.
    came: u64,
    stream: BoxStream<'static, Result<Bytes>>,
}

impl S3 {
    /// What was opened is `key` from `first` to `last`. It is opened again where the connection was lost.
    pub(super) fn resuming(
        &self,
        key: String,
        (first, last): (u64, u64),
        (Object { size, stream }, version): (Object, Option<HeaderValue>),
    ) -> Object {
        let reading = Reading { s3: self.clone(), key, size, version, at: first, last, lost: 0, came: 0, stream };
        let stream = stream::unfold(Some(reading), |reading| async {
            let mut reading = reading?;
            match reading.next().await? {
                Ok(chunk) => Some((Ok(chunk), Some(reading))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Object { size, stream: stream.boxed() }
    }
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            let error = match self.stream.next().await {
                Some(Ok(chunk)) => {
                    let length = chunk.len() as u64;
                    (self.at, self.came) = (self.at.saturating_add(length), self.came.saturating_add(length));
                    return Some(Ok(chunk));
                }
                _ if self.at > self.last || self.at >= self.size => return None,
                Some(Err(error)) => error,
                None => ErrorKind::UnexpectedEof.into(),
            };
            // What goes wrong after the first byte is known to nobody else.
            self.s3.failed(&error.to_string());
            if self.came >= ENOUGH {
                self.lost = 0;
            }
            // Who waited for this one has waited long enough.
            if self.lost >= MOST || error.kind() == ErrorKind::TimedOut {
                return Some(Err(error));
            }
            tracing::debug!(%error, "reading on");
            // Many may have lost theirs together.
            tokio::time::sleep(pause(self.s3.shared.bounds.first_pause, self.lost)).await;
            self.lost += 1;
            if let Err(error) = self.open_again().await {
                return Some(Err(error));
            }
        }
    }

    async fn open_again(&mut self) -> Result<()> {
        let (client, rest) = (&self.s3.shared.client, Some((self.at, self.last)));
        let opened = self.s3.keep(|| client.get(&self.key, rest)).await;
        let (Object { size, stream }, version) = opened.map_err(|error| match error {
            StorageError::Unavailable(cause) => cause,
            other => Error::other(other),
        })?;
        // Of some objects there may be another by now.
        let differs = matches!((&version, &self.version), (Some(new), Some(old)) if new != old);
        if size != self.size || differs {
            return Err(Error::other("the object was replaced while it was read"));
        }
        (self.stream, self.came) = (stream, 0);
        Ok(())
    }
}
