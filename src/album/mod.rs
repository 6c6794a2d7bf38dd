//! The album: what needs rows, stored bytes and image work together.
//!
//! Every door through which a photo comes in ends in [`Album::take_in`], every deletion in [`Album::let_go`], and the
//! [sweeper](sweep) finishes what time or a crash left over. The order of steps is what keeps the promise that no row is
//! without its bytes and no bytes without a row that names them.

mod account_deletion;
mod clean_copy;
mod decoders;
pub mod direct;
pub mod examine;
mod hot;
mod instruments;
pub mod library;
pub mod ownership;
mod preview;
mod process;
pub mod publish;
mod rebuild;
mod receiving;
mod staged;
mod sweep;
mod take_in;
mod tidy;
pub mod transfer;

use std::sync::Arc;

use diesel::PgConnection;
use rayon::ThreadPoolBuildError;

use crate::album::decoders::Decoders;
use crate::album::hot::Hot;
use crate::album::receiving::Receiving;
use crate::config::Limits;
use crate::db::Db;
use crate::error::AppError;
use crate::failpoints::FailPoint;
use crate::media::{Format, OutsideDecoder, RenditionName};
use crate::models::{PhotoId, UserId, removal};
use crate::storage::{Calls, Kind, Object, ObjectKey, Storage};
use crate::threads::InFlight;

pub use clean_copy::CleanCopy;
pub use decoders::DecodersUsage;
pub use instruments::Instruments;
pub use process::hex;
pub use receiving::Incoming;
pub use staged::{Staged, Staging, shown_name};
pub use take_in::{NotTaken, Taken};
pub use tidy::{GRACE, is_suspicious};

/// The photos of this instance. Cloning it is cheap and gives the same album.
#[derive(Clone)]
pub struct Album {
    db: Db,
    storage: Arc<Storage>,
    limits: Limits,
    decoders: Decoders,
    outside: Arc<OutsideDecoder>,
    copies: clean_copy::Turns,
    hot: Arc<Hot>,
    previews: preview::Previews,
    /// Whether a CDN reads what is public straight from the storage.
    publishes: bool,
    instruments: Instruments,
    receiving: Receiving,
}

impl Album {
    /// An album over these rows and bytes, whose image work is behind these pages.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn open(
        db: Db,
        storage: Storage,
        limits: Limits,
        outside: OutsideDecoder,
        publishes: bool,
        pages: &InFlight,
    ) -> Result<Self, ThreadPoolBuildError> {
        let (storage, outside) = (Arc::new(storage), Arc::new(outside));
        let copies = clean_copy::Turns::new();
        let (hot, previews) = (Arc::new(Hot::new()), preview::Previews::new());
        let (decoders, instruments) = (Decoders::start(pages)?, Instruments::default());
        Ok(Self {
            db,
            storage,
            limits,
            decoders,
            outside,
            copies,
            hot,
            previews,
            publishes,
            instruments,
            receiving: Receiving::default(),
        })
    }

    /// The rows.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The bytes.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// What is counted of its work.
    #[must_use]
    pub fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// What is counted of the storage's.
    #[must_use]
    pub fn storage_calls(&self) -> &Calls {
        self.storage.calls()
    }

    /// How busy image work is.
    #[must_use]
    pub fn decoders_usage(&self) -> DecodersUsage {
        self.decoders.usage()
    }

    /// The stored bytes of a photo. The caller has found out that the one who asks may see them, and which version its
    /// renditions are of.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when the storage is away, [`AppError::Internal`] when the bytes are missing.
    pub async fn bytes(
        &self,
        photo: PhotoId,
        kind: Kind,
        version: i16,
        range: Option<(u64, u64)>,
    ) -> Result<Object, AppError> {
        let key = ObjectKey::new(photo.0, kind);
        let Kind::Rendition(name) = kind else { return Ok(self.storage.get(key, range).await?) };
        let hot = (photo, name, version);
        if let Some(object) = self.hot.get(&hot, range) {
            return Ok(object);
        }
        let object = self.storage.get(key, range).await?;
        Ok(if range.is_none() { self.hot.keep(hot, object).await? } else { object })
    }

    /// The rendition to show for this one of a photo whose renditions are of an older version: that one, or what is
    /// nearest to it.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when the storage is away.
    pub async fn nearest(&self, photo: PhotoId, name: RenditionName) -> Result<RenditionName, AppError> {
        for candidate in [name].iter().chain(name.instead()) {
            if self.storage.has(ObjectKey::new(photo.0, Kind::Rendition(*candidate))).await? {
                return Ok(*candidate);
            }
        }
        Ok(name)
    }

    /// Whether photos' bytes can be read and stored now.
    ///
    /// # Errors
    /// [`AppError::Unavailable`].
    pub async fn is_up(&self) -> Result<(), AppError> {
        Ok(self.storage.is_up().await?)
    }

    /// What can be taken in here; some formats need a decoder that is a program of its own.
    pub fn formats(&self) -> impl Iterator<Item = Format> {
        Format::ALL.into_iter().filter(|format| self.outside.takes(*format))
    }

    /// As [`Album::formats`], for people: "JPEG, PNG, GIF or WebP".
    #[must_use]
    pub fn formats_in_words(&self) -> String {
        let names: Vec<_> = self.formats().map(Format::name).collect();
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => names.concat(),
        }
    }

    /// Deletes photos of `owner`, those there are. No door shows them from here on; their bytes go when it is too late
    /// to undo.
    ///
    /// # Errors
    /// Of the database.
    pub async fn let_go(&self, owner: UserId, photos: Vec<PhotoId>) -> Result<Vec<PhotoId>, AppError> {
        let delete = move |conn: &mut PgConnection| {
            removal::delete_photos(conn, owner, &photos).inspect(|_| FailPoint::Removed.reach())
        };
        self.db.write(delete).await.inspect(|_| FailPoint::LetGo.reach())
    }

    /// Takes the deletion back that this photo was part of. Answers the photos that are back.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when it is too late.
    pub async fn take_back(&self, owner: UserId, photo: PhotoId) -> Result<Vec<PhotoId>, AppError> {
        let restore = move |conn: &mut PgConnection| {
            removal::restore_photos(conn, owner, photo).inspect(|_| FailPoint::Restored.reach())
        };
        self.db.write(restore).await.inspect(|_| FailPoint::TakenBack.reach())
    }
}
