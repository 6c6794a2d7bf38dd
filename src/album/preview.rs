//! The JPEG by which other sites show a shared photo: made from a rendition when somebody asks, and kept in memory for a while.
//!
//! It is asked for once or twice by each site where a link is posted, so it is not stored: what is made then can be neither
//! lost nor outdated, and goes with the photo. One is made at a time, so that visitors do not keep uploads waiting.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::Semaphore;

use crate::album::Album;
use crate::album::hot::Hot;
use crate::error::AppError;
use crate::media::{RenditionName, VERSION, preview};
use crate::models::PhotoId;
use crate::storage::{Kind, Object, ObjectKey, StorageError};

/// Memory for those that were asked for of late, in bytes.
const KEPT: u64 = 8 << 20;

/// How long to wait for others to be made.
const PATIENCE: Duration = Duration::from_secs(10);

/// The rendition it is made of: little larger than it is.
const SOURCE: RenditionName = RenditionName::Medium;

/// Those that are made.
#[derive(Clone)]
pub(super) struct Previews {
    kept: Arc<Hot>,
    making: Arc<Semaphore>,
}

impl Previews {
    pub(super) fn new() -> Self {
        Self { kept: Arc::new(Hot::of(KEPT)), making: Arc::new(Semaphore::new(1)) }
    }
}

impl Album {
    /// The preview of a photo, of this size, all of it or a part. The caller has found out that the one who asks may see it, and which
    /// version its renditions are of.
    ///
    /// # Errors
    /// As [`Album::bytes`]; [`AppError::Unavailable`] also when too many ask at once.
    pub async fn preview(
        &self,
        photo: PhotoId,
        size: (u32, u32),
        version: i16,
        range: Option<(u64, u64)>,
    ) -> Result<Object, AppError> {
        let key = (photo, SOURCE, version);
        if let Some(object) = self.previews.kept.get(&key, range) {
            return Ok(object);
        }
        let making = actix_web::rt::time::timeout(PATIENCE, self.previews.making.clone().acquire_owned()).await;
        let making =
            making.map_err(|_| AppError::unavailable("too many previews at once"))?.map_err(AppError::internal)?;
        // Somebody else may have asked for the same.
        if let Some(object) = self.previews.kept.get(&key, range) {
            return Ok(object);
        }
        let source = if version < VERSION { self.nearest(photo, SOURCE).await? } else { SOURCE };
        let rendition = self.whole(photo, source).await?;
        // It has at most these edges.
        let largest = (source.edge(), source.edge());
        let make = move || {
            // The work goes on when the visitor has gone: until it ends nobody else's begins.
            let _making = making;
            preview::make(&rendition, largest, size)
        };
        let (made, _memory) = self.decoders.run(preview::working_bytes(largest), make).await?;
        let bytes = Bytes::from(made.map_err(AppError::internal)?);
        self.previews.kept.insert(key, bytes.clone());
        Ok(Object::of_bytes(bytes, range))
    }

    /// A still rendition in memory: a megabyte or two at most.
    async fn whole(&self, photo: PhotoId, name: RenditionName) -> Result<Bytes, AppError> {
        let mut object = self.storage.get(ObjectKey::new(photo.0, Kind::Rendition(name)), None).await?;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = object.stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(StorageError::from)?);
        }
        Ok(bytes.freeze())
    }
}
