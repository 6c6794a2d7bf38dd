//! The names of stored objects, as types and as text.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::media::RenditionName;

/// What the keys of all photos' objects begin with.
pub const PHOTOS: &str = "photos/";

/// Which of a photo's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The bytes as they were uploaded.
    Original,
    /// A copy made from them.
    Rendition(RenditionName),
}

impl Kind {
    /// All objects that a photo may have.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Original].into_iter().chain(RenditionName::ALL.map(Self::Rendition))
    }
}

/// Names one stored object. Made from a photo's id alone, never from anything a user typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    photo: Uuid,
    kind: Kind,
}

impl ObjectKey {
    /// The key of the photo's object of this kind.
    pub fn new(photo: Uuid, kind: Kind) -> Self {
        Self { photo, kind }
    }

    /// Whose object it is.
    #[must_use]
    pub fn photo(self) -> Uuid {
        self.photo
    }

    /// Which of the photo's.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }
}

/// `photos/{shard}/{photo}/original`, `…/small.webp` and so on, `…/moving`.
///
/// The shard is the id's last byte: it spreads photos evenly over 256 folders, which the id's first bytes, a clock, would not.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [.., shard] = *self.photo.as_bytes();
        write!(f, "{PHOTOS}{shard:02x}/{}/", self.photo)?;
        match self.kind {
            Kind::Original => f.write_str("original"),
            // Of the type of the original.
            Kind::Rendition(name @ RenditionName::Moving) => write!(f, "{name}"),
            Kind::Rendition(name) => write!(f, "{name}.webp"),
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
        let photo = text.rsplit('/').nth(1).and_then(|id| id.parse().ok()).ok_or(UnknownKey)?;
        Kind::all().map(|kind| Self::new(photo, kind)).find(|key| key.to_string() == text).ok_or(UnknownKey)
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
        for kind in Kind::all() {
            let key = ObjectKey::new(Uuid::now_v7(), kind);
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        let upper = ID.to_uppercase();
        let bare = ID.replace('-', "");
        for text in [
            String::new(),
            "/".into(),
            format!("photos/b7/{ID}"),
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
