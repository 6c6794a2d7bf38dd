//! The small renditions that were asked for of late, in memory: galleries ask for them sixty at a time and again and again.
//!
//! Only bytes are here. Who may have them is asked before, each time. They are kept under the version of the photo's
//! renditions, so that those made anew are other ones.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::media::RenditionName;
use crate::models::PhotoId;
use crate::storage::{Object, StorageError};

/// Memory for them all, in bytes.
const ALL: u64 = 16 << 20;

/// The largest one that is kept, in bytes.
const LARGEST: u64 = 128 << 10;

/// How many there may be, for the cache's tables: of 16 KiB each.
const ABOUT: usize = 1024;

/// Which rendition, of which version.
pub(super) type Key = (PhotoId, RenditionName, i16);

#[derive(Clone)]
struct Size;

impl Weighter<Key, Bytes> for Size {
    fn weight(&self, _: &Key, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + 256
    }
}

/// Bytes in memory, the least asked for going first.
pub(super) struct Hot(Cache<Key, Bytes, Size>);

impl Hot {
    pub(super) fn new() -> Self {
        Self::of(ALL)
    }

    /// With room for so many bytes.
    pub(super) fn of(bytes: u64) -> Self {
        Self(Cache::with_weighter(ABOUT, bytes, Size))
    }

    /// Keeps these, whatever their size.
    pub(super) fn insert(&self, key: Key, bytes: Bytes) {
        self.0.insert(key, bytes);
    }

    /// What is kept under this key, all of it or a part.
    pub(super) fn get(&self, key: &Key, range: Option<(u64, u64)>) -> Option<Object> {
        self.0.get(key).map(|bytes| Object::of_bytes(bytes, range))
    }

    /// Keeps a whole object if it is small; then it is read here.
    pub(super) async fn keep(&self, key: Key, object: Object) -> Result<Object, StorageError> {
        if object.size > LARGEST {
            return Ok(object);
        }
        let Object { size, mut stream } = object;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            if bytes.is_empty() && chunk.len() as u64 == size {
                bytes = chunk.into();
            } else {
                bytes.extend_from_slice(&chunk);
            }
        }
        let bytes = bytes.freeze();
        if bytes.len() as u64 == size {
            self.0.insert(key, bytes.clone());
        }
        Ok(Object::of_bytes(bytes, None))
    }
}
