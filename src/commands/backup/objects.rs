//! The files of a backup: each is named by the SHA-256 of what is in it, appears whole or not at all, and is never changed.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use actix_web::rt::task::spawn_blocking;
use bytes::Bytes;
use fs_err::{self as fs, File};
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::AsyncWriteExt;

use crate::album::hex;
use crate::config::create_private_dir;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Bytes read at a time.
const CHUNK: usize = 128 * 1024;

/// A backup's folder.
#[derive(Clone, Debug)]
pub struct Objects {
    folder: PathBuf,
}

impl Objects {
    /// Opens the folder, or makes it, for our user only. One that holds something else is refused.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(folder: &Path) -> io::Result<Self> {
        create_private_dir(folder)?;
        let ours = ["objects", "tmp", "manifest", "manifests", "unfinished", "lock"];
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            if !ours.iter().any(|ours| name == **ours) {
                let what = format!("{} holds {name:?}, which is no backup: name an empty folder.", folder.display());
                return Err(io::Error::new(ErrorKind::InvalidInput, what));
            }
        }
        Ok(Self { folder: fs::canonicalize(folder)? })
    }

    /// Makes it ready to be written to. Only for who holds its lock.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn prepare(&self) -> io::Result<()> {
        let temporary = self.folder.join("tmp");
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        create_private_dir(&temporary)?;
        create_private_dir(&self.folder.join("manifests"))?;
        create_private_dir(&self.folder.join("unfinished"))?;
        (0..=u8::MAX)
            .try_for_each(|shard| create_private_dir(&self.folder.join("objects").join(format!("{shard:02x}"))))
    }

    /// Opens one that is there, to be read.
    ///
    /// # Errors
    /// When there is none.
    pub fn existing(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: fs::canonicalize(folder)? })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where an object is, if it is there.
    pub fn path(&self, sha256: &Hash) -> PathBuf {
        let name = hex(sha256);
        let (shard, _) = name.split_at(2);
        self.folder.join("objects").join(shard).join(&name)
    }

    /// A new temporary file in the same file system.
    pub fn temporary(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.folder.join("tmp"))
    }

    /// Whether an object is there with this size, and with `deep` also with these bytes.
    pub async fn has(&self, sha256: &Hash, size: u64, deep: bool) -> io::Result<bool> {
        let (path, sha256) = (self.path(sha256), *sha256);
        spawn_blocking(move || match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            file => Ok(file?.len() == size && (!deep || hash_of(&path)? == sha256)),
        })
        .await?
    }

    /// Whether an object is there with these bytes.
    pub async fn is_whole(&self, sha256: &Hash) -> io::Result<bool> {
        let (path, sha256) = (self.path(sha256), *sha256);
        spawn_blocking(move || Ok(path.exists() && hash_of(&path)? == sha256)).await?
    }

    /// Adds what comes. When this returns, it survives a power cut.
    pub async fn add(&self, mut bytes: BoxStream<'static, io::Result<Bytes>>) -> io::Result<(Hash, u64)> {
        let (this, mut hash, mut size) = (self.clone(), Sha256::new(), 0);
        let (file, path) = spawn_blocking(move || this.temporary()).await??.into_parts();
        let mut file = fs_err::tokio::File::from_std(File::from_parts(file, &path));
        file.file_mut().set_max_buf_size(CHUNK);
        while let Some(chunk) = bytes.try_next().await? {
            hash.update(&chunk);
            size += chunk.len() as u64;
            file.write_all(&chunk).await?;
        }
        file.flush().await?;
        let (this, sha256) = (self.clone(), Hash::from(hash.finalize()));
        spawn_blocking(move || this.place(path, &sha256)).await??;
        Ok((sha256, size))
    }

    /// Adds a finished file.
    pub async fn add_file(&self, path: TempPath) -> io::Result<(Hash, u64)> {
        let this = self.clone();
        spawn_blocking(move || {
            let sha256 = hash_of(&path)?;
            let size = fs::metadata(&path)?.len();
            this.place(path, &sha256)?;
            Ok((sha256, size))
        })
        .await?
    }

    fn place(&self, file: TempPath, sha256: &Hash) -> io::Result<()> {
        let path = self.path(sha256);
        // Two objects may have the same bytes. One that is there and damaged is replaced.
        if path.exists() && hash_of(&path)? == *sha256 {
            return Ok(());
        }
        File::open(&file)?.sync_all()?;
        file.persist(&path)?;
        path.parent().map_or(Ok(()), |shard| File::open(shard)?.sync_all())
    }

    /// Removes all objects but these, of which the beginnings of the hashes are given in order. Answers how many.
    pub fn keep_only(&self, kept: &[u64]) -> io::Result<u64> {
        let mut removed = 0;
        for shard in fs::read_dir(self.folder.join("objects"))? {
            for entry in fs::read_dir(shard?.path())? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let begin = name.get(..16).and_then(|begin| u64::from_str_radix(begin, 16).ok());
                if name.len() == 64 && begin.is_some_and(|begin| kept.binary_search(&begin).is_err()) {
                    fs::remove_file(path)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// The first bytes of a hash: enough to tell objects apart, at a quarter of the memory.
pub fn begin_of(sha256: &Hash) -> u64 {
    sha256.iter().take(8).fold(0, |begin, byte| begin << 8 | u64::from(*byte))
}

fn hash_of(path: &Path) -> io::Result<Hash> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        match chunk.get(..read) {
            Some(read) if !read.is_empty() => hash.update(read),
            _ => return Ok(hash.finalize().into()),
        }
    }
}
