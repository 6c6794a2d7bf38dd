//! Objects in a bucket of any S3-compatible storage.
//!
//! An object is put in by one request, however large it is (up to 4 GiB): it is there whole when that was answered, and a
//! request that is cut leaves nothing. Keys are written whole, so that a request may be sent again when its answer was
//! lost. While the bucket is away a [`Circuit`] refuses everything new at once, and finds out by itself when it is back.
//!
//! Files that are being received lie on this machine's disk, in `data_dir/tmp`.

mod check;
mod circuit;
mod client;
mod failure;
mod many_parts;
mod probe;
mod progress;
mod resume;
mod retry;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::list::{self, Listing};
use super::object::CHUNK;
use super::temporary::TemporaryFolder;
use super::{Calls, ClockOffset, Object, ObjectKey, Received, Room, StorageError, Temporary};
use crate::config::S3Config;
use crate::disk_space::DiskSpace;
use crate::supervisor::Supervisor;

pub use check::BucketProblem;
use circuit::Circuit;
use client::{Client, Headers};
use failure::Failure;
use many_parts::ManyParts;

/// A CDN asks again after this: a photo that was taken back is gone from there soon.
const PUBLIC_CACHING: &str = "public, max-age=300";

/// How much and how long. The same everywhere but in tests.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The largest object that goes in one request; S3 takes 5 GiB, and some storage a little less.
    one_request: u64,
    /// How long an answer may take that needs no work.
    answer: Duration,
    /// How long nothing may move while bytes are sent or received.
    standstill: Duration,
    /// The pause before the second try of one thing; it doubles from one to the next.
    first_pause: Duration,
    /// Objects listed at a time; S3 gives no more than 1 000.
    page: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        let (answer, standstill) = (Duration::from_secs(10), Duration::from_secs(20));
        Self { one_request: 4 << 30, answer, standstill, first_pause: Duration::from_millis(150), page: 1000 }
    }
}

/// Photos as objects in a bucket.
#[derive(Clone, Debug)]
pub struct S3 {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    circuit: Circuit,
    temporaries: TemporaryFolder,
    many_parts: ManyParts,
    probing: Mutex<()>,
    bounds: Bounds,
    calls: Calls,
    supervisor: Supervisor,
}

/// What is put in; can be read from its beginning as often as it has to be sent.
#[derive(Debug)]
enum Source {
    File(Received),
    Bytes(Bytes),
}

impl S3 {
    /// See [`super::Storage::s3`].
    pub(super) async fn open(data_dir: &Path, space: DiskSpace, config: &S3Config) -> Result<Self, super::OpenError> {
        Self::open_within(Bounds::default(), data_dir, space, config).await
    }

    async fn open_within(
        bounds: Bounds,
        data_dir: &Path,
        space: DiskSpace,
        config: &S3Config,
    ) -> Result<Self, super::OpenError> {
        let temporaries =
            TemporaryFolder::open(data_dir, space).await.map_err(|error| super::in_folder(data_dir, error))?;
        let client = Client::new(config, bounds).map_err(|failure| BucketProblem::of(&failure, config))?;
        check::check(&client, config, bounds.first_pause).await?;
        let (circuit, many_parts, probing, calls, supervisor) = Default::default();
        let shared = Shared { client, circuit, temporaries, many_parts, probing, bounds, calls, supervisor };
        shared.circuit.succeeded();
        Ok(Self { shared: Arc::new(shared) })
    }

    pub(super) fn temporaries(&self) -> &TemporaryFolder {
        &self.shared.temporaries
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.shared.calls
    }

    pub(super) fn supervisor(&self) -> &Supervisor {
        &self.shared.supervisor
    }

    /// See [`super::Storage::temporary`]. Refuses a file while it could not be put in; it may be one more of many that come
    /// together.
    pub(super) async fn temporary(&self, room: Room) -> Result<Temporary, StorageError> {
        self.shared.circuit.allows_to_keep()?;
        self.shared.temporaries.file(room).await
    }

    /// See [`super::Storage::put_file`].
    pub(super) async fn put_file(&self, key: ObjectKey, file: Received) -> Result<(), StorageError> {
        let size = fs_err::tokio::metadata(file.path()).await?.len();
        if size <= self.shared.bounds.one_request {
            return self.put(key, &Source::File(file), size, Headers::OURS).await;
        }
        // An upload in parts that is dropped half-way stays in the bucket, unseen and paid for. So it goes on when the one
        // who asked for it has gone.
        let this = self.clone();
        #[expect(clippy::disallowed_methods, reason = "it ends when the file is put")]
        let putting = tokio::spawn(async move {
            let (shared, key) = (&this.shared, key.to_string());
            this.keep(|| shared.many_parts.put(&shared.client, &key, file.path())).await
        });
        putting.await.map_err(std::io::Error::other)?
    }

    /// See [`super::Storage::put_bytes`].
    pub(super) async fn put_bytes(&self, key: ObjectKey, bytes: Vec<u8>) -> Result<(), StorageError> {
        let size = bytes.len() as u64;
        self.put(key, &Source::Bytes(bytes.into()), size, Headers::OURS).await
    }

    /// See [`super::Storage::put_public`].
    pub(super) async fn put_public(
        &self,
        key: ObjectKey,
        file: Received,
        content_type: &str,
    ) -> Result<(), StorageError> {
        let size = fs_err::tokio::metadata(file.path()).await?.len();
        self.put(key, &Source::File(file), size, Headers { content_type, caching: Some(PUBLIC_CACHING) }).await
    }

    async fn put(&self, key: ObjectKey, source: &Source, size: u64, headers: Headers<'_>) -> Result<(), StorageError> {
        let key = key.to_string();
        self.keep(|| async {
            let stream = source.read().await.map_err(Failure::ours)?.stream;
            self.shared.client.put(&key, size, stream, headers).await.map_err(Failure::while_changing)
        })
        .await
    }

    /// See [`super::Storage::get`].
    pub(super) async fn get(&self, key: ObjectKey, range: Option<(u64, u64)>) -> Result<Object, StorageError> {
        let key = key.to_string();
        let opened = self.persist(|| self.shared.client.get(&key, range)).await?;
        Ok(self.resuming(key, range.unwrap_or((0, u64::MAX)), opened))
    }

    /// See [`super::Storage::put_url`]. Asks nobody.
    pub(super) async fn put_url(&self, key: ObjectKey, size: u64, lifetime: Duration) -> Result<String, StorageError> {
        self.shared.circuit.allows()?;
        Ok(self.shared.client.put_url(&key.to_string(), size, lifetime).await?)
    }

    /// See [`super::Storage::put_at_url`].
    pub(super) async fn put_at_url(&self, key: ObjectKey, bytes: Vec<u8>) -> Result<(), StorageError> {
        let url = self.put_url(key, bytes.len() as u64, Duration::from_secs(60)).await?;
        Ok(self.shared.client.put_at_url(url, bytes).await?)
    }

    /// See [`super::Storage::stat`].
    pub(super) async fn stat(&self, key: ObjectKey) -> Result<u64, StorageError> {
        let key = key.to_string();
        self.persist(|| self.shared.client.stat(&key)).await
    }

    /// See [`super::Storage::list`].
    pub(super) fn list(&self, prefix: &str) -> Listing {
        let (this, prefix) = (self.clone(), prefix.to_owned());
        list::paged(move |from: Option<String>| {
            let (this, prefix) = (this.clone(), prefix.clone());
            async move { this.persist(|| this.shared.client.list_page(&prefix, from.clone())).await }
        })
    }

    /// See [`super::Storage::abort_parts`].
    pub(super) async fn abort_parts(&self, begun: DateTime<Utc>) -> Result<usize, StorageError> {
        self.persist(|| self.shared.client.abort_parts(begun)).await
    }

    /// See [`super::Storage::clock_offset`].
    pub(super) async fn clock_offset(&self) -> Result<ClockOffset, StorageError> {
        let date =
            self.persist(|| async { self.shared.client.list_one().await.map_err(|(failure, _)| failure) }).await?;
        Ok(date
            .as_deref()
            .and_then(check::clock_offset)
            .map_or(ClockOffset::Unknown, |apart| ClockOffset::Seconds(apart.num_seconds())))
    }

    /// Its name, and where it is.
    pub(super) fn place(&self) -> String {
        self.shared.client.place()
    }

    /// See [`super::Storage::delete`].
    pub(super) async fn delete(&self, key: ObjectKey) -> Result<(), StorageError> {
        let key = key.to_string();
        match self.persist(|| self.shared.client.delete(&key)).await {
            // Most storage says that it is deleted also when it was not there.
            Err(StorageError::NotFound) => Ok(()),
            result => result,
        }
    }
}

impl Source {
    async fn read(&self) -> std::io::Result<Object> {
        match self {
            Self::File(file) => {
                let path = file.path().to_owned();
                spawn_blocking(move || Object::of(fs_err::File::open(path)?.into(), None)).await?
            }
            Self::Bytes(bytes) => {
                let chunks = (0..bytes.len()).step_by(CHUNK);
                let bytes = bytes.clone();
                let size = bytes.len() as u64;
                let chunks = chunks.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + CHUNK))));
                Ok(Object { size, stream: futures_util::stream::iter(chunks).boxed() })
            }
        }
    }
}
