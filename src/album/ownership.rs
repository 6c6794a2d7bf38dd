//! Whose photos a storage holds: it keeps the id of the database that names them.
//!
//! To another database every photo in there would look like litter. So what no row names is removed only where this is known.

use futures_util::StreamExt;
use uuid::Uuid;

use crate::album::Album;
use crate::error::AppError;
use crate::models::instance;
use crate::storage::{ObjectKey, Storage, StorageError};

/// Whose photos they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This database's.
    Ours,
    /// It does not say so: nothing was ever stored there, or only by hand.
    Nobody,
    /// Those of the database with this id; `None`: of one that cannot be told.
    Another(Option<Uuid>),
}

/// Whose photos this storage holds, to the database with the id `ours`.
///
/// # Errors
/// When the storage is away.
pub async fn owner_of(storage: &Storage, ours: Uuid) -> Result<Owner, StorageError> {
    let mut stream = match storage.get(ObjectKey::INSTANCE, None).await {
        Err(StorageError::NotFound) => return Ok(Owner::Nobody),
        object => object?.stream,
    };
    let mut theirs = Vec::new();
    while let Some(chunk) = stream.next().await {
        theirs.extend_from_slice(&chunk?);
        if theirs.len() > uuid::fmt::Hyphenated::LENGTH {
            break;
        }
    }
    let theirs = Uuid::try_parse_ascii(&theirs).ok();
    Ok(if theirs == Some(ours) { Owner::Ours } else { Owner::Another(theirs) })
}

/// Writes down in the storage that it is of the database with the id `ours`.
///
/// # Errors
/// When the storage is away or full.
pub async fn claim(storage: &Storage, ours: Uuid) -> Result<(), StorageError> {
    storage.put_bytes(ObjectKey::INSTANCE, ours.to_string().into_bytes()).await
}

impl Album {
    /// Whose photos the storage holds.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn owner(&self) -> Result<Owner, AppError> {
        let ours = self.db.read(instance::id).await?;
        Ok(owner_of(&self.storage, ours).await?)
    }

    /// Writes down in the storage which database it belongs to, unless it says so already. False when that is another one.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn owns_storage(&self) -> Result<bool, AppError> {
        let ours = self.db.read(instance::id).await?;
        let owner = owner_of(&self.storage, ours).await?;
        if owner == Owner::Nobody {
            claim(&self.storage, ours).await?;
        }
        Ok(!matches!(owner, Owner::Another(_)))
    }
}
