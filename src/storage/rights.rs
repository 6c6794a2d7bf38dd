//! Whether the storage lets us do what photos need: each thing is tried, with an object that is removed again.

use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{Kind, ObjectKey, Storage, StorageError, cause};

/// What the object holds.
const BYTES: &[u8] = b"lumina doctor";

/// One thing that was tried. False: it was answered well, and is not what it should be.
pub type Trial = (&'static str, Result<bool, StorageError>);

/// Something that photos need cannot be done; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[error("Photos cannot be kept in {place}: {what} does not work there ({why}). {advice}")]
pub struct MissingRight {
    place: String,
    what: &'static str,
    why: String,
    advice: &'static str,
}

impl Storage {
    /// Tries everything. Should the last of it fail, the object is left behind, and found later by the doctor.
    pub async fn try_rights(&self) -> Vec<Trial> {
        let key = ObjectKey::new(Uuid::now_v7(), Kind::Original);
        let folder = key.to_string().trim_end_matches("original").to_owned();
        let mut trials: Vec<Trial> = Vec::new();
        trials.push(("put", self.put_bytes(key, BYTES.to_vec()).await.map(|()| true)));
        trials.push(("get", self.read(key, None).await.map(|read| read == BYTES)));
        trials.push(("range", self.read(key, Some((7, 9))).await.map(|read| read == b"doc")));
        let listed: Result<Vec<_>, _> =
            self.list(&folder).map_ok(|listed| (listed.key, listed.size)).try_collect().await;
        trials.push(("list", listed.map(|listed| listed == [(key.to_string(), BYTES.len() as u64)])));
        // What programs put in themselves is put at such an address.
        match self.put_at_url(key, BYTES.to_vec()).await {
            Ok(false) => {}
            done => trials.push(("presign", done)),
        }
        let deleted = match self.delete(key).await {
            Ok(()) => self.has(key).await.map(|there| !there),
            Err(error) => Err(error),
        };
        trials.push(("delete", deleted));
        trials
    }

    /// For the start: nobody is to find out by an upload that the storage takes none. A storage that is full lets us start, as
    /// photos can be seen and deleted.
    ///
    /// # Errors
    /// Names what cannot be done, and what would help.
    pub async fn require_rights(&self) -> Result<(), MissingRight> {
        // What may not be deleted is not put either: a server that is started again and again would fill the bucket.
        let absent = ObjectKey::new(Uuid::now_v7(), Kind::Original);
        let mut trials = vec![("delete", self.delete(absent).await.map(|()| true))];
        if trials.iter().all(|(_, done)| done.is_ok()) {
            trials.extend(self.try_rights().await);
        }
        if trials.iter().any(|(_, done)| matches!(done, Err(StorageError::Full))) {
            tracing::warn!("{self} is full: photos can be seen and deleted there, and none can be added");
            return Ok(());
        }
        let failed = trials.into_iter().find_map(|(what, done)| match done {
            Ok(true) => None,
            Ok(false) => Some((what, "the answer is wrong".to_owned())),
            Err(error) => Some((what, cause(&error))),
        });
        let Some((what, why)) = failed else { return Ok(()) };
        let advice = match self {
            Self::Disk(_) => "Let the user that Lumina runs as write there, or choose another data_dir.",
            Self::S3(_) => {
                "Give the key of s3.aws_access_key_id the right to list, read, write and delete there (s3:ListBucket, \
                 s3:GetObject, s3:PutObject, s3:DeleteObject)."
            }
        };
        Err(MissingRight { place: self.to_string(), what, why, advice })
    }

    async fn read(&self, key: ObjectKey, range: Option<(u64, u64)>) -> Result<Vec<u8>, StorageError> {
        let object = self.get(key, range).await?;
        let read = object.stream.try_fold(Vec::new(), async |all, chunk| Ok([all.as_slice(), &chunk].concat()));
        Ok(read.await?)
    }
}
