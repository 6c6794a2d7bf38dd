//! The names of stored objects, as types and as text.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::media::RenditionName;

/// What the keys of all photos' objects begin with.
pub const PHOTOS: &str = "photos/";

/// What the keys of all copies for a CDN begin with.
pub const PUBLIC: &str = "public/";

/// What the keys begin with of what programs have put into the storage themselves.
pub const UPLOADS: &str = "uploads/";

/// Which of a photo's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The bytes as they were uploaded.
    Original,
    /// A copy made from them.
    Rendition(RenditionName),
    /// A copy of a rendition that a CDN may read. The key's id is that of the copies.
    Public(RenditionName),
    /// No photo yet: bytes that a program has put here and may confirm. The key's id is the upload's.
    Upload,
    /// No photo: which database names what is stored here. There is one.
    Instance,
}

impl Kind {
    /// All objects that a photo may have.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Original].into_iter().chain(RenditionName::ALL.map(Self::Rendition))
    }

    /// Which rendition, if it is one of a photo's own.
    #[must_use]
    pub fn rendition(self) -> Option<RenditionName> {
        if let Self::Rendition(name) = self { Some(name) } else { None }
    }
}

/// Names one stored object. Made from an id alone, never from anything a user typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    id: Uuid,
    kind: Kind,
}

impl ObjectKey {
    /// Where the storage keeps which database it belongs to.
    pub const INSTANCE: Self = Self { id: Uuid::nil(), kind: Kind::Instance };

    /// The key of the object of this kind that belongs to this photo or upload.
    pub fn new(id: Uuid, kind: Kind) -> Self {
        Self { id, kind }
    }

    /// The photo or upload whose object it is.
    #[must_use]
    pub fn id(self) -> Uuid {
        self.id
    }

    /// Which of its objects.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }
}

/// `photos/{shard}/{photo}/original`, `…/small.webp` and so on, `…/moving`; `public/{shard}/{copies}/…`;
/// `uploads/{shard}/{upload}`; `instance`.
///
/// The shard is the id's last byte: it spreads photos evenly over 256 folders, which the id's first bytes, a clock, would not.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, kind } = self;
        let [.., shard] = id.as_bytes();
        match kind {
            Kind::Instance => f.write_str("instance"),
            Kind::Upload => write!(f, "{UPLOADS}{shard:02x}/{id}"),
            Kind::Original => write!(f, "{PHOTOS}{shard:02x}/{id}/original"),
            // Of the type of the original.
            Kind::Rendition(name @ RenditionName::Moving) => write!(f, "{PHOTOS}{shard:02x}/{id}/{name}"),
            Kind::Rendition(name) => write!(f, "{PHOTOS}{shard:02x}/{id}/{name}.webp"),
            Kind::Public(name @ RenditionName::Moving) => write!(f, "{PUBLIC}{shard:02x}/{id}/{name}"),
            Kind::Public(name) => write!(f, "{PUBLIC}{shard:02x}/{id}/{name}.webp"),
        }
    }
}

/// The text is not the name of any object that Lumina stores.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no object of Lumina's has this name")]
pub struct UnknownKey;

/// Takes exactly what `Display` writes.
impl FromStr for ObjectKey {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        if text == Self::INSTANCE.to_string() {
            return Ok(Self::INSTANCE);
        }
        // The id stands last, or last but one.
        let id = text.rsplit('/').take(2).find_map(|part| part.parse().ok()).ok_or(UnknownKey)?;
        let kinds = Kind::all().chain(RenditionName::ALL.map(Kind::Public)).chain([Kind::Upload]);
        kinds.map(|kind| Self::new(id, kind)).find(|key| key.to_string() == text).ok_or(UnknownKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01938d2e-7a10-7c3f-9b21-5d0c8e4f1ab7";

    #[test]
    fn keys_are_made_of_the_id_alone() {
        let id = ID.parse().unwrap();
        let large = Kind::Rendition(RenditionName::Large);
        assert_eq!(ObjectKey::new(id, Kind::Original).to_string(), format!("photos/b7/{ID}/original"));
        assert_eq!(ObjectKey::new(id, large).to_string(), format!("photos/b7/{ID}/large.webp"));
    }

    #[test]
    fn a_key_is_known_by_its_text_and_by_no_other() {
        for kind in Kind::all().chain(RenditionName::ALL.map(Kind::Public)).chain([Kind::Upload]) {
            let key = ObjectKey::new(Uuid::now_v7(), kind);
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!("instance".parse(), Ok(ObjectKey::INSTANCE));
        let upper = ID.to_uppercase();
        let bare = ID.replace('-', "");
        for text in [
            String::new(),
            "/".into(),
            format!("photos/b7/{ID}"),
            format!("uploads/b7/{ID}/original"),
            format!("uploads/b8/{ID}"),
            format!("photos/b7/{ID}/"),
            format!("photos/b7/{ID}/large"),
            format!("photos/b7/{ID}/original.webp"),
            format!("photos/b7/{ID}/original/original"),
            format!("photos/b8/{ID}/original"),
            format!("photos/B7/{ID}/original"),
            format!("photos/b7/{upper}/original"),
            format!("photos/b7/{bare}/original"),
            format!("/photos/b7/{ID}/original"),
            format!("backup/photos/b7/{ID}/original"),
            format!("photos/b7/../b7/{ID}/original"),
        ] {
            assert_eq!(text.parse::<ObjectKey>(), Err(UnknownKey), "{text}");
        }
    }
}
