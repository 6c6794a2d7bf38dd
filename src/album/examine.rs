//! Whether a photo's row and its stored bytes belong together, told for sure: what the [walk](super::library) makes suspect is
//! asked of the database and the storage again, until both hold still.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::album::{Album, GRACE, hex};
use crate::error::AppError;
use crate::media::{RenditionName, VERSION};
use crate::models::inventory::{self, Inventoried};
use crate::models::{PhotoId, UserId, public_copy, stray};
use crate::storage::{Kind, Listed, Object, ObjectKey, Storage, StorageError};

/// Objects looked at together.
const AT_ONCE: usize = 16;

/// How often a photo is looked at that changes meanwhile.
const LOOKS: u32 = 3;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is said by its Display")]
pub enum Finding {
    OriginalMissing { photo: Uuid },
    OriginalSize { photo: Uuid, expected: u64, found: u64 },
    OriginalAltered { photo: Uuid, expected: String, found: String },
    RenditionMissing { photo: Uuid, rendition: RenditionName },
    RenditionDamaged { photo: Uuid, rendition: RenditionName },
    PublicCopyMissing { photo: Uuid, copy: Uuid, rendition: RenditionName },
    Unreadable { key: String, why: String },
    Unreferenced { key: String, size: u64, modified: DateTime<Utc> },
    UnknownName { key: String, size: u64 },
    Miscounted { owner: i64, counts: i64 },
}

impl Finding {
    /// The id of the object that no row names.
    #[must_use]
    pub fn unreferenced(&self) -> Option<Uuid> {
        let Self::Unreferenced { key, .. } = self else { return None };
        key.parse().ok().map(ObjectKey::id)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OriginalMissing { photo } => write!(f, "photo {photo}: its original is missing"),
            Self::OriginalSize { photo, expected, found } => {
                write!(f, "photo {photo}: its original has {found} bytes, not {expected}")
            }
            Self::OriginalAltered { photo, expected, found } => {
                write!(f, "photo {photo}: its original was altered: its SHA-256 is {found}, not {expected}")
            }
            Self::RenditionMissing { photo, rendition } => {
                write!(f, "photo {photo}: its rendition {rendition} is missing")
            }
            Self::RenditionDamaged { photo, rendition } => {
                write!(f, "photo {photo}: its rendition {rendition} is damaged")
            }
            Self::PublicCopyMissing { photo, rendition, .. } => {
                write!(f, "photo {photo}: the public copy of its rendition {rendition} is missing")
            }
            Self::Unreadable { key, why } => write!(f, "{key} cannot be read: {why}"),
            Self::Unreferenced { key, size, modified } => {
                write!(f, "{key} ({size} bytes, stored {}) is named by no row", modified.format("%Y-%m-%d %H:%M UTC"))
            }
            Self::UnknownName { key, size } => write!(f, "{key} ({size} bytes) has no name of Lumina's"),
            Self::Miscounted { owner, counts } => write!(f, "user {owner}: {counts} counts of photos are wrong"),
        }
    }
}

/// The objects that a photo has: those that are known to be stored, and for certain.
pub fn promised(row: &Inventoried) -> impl Iterator<Item = Kind> + use<> {
    // What an older version made may be there or not; a newer one's is not known here.
    let known = row.renditions_version == VERSION;
    let moving = (known && row.animated).then_some(RenditionName::Moving);
    let stills = RenditionName::STILLS.into_iter().filter(move |_| known);
    [Kind::Original].into_iter().chain(stills.chain(moving).map(Kind::Rendition))
}

/// Size and SHA-256 of an object, read whole.
///
/// # Errors
/// As [`Storage::get`], and when it ends early.
pub async fn digest(storage: &Storage, key: ObjectKey) -> Result<(u64, Vec<u8>), StorageError> {
    let Object { stream, .. } = storage.get(key, None).await?;
    let (size, hash) = stream
        .try_fold((0, Sha256::new()), async |(size, hash), chunk| {
            Ok((size + chunk.len() as u64, hash.chain_update(&chunk)))
        })
        .await?;
    Ok((size, hash.finalize().to_vec()))
}

impl Album {
    /// What is wrong with a photo whose row and objects the walk has found; with `deep` its original is read too.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when the database or the storage went away.
    pub async fn examine(
        &self,
        row: &Inventoried,
        stored: &[(Kind, Listed)],
        deep: bool,
    ) -> Result<Vec<Finding>, AppError> {
        let size_of = |kind| stored.iter().find(|(of, _)| *of == kind).map(|(_, listed)| listed.size);
        let looks_well = promised(row).all(|kind| match (kind, size_of(kind)) {
            (Kind::Original, size) => size == Some(row.size_bytes.unsigned_abs()),
            (_, size) => size.is_some_and(|size| size > 0),
        });
        if looks_well && !deep {
            return Ok(Vec::new());
        }
        let mut findings = Vec::new();
        let mut now = self.row(row.id).await?;
        for _ in 0..LOOKS {
            let Some(row) = now else { return Ok(Vec::new()) };
            findings = self.faults_of(&row, deep).await?;
            if findings.is_empty() {
                break;
            }
            // Deleted or made anew while it was looked at?
            now = self.row(row.id).await?;
            if now.as_ref() == Some(&row) {
                break;
            }
        }
        Ok(findings)
    }

    async fn row(&self, id: PhotoId) -> Result<Option<Inventoried>, AppError> {
        self.db.read(move |conn| Inventoried::now(conn, id)).await
    }

    async fn faults_of(&self, row: &Inventoried, deep: bool) -> Result<Vec<Finding>, AppError> {
        let mut findings = Vec::new();
        let photo = row.id.0;
        let copies = row.public_copy.filter(|_| deep && self.publishes).into_iter().flat_map(|copy| {
            let renditions = promised(row).filter_map(Kind::rendition);
            renditions.map(move |name| ObjectKey::new(copy, Kind::Public(name)))
        });
        let own = promised(row).map(|kind| ObjectKey::new(photo, kind));
        for key in own.chain(copies) {
            let looked = match key.kind() {
                Kind::Original => self.look_at_original(row, key, deep).await,
                Kind::Rendition(name) => self.look_at_rendition(photo, name, key).await,
                Kind::Public(name) => self.storage.has(key).await.map(|there| {
                    (!there).then(|| Finding::PublicCopyMissing { photo, copy: key.id(), rendition: name })
                }),
                // No photo has one.
                Kind::Upload | Kind::Instance => continue,
            };
            match looked {
                Ok(finding) => findings.extend(finding),
                Err(error) if self.storage.is_up().await.is_err() => return Err(error.into()),
                // It alone cannot be read.
                Err(error) => findings.push(Finding::Unreadable { key: key.to_string(), why: why(&error) }),
            }
        }
        Ok(findings)
    }

    async fn look_at_original(
        &self,
        row: &Inventoried,
        key: ObjectKey,
        deep: bool,
    ) -> Result<Option<Finding>, StorageError> {
        let (photo, expected) = (row.id.0, row.size_bytes.unsigned_abs());
        let found = match self.storage.stat(key).await {
            Err(StorageError::NotFound) => return Ok(Some(Finding::OriginalMissing { photo })),
            size => size?,
        };
        if found != expected {
            return Ok(Some(Finding::OriginalSize { photo, expected, found }));
        }
        if !deep {
            return Ok(None);
        }
        let (_, sha256) = match digest(&self.storage, key).await {
            Err(StorageError::NotFound) => return Ok(Some(Finding::OriginalMissing { photo })),
            read => read?,
        };
        let altered = || Finding::OriginalAltered { photo, expected: hex(&row.sha256), found: hex(&sha256) };
        Ok((sha256 != row.sha256).then(altered))
    }

    async fn look_at_rendition(
        &self,
        photo: Uuid,
        name: RenditionName,
        key: ObjectKey,
    ) -> Result<Option<Finding>, StorageError> {
        match self.storage.stat(key).await {
            Err(StorageError::NotFound) => Ok(Some(Finding::RenditionMissing { photo, rendition: name })),
            Ok(0) => Ok(Some(Finding::RenditionDamaged { photo, rendition: name })),
            size => size.map(|_| None),
        }
    }

    /// Those of these objects, which no photo's row named, that nothing names and that are no longer on their way. Answers
    /// also how many of the last [days](GRACE) nothing names: they go by themselves.
    ///
    /// # Errors
    /// [`AppError::Unavailable`].
    pub async fn left_behind(&self, objects: Vec<Listed>) -> Result<(Vec<Finding>, u64), AppError> {
        let recent = Utc::now() - GRACE;
        let keyed: Vec<_> = objects.into_iter().map(|listed| (listed.key.parse::<ObjectKey>().ok(), listed)).collect();
        let ids: Vec<Uuid> = keyed.iter().filter_map(|(key, _)| Some(key.as_ref()?.id())).collect();
        let named = if ids.is_empty() { HashSet::new() } else { self.named(ids).await? };
        let unnamed = keyed.into_iter().filter(|(key, _)| key.is_none_or(|key| !named.contains(&key.id())));
        let mut looked = stream::iter(unnamed)
            .map(async |(key, listed)| {
                let Some(key) = key else { return Ok((false, Some(listed))) };
                // Named until it was removed, a moment ago?
                let is_there = self.storage.has(key).await?;
                Ok::<_, StorageError>((true, is_there.then_some(listed)))
            })
            .buffered(AT_ONCE);
        let (mut findings, mut young) = (Vec::new(), 0);
        while let Some((known, listed)) = looked.try_next().await? {
            let Some(Listed { key, size, modified }) = listed else { continue };
            match known {
                true if modified >= recent => young += 1,
                true => findings.push(Finding::Unreferenced { key, size, modified }),
                false if modified >= recent => {}
                false => findings.push(Finding::UnknownName { key, size }),
            }
        }
        Ok((findings, young))
    }

    /// Those of these ids that a row names.
    pub(super) async fn named(&self, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, AppError> {
        self.db.read(move |conn| inventory::named(conn, &ids)).await
    }

    /// Removes an object that nothing names, if that has been known for [days](GRACE), else notes it: however old it is,
    /// the database may be an older one, restored by mistake. Answers whether it is removed.
    ///
    /// # Errors
    /// [`AppError::Unavailable`]; [`AppError::Conflict`] when something names it after all.
    pub async fn remove_left_behind(&self, key: ObjectKey) -> Result<bool, AppError> {
        if self.named(vec![key.id()]).await?.contains(&key.id()) {
            return Err(AppError::Conflict(format!("{key} is named by now")));
        }
        let (noted, before) = ([key.to_string()], Utc::now() - GRACE);
        let due = self.db.write(move |conn| stray::note(conn, &noted, before)).await?;
        if !due.is_empty() {
            self.storage.delete(key).await?;
        }
        Ok(!due.is_empty())
    }

    /// Has a photo copied anew for the CDN; until then its pages show its own renditions.
    ///
    /// # Errors
    /// Of the database.
    pub async fn withdraw_copy(&self, copy: Uuid) -> Result<(), AppError> {
        self.db.write(move |conn| public_copy::withdraw(conn, copy)).await
    }

    /// Counts that are not what the rows come to.
    ///
    /// # Errors
    /// Of the database.
    pub async fn miscounted(&self) -> Result<Vec<Finding>, AppError> {
        let found = self.db.long(inventory::miscounted).await?;
        Ok(found.into_iter().map(|it| Finding::Miscounted { owner: it.owner_id, counts: it.wrong }).collect())
    }

    /// Counts an owner's photos anew.
    ///
    /// # Errors
    /// Of the database.
    pub async fn recount(&self, owner: i64) -> Result<(), AppError> {
        self.db.long(move |conn| inventory::recount(conn, UserId(owner))).await
    }
}

fn why(error: &StorageError) -> String {
    match error {
        StorageError::Unavailable(cause) => cause.to_string(),
        other => other.to_string(),
    }
}
