//! The album: what needs rows, stored bytes and image work together.
//!
//! Every door through which a photo comes in ends in [`Album::take_in`], every deletion in [`Album::let_go`], and the
//! [sweeper](sweep) finishes what time or a crash left over. The order of steps is what keeps the promise that no row is
//! without its bytes and no bytes without a row that names them.

mod decoders;
mod staged;
mod sweep;
mod take_in;

use std::sync::Arc;

use rayon::ThreadPoolBuildError;

use crate::album::decoders::Decoders;
use crate::config::Limits;
use crate::db::Db;
use crate::error::AppError;
use crate::models::{PhotoId, UserId, removal};
use crate::storage::{Kind, Object, ObjectKey, Storage};

pub use staged::{Staged, Staging, shown_name};
pub use take_in::NotTaken;

/// The photos of this instance. Cloning it is cheap and gives the same album.
#[derive(Clone)]
pub struct Album {
    db: Db,
    storage: Arc<Storage>,
    limits: Limits,
    decoders: Decoders,
}

impl Album {
    /// An album over these rows and bytes.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn open(db: Db, storage: Storage, limits: Limits) -> Result<Self, ThreadPoolBuildError> {
        Ok(Self { db, storage: Arc::new(storage), limits, decoders: Decoders::start()? })
    }

    /// Begins a file that is being received.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when there is no room for it.
    pub async fn stage(&self) -> Result<Staging, AppError> {
        Ok(Staging::new(self.storage.temporary().await?))
    }

    /// The stored bytes of a photo. The caller has found out that the one who asks may see them.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when the storage is away, [`AppError::Internal`] when the bytes are missing.
    pub async fn bytes(&self, photo: PhotoId, kind: Kind, range: Option<(u64, u64)>) -> Result<Object, AppError> {
        Ok(self.storage.get(ObjectKey::new(photo.0, kind), range).await?)
    }

    /// Deletes photos of `owner`, those there are. No door shows them from here on; their bytes go when it is too late
    /// to undo.
    ///
    /// # Errors
    /// Of the database.
    pub async fn let_go(&self, owner: UserId, photos: Vec<PhotoId>) -> Result<Vec<PhotoId>, AppError> {
        self.db.write(move |conn| removal::delete_photos(conn, owner, &photos)).await
    }

    /// Takes the deletion back that this photo was part of. Answers the photos that are back.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when it is too late.
    pub async fn take_back(&self, owner: UserId, photo: PhotoId) -> Result<Vec<PhotoId>, AppError> {
        self.db.write(move |conn| removal::restore_photos(conn, owner, photo)).await
    }
}
