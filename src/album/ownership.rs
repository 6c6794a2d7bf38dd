//! Whose photos a storage holds: it keeps the id of the database that names them.
//!
//! To another database every photo in there would look like litter. So what no row names is removed only where this is known.

use futures_util::StreamExt;
use uuid::Uuid;

use crate::album::Album;
use crate::error::AppError;
use crate::models::{Photo, instance};
use crate::storage::{Kind, ObjectKey, Storage, StorageError};

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

    /// Writes down in the storage which database it belongs to, unless it says so already. False when that is
    /// another one, or photos of this one are not in there.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn owns_storage(&self) -> Result<bool, AppError> {
        Ok(self.claim_unowned_storage().await? == Owner::Ours)
    }

    /// What is wrong with serving photos from this storage: it belongs to another database or is empty where this one has
    /// photos, so that one of the two is most likely not the right one. A new storage is claimed.
    ///
    /// # Errors
    /// When the database or the storage is away.
    pub async fn wrong_storage(&self) -> Result<Option<WrongStorage>, AppError> {
        let owner = self.claim_unowned_storage().await?;
        let storage = self.storage.to_string();
        Ok(match owner {
            Owner::Ours => None,
            Owner::Nobody => Some(WrongStorage::Empty { storage }),
            Owner::Another(theirs) => {
                let ours = self.db.read(instance::id).await?;
                Some(WrongStorage::OfAnother { storage, theirs, ours })
            }
        })
    }

    /// Claims the storage if it belongs to nobody, unless the photos of this database are somewhere else. Answers whose it is
    /// then.
    async fn claim_unowned_storage(&self) -> Result<Owner, AppError> {
        let owner = self.owner().await?;
        if owner != Owner::Nobody || self.is_without_photos().await? {
            return Ok(owner);
        }
        let ours = self.db.read(instance::id).await?;
        claim(&self.storage, ours).await?;
        Ok(Owner::Ours)
    }

    /// Whether the database names photos of which the storage has none. A few are looked for, as one may have been lost.
    async fn is_without_photos(&self) -> Result<bool, AppError> {
        let latest = self.db.read(|conn| Photo::latest_ids(conn, LOOKED_FOR)).await?;
        for &photo in &latest {
            if self.storage.has(ObjectKey::new(photo.0, Kind::Original)).await? {
                return Ok(false);
            }
        }
        Ok(!latest.is_empty())
    }
}

/// How many photos are looked for in a storage that does not say whose it is.
const LOOKED_FOR: i64 = 20;

/// The storage is most likely not the one of this database. Its text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum WrongStorage {
    /// It belongs to another database.
    #[error(
        "{storage} holds the photos of another database ({}); the database in use is {ours}. Nothing was changed.\n\
         If the database in use is the wrong one (a disk that is not mounted, another DATA_DIR or DATABASE_URL): name the right \
         one and start again.\n\
         If the other database is lost: `lumina restore` fills a new one from a backup. One that was interrupted is run again.\n\
         If this is a new album: give it an empty bucket or folder.\n\
         If the database in use shall take over that storage: remove the object {} from it and start again. What this database \
         does not name is then deleted there after seven days.",
        theirs.map_or_else(|| "unknown".to_owned(), |id| id.to_string()), ObjectKey::INSTANCE
    )]
    OfAnother {
        /// Its name.
        storage: String,
        /// The other database, unless it cannot be told.
        theirs: Option<Uuid>,
        /// The database in use.
        ours: Uuid,
    },
    /// The database has photos, and none of them is in there.
    #[error(
        "{storage} is empty, and the database in use has photos. Nothing was stored there.\n\
         If its disk is not mounted, or another bucket or DATA_DIR was meant: name the right one and start again.\n\
         If the photos are elsewhere: `lumina storage copy` brings them over, `lumina restore` from a backup.\n\
         If they are lost and the album shall go on without them: put an object named {} in there, which holds the id of this \
         database (SELECT id FROM instance), and start again.",
        ObjectKey::INSTANCE
    )]
    Empty {
        /// Its name.
        storage: String,
    },
}
