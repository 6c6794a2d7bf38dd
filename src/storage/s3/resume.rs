//! Reading on where a connection was lost. Objects never change, so what is missing is the same as it would have been.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::S3;
use crate::storage::{Object, StorageError};

/// An object, or a part of it, on its way.
struct Reading {
    s3: S3,
    key: String,
    /// Of the whole object.
    size: u64,
    /// Where the next byte is from, and where the last one.
    at: u64,
    last: u64,
    /// Whether anything came since it was opened.
    moved: bool,
    stream: BoxStream<'static, std::io::Result<Bytes>>,
}

impl S3 {
    /// `object`, which is `key` from `first` to `last`, as a stream that is opened again when it breaks: as often as that
    /// brings it on.
    pub(super) fn resuming(&self, key: String, (first, last): (u64, u64), object: Object) -> Object {
        let Object { size, stream } = object;
        let reading = Reading { s3: self.clone(), key, size, at: first, last, moved: true, stream };
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
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        loop {
            match self.stream.next().await? {
                Ok(chunk) => {
                    self.at = self.at.saturating_add(chunk.len() as u64);
                    self.moved = true;
                    return Some(Ok(chunk));
                }
                // What goes wrong after the first byte is known to nobody else.
                Err(error) => {
                    self.s3.failed();
                    if self.at > self.last || self.at >= self.size {
                        return None;
                    }
                    if !self.moved {
                        return Some(Err(error));
                    }
                    tracing::debug!(%error, "reading on");
                    if let Err(error) = self.open_again().await {
                        return Some(Err(std::io::Error::other(error)));
                    }
                }
            }
        }
    }

    async fn open_again(&mut self) -> Result<(), StorageError> {
        let (client, rest) = (&self.s3.shared.client, Some((self.at, self.last)));
        let Object { size, stream } = self.s3.go_on(|| client.get(&self.key, rest)).await?;
        if size != self.size {
            return Err(StorageError::Unavailable(std::io::Error::other("the object has another size by now")));
        }
        (self.stream, self.moved) = (stream, false);
        Ok(())
    }
}
