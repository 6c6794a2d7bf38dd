//! What one run of a backup has: a text file with a line of JSON for the whole, one line an object in the order of the keys,
//! and a last line with the hash of all before, which tells a whole manifest from half of one.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use fs_err::tokio::File;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter, Lines};
use uuid::Uuid;

use super::objects::Hash;
use crate::album::hex;
use crate::db;
use crate::storage::ObjectKey;

/// Raised when older programs could not read it.
const FORMAT: u32 = 1;

/// What stands at the beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    format: u32,
    /// Who made it.
    lumina: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// The newest migration of the database in it.
    pub schema: String,
    /// The id of the database: whose photos they are.
    pub instance: Uuid,
    /// The object with the database, as `pg_dump` writes it.
    database: String,
    /// The object with the generated secret, where there is one.
    secret_key: Option<String>,
}

impl Header {
    /// Of a backup made now.
    pub fn new(instance: Uuid, database: Hash, secret_key: Option<Hash>) -> Self {
        Self {
            format: FORMAT,
            lumina: env!("CARGO_PKG_VERSION").into(),
            made_at: Utc::now(),
            schema: db::newest_migration(),
            instance,
            database: hex(&database),
            secret_key: secret_key.map(|hash| hex(&hash)),
        }
    }

    /// See [`Header`].
    pub fn database(&self) -> io::Result<Hash> {
        unhex(&self.database)
    }

    /// See [`Header`].
    pub fn secret_key(&self) -> io::Result<Option<Hash>> {
        self.secret_key.as_deref().map(unhex).transpose()
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the storage.
    pub key: ObjectKey,
    /// Its name in the backup.
    pub sha256: Hash,
    /// In bytes.
    pub size: u64,
    /// Of the photo's renditions, at the time.
    pub version: i16,
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let mut part = || parts.next();
        let (sha256, size, version, key) = (part()?, part()?, part()?, part()?);
        Some(Self {
            sha256: unhex(sha256).ok()?,
            size: size.parse().ok()?,
            version: version.parse().ok()?,
            key: key.parse().ok()?,
        })
    }
}

/// One that is being read.
pub struct Manifest {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    header: Header,
    next: Option<Entry>,
    hash: Sha256,
    /// It has to end as a finished one does.
    finished: bool,
}

impl Manifest {
    /// The finished one of this name.
    ///
    /// # Errors
    /// When it is damaged, or of a format that is not known here.
    pub async fn open(path: &Path) -> io::Result<Self> {
        Self::read_at(path, true).await
    }

    /// That of a run which was stopped, as far as it came.
    ///
    /// # Errors
    /// When it did not come beyond the header.
    pub async fn open_unfinished(path: &Path) -> io::Result<Self> {
        Self::read_at(path, false).await
    }

    async fn read_at(path: &Path, finished: bool) -> io::Result<Self> {
        let mut lines = BufReader::with_capacity(128 * 1024, File::open(path).await?).lines();
        let first = lines.next_line().await.map_err(|_| damaged_at(path))?.unwrap_or_default();
        let header: Header = serde_json::from_str(&first).map_err(|_| damaged_at(path))?;
        if header.format != FORMAT {
            let what =
                format!("The backup was made by Lumina {}, in a way that this one does not know.", header.lumina);
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        let hash = Sha256::new();
        let mut manifest = Self { path: path.to_owned(), lines, header, next: None, hash, finished };
        manifest.count(&first);
        manifest.next = manifest.read().await?;
        Ok(manifest)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.next.is_none()
    }

    /// What it says of the whole.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next object; none when all were read, and the manifest is whole.
    ///
    /// # Errors
    /// When it is damaged.
    pub async fn next(&mut self) -> io::Result<Option<Entry>> {
        let Some(entry) = self.next.take() else { return Ok(None) };
        self.next = self.read().await?;
        Ok(Some(entry))
    }

    /// The objects of a photo. Photos are asked for in the order of their keys.
    ///
    /// # Errors
    /// When it is damaged.
    pub async fn of_photo(&mut self, photo: Uuid) -> io::Result<Vec<Entry>> {
        let place = |id: Uuid| (*id.as_bytes().last().unwrap_or(&0), id);
        let mut entries = Vec::new();
        while let Some(next) = &self.next {
            let next = place(next.key.id());
            if next > place(photo) {
                break;
            }
            let entry = self.next().await?;
            entries.extend(entry.filter(|entry| entry.key.id() == photo));
        }
        Ok(entries)
    }

    async fn read(&mut self) -> io::Result<Option<Entry>> {
        let line = match self.lines.next_line().await {
            Ok(Some(line)) => line,
            Ok(None) => return self.ends_too_early(),
            Err(error) if error.kind() == ErrorKind::InvalidData => return self.ends_too_early(),
            Err(error) => return Err(error),
        };
        if let Some(hash) = line.strip_prefix("end\t") {
            let whole = hash == hex(&self.hash.clone().finalize());
            return if whole { Ok(None) } else { self.ends_too_early() };
        }
        self.count(&line);
        match Entry::parse(&line) {
            Some(entry) => Ok(Some(entry)),
            None => self.ends_too_early(),
        }
    }

    fn ends_too_early(&self) -> io::Result<Option<Entry>> {
        if self.finished { Err(damaged_at(&self.path)) } else { Ok(None) }
    }

    fn count(&mut self, line: &str) {
        self.hash.update(line);
        self.hash.update("\n");
    }
}

/// One that is being written. Nothing counts until it is finished; what a run that was stopped has written spares the next
/// one work.
pub struct Written {
    file: BufWriter<File>,
    path: PathBuf,
    hash: Sha256,
}

impl Written {
    /// Begins one in a new file.
    pub async fn begin(file: fs_err::File, header: &Header) -> io::Result<Self> {
        let path = file.path().to_owned();
        let file = BufWriter::with_capacity(128 * 1024, File::from_std(file));
        let mut written = Self { file, path, hash: Sha256::new() };
        written.line(&serde_json::to_string(header)?).await?;
        Ok(written)
    }

    /// Adds an object.
    pub async fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        let Entry { key, sha256, size, version } = entry;
        self.line(&format!("{}\t{size}\t{version}\t{key}", hex(sha256))).await
    }

    async fn line(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        self.hash.update(&line);
        self.file.write_all(line.as_bytes()).await
    }

    /// Hands what was added to the system, where it outlives this process.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.file.flush().await
    }

    /// Writes the end, and puts all of it on disk. Answers where it is.
    pub async fn finish(mut self) -> io::Result<PathBuf> {
        let end = format!("end\t{}\n", hex(&self.hash.finalize()));
        self.file.write_all(end.as_bytes()).await?;
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        Ok(self.path)
    }
}

fn damaged_at(path: &Path) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("The backup's manifest {} is damaged.", path.display()))
}

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "The backup's manifest is damaged.")
}

fn unhex(text: &str) -> io::Result<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 {
        return Err(damaged());
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| damaged())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| damaged())?;
    }
    Ok(hash)
}
