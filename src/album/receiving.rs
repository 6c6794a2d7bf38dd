//! What people send, while it arrives: how many bytes of each lie in temporary files, and which announced uploads are being
//! received. Counted by each process for itself.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::album::{Album, Staging};
use crate::error::AppError;
use crate::models::quota::in_words;
use crate::models::{Quota, Upload, UploadId, UserId};
use crate::storage::{Ledger, Room, StorageError, Temporary};

/// From so many people on those are forgotten who send nothing any more.
const MANY: usize = 1000;

/// Who sends what.
#[derive(Clone, Default)]
pub(super) struct Receiving(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    ledgers: HashMap<UserId, Ledger>,
    uploads: HashSet<UploadId>,
}

/// An announced upload whose bytes come. While it is there nobody else can send to the same upload.
pub struct Incoming {
    file: Temporary,
    turn: Turn,
}

/// That nobody else sends to an upload, until it is dropped.
struct Turn {
    receiving: Receiving,
    upload: UploadId,
}

impl Receiving {
    fn ledger(&self, owner: UserId) -> Ledger {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.ledgers.len() >= MANY {
            inner.ledgers.retain(|_, ledger| ledger.is_in_use());
        }
        inner.ledgers.entry(owner).or_default().clone()
    }

    fn turn(&self, upload: UploadId) -> Option<Turn> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.uploads.insert(upload).then(|| Turn { receiving: self.clone(), upload })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.receiving.0.lock().unwrap_or_else(PoisonError::into_inner).uploads.remove(&self.upload);
    }
}

impl Album {
    /// Begins a file that `owner` sends. All that they have on the way may be as much as their quota has left and one file more
    /// (which of them fit is decided when they are kept), and never more than one person may have on the way.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when there is no room for it, or the database is away.
    pub async fn stage(&self, owner: UserId) -> Result<Staging, AppError> {
        Ok(Staging::new(self.storage.temporary(self.room_for(owner).await?).await?))
    }

    async fn room_for(&self, owner: UserId) -> Result<Room, AppError> {
        let quota = self.db.read(move |conn| Quota::of(conn, owner)).await?;
        let ledger = self.receiving.ledger(owner);
        let most = self.limits.staged_bytes();
        ledger.allow(quota.left().map_or(most, |left| left.saturating_add(self.limits.upload_bytes()).min(most)));
        Ok(ledger.room())
    }

    /// Begins to receive what was announced.
    ///
    /// # Errors
    /// [`AppError::Conflict`] while another request sends it; as [`Album::stage`].
    pub async fn begin_receiving(&self, upload: &Upload) -> Result<Incoming, AppError> {
        let turn = self.receiving.turn(upload.id).ok_or_else(|| {
            let reason = "Another request is sending this upload. Wait until it has ended, or announce another one.";
            AppError::Conflict(reason.to_owned())
        })?;
        let file = self.storage.temporary(self.room_for(upload.owner_id).await?).await?;
        Ok(Incoming { file, turn })
    }

    /// That more of one person's is on the way than may be at a time.
    pub(super) fn too_much_at_once(&self) -> AppError {
        let most = i64::try_from(self.limits.staged_bytes()).unwrap_or(i64::MAX);
        AppError::OverQuota(format!(
            "This was more than you may send at a time: {}, or what you have room for. Send it again when the rest has arrived.",
            in_words(most),
        ))
    }

    /// Writes what came next.
    ///
    /// # Errors
    /// [`AppError::OverQuota`] when too much of this person's is on the way, [`AppError::Unavailable`].
    pub async fn receive_chunk(&self, incoming: &mut Incoming, chunk: &[u8]) -> Result<(), AppError> {
        match incoming.file.write(chunk).await {
            Err(StorageError::NoRoom) => Err(self.too_much_at_once()),
            written => Ok(written?),
        }
    }

    /// Keeps what has come for an upload until it is confirmed. It replaces what came before.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when there is no room for it, [`AppError::NotFound`] when it was confirmed meanwhile: what came
    /// before is a photo, and this would be counted nowhere.
    pub async fn received(&self, upload: &Upload, incoming: Incoming) -> Result<(), AppError> {
        let Incoming { file, turn: _turn } = incoming;
        let (id, key) = (upload.id, super::direct::key(upload.id));
        self.storage.put_file(key, file.finish().await?).await?;
        if self.db.read(move |conn| Upload::is_open(conn, id)).await? {
            return Ok(());
        }
        self.storage.delete(key).await?;
        Err(AppError::NotFound)
    }
}
