//! A stored object, opened for reading.

use std::fmt;
use std::fs::File;
use std::future::ready;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::task::{spawn_blocking, yield_now};

/// Bytes read at a time: two or three times as many are held for each reader.
pub(super) const CHUNK: usize = 128 * 1024;

/// After so many chunks that were all in the system's cache, others have their turn.
const IN_A_ROW: u64 = 4;

/// A stored object, opened for reading.
pub struct Object {
    /// Size of the whole object in bytes, whatever part of it was asked for.
    pub size: u64,
    /// The bytes asked for, read as they are taken: at most some 400 KiB are held at a time. Dropping it stops the reading.
    pub stream: BoxStream<'static, io::Result<Bytes>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Object {
    /// The bytes of a file, all or those from the first to the last position given. To be called where blocking is allowed.
    pub(super) fn of(file: File, range: Option<(u64, u64)>) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let (first, last) = range.unwrap_or((0, u64::MAX));
        let end = last.saturating_add(1).min(size);
        let first = first.min(end);
        if end - first <= CHUNK as u64 {
            // All of it by this one visit to the disk.
            let bytes = read_at(&file, first, end - first)?;
            return Ok(Self { size, stream: stream::once(ready(Ok(bytes))).boxed() });
        }
        let file = Arc::new(file);
        let chunks = (first..end).step_by(CHUNK).zip(1..).map(move |(at, number)| {
            let (file, length) = (Arc::clone(&file), (end - at).min(CHUNK as u64));
            async move {
                if number % IN_A_ROW == 0 {
                    yield_now().await;
                }
                if let Some(bytes) = read_cached(&file, at, length) {
                    return Ok(bytes);
                }
                let read = spawn_blocking(move || read_at(&file, at, length));
                read.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
            }
        });
        // The next one is read while this one is sent.
        Ok(Self { size, stream: stream::iter(chunks).buffered(2).boxed() })
    }

    /// Bytes in memory, all or those from the first to the last position given.
    #[must_use]
    pub fn of_bytes(mut bytes: Bytes, range: Option<(u64, u64)>) -> Self {
        let size = bytes.len() as u64;
        let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        if let Some((first, last)) = range {
            let (first, end) = (position(first), position(last.saturating_add(1)));
            bytes = bytes.slice(first.min(end)..end);
        }
        Self { size, stream: stream::once(ready(Ok(bytes))).boxed() }
    }
}

/// That many bytes from a position on.
fn read_at(file: &File, at: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes.into())
}

/// The same if the system has all of it in memory, which takes no other thread (preadv2(2), `RWF_NOWAIT`): two changes of
/// thread for each chunk were a quarter of what sending an original cost.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, at: u64, length: u64) -> Option<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    let part = &mut [io::IoSliceMut::new(&mut bytes)];
    let read = rustix::io::preadv2(file, part, at, rustix::io::ReadWriteFlags::NOWAIT).ok()?;
    (read == bytes.len()).then(|| bytes.into())
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: u64, _: u64) -> Option<Bytes> {
    None
}
