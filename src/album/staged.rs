//! A file on its way in: kept in a temporary file, counted and hashed while it streams.
//!
//! Bytes for which its owner has no room are counted and hashed all the same, and not kept: a photo that is here already can
//! be sent again when there is no room for another one.

use sha2::{Digest, Sha256};

use crate::error::AppError;
use crate::failpoints::FailPoint;
use crate::media;
use crate::storage::{Received, StorageError, Temporary};

/// A file that is being received. Dropping it leaves nothing behind.
pub struct Staging {
    /// `None`: there was no room for it.
    file: Option<Temporary>,
    size: u64,
    sha256: Sha256,
    head: Vec<u8>,
}

/// A file that has arrived whole.
pub struct Staged {
    /// `None`: there was no room for it.
    pub(super) file: Option<Received>,
    pub(super) filename: String,
    pub(super) size: u64,
    pub(super) sha256: Vec<u8>,
    pub(super) head: Vec<u8>,
}

impl Staged {
    /// As it is shown.
    #[must_use]
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// Of its bytes.
    #[must_use]
    pub fn sha256(&self) -> &[u8] {
        &self.sha256
    }
}

impl Staging {
    pub(super) fn new(file: Temporary) -> Self {
        Self { file: Some(file), size: 0, sha256: Sha256::new(), head: Vec::with_capacity(media::HEAD) }
    }

    /// Adds what came next.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when there is no room.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), AppError> {
        if let Some(file) = &mut self.file {
            match file.write(chunk).await {
                // Dropped, so that others have the room that it held.
                Err(StorageError::NoRoom) => self.file = None,
                written => written?,
            }
        }
        self.sha256.update(chunk);
        self.size += chunk.len() as u64;
        let missing = media::HEAD - self.head.len();
        self.head.extend(chunk.iter().take(missing));
        Ok(())
    }

    /// Bytes so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Everything has come. `filename` is for people: it may be anything.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when there is no room.
    pub async fn finish(self, filename: &str) -> Result<Staged, AppError> {
        let file = match self.file {
            Some(file) => Some(file.finish().await?),
            None => None,
        };
        FailPoint::Staged.reach();
        Ok(Staged {
            file,
            filename: shown_name(filename),
            size: self.size,
            sha256: self.sha256.finalize().to_vec(),
            head: self.head,
        })
    }
}

/// What is kept of a name somebody sent: its last part, without control characters or overlong tails. Old browsers send
/// whole paths, and others send whatever they like.
#[must_use]
pub fn shown_name(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let name: String = last.trim().chars().filter(|c| !c.is_control()).take(255).collect();
    if name.is_empty() { "photo".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::shown_name;

    #[test]
    fn a_name_is_never_a_path_and_never_empty() {
        assert_eq!(shown_name("IMG_1.jpg"), "IMG_1.jpg");
        assert_eq!(shown_name("C:\\Users\\me\\IMG_1.jpg"), "IMG_1.jpg");
        assert_eq!(shown_name("../../etc/passwd"), "passwd");
        assert_eq!(shown_name("a\0b\r\n.jpg"), "ab.jpg");
        for empty in ["", "/", "\\", "\u{1}", "  "] {
            assert_eq!(shown_name(empty), "photo");
        }
        assert_eq!(shown_name(&"é".repeat(300)).chars().count(), 255);
    }
}
