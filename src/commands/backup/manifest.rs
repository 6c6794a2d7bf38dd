//! What is in a backup: a text file with a line of JSON for the whole, one line an object in the order of the keys, and a
//! last line with the hash of all before, which tells a whole manifest from half of one.

use std::io::{self, ErrorKind};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter, Lines};
use uuid::Uuid;

use super::objects::{Hash, Objects, begin_of};
use crate::album::hex;
use crate::db;
use crate::storage::ObjectKey;

const NAME: &str = "manifest";

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
    lines: Lines<BufReader<File>>,
    header: Header,
    next: Option<Entry>,
    hash: Sha256,
}

impl Manifest {
    /// The one of this backup, if there is one.
    ///
    /// # Errors
    /// When it is damaged, or of a format that is not known here.
    pub async fn open(of: &Objects) -> io::Result<Option<Self>> {
        let file = match File::open(of.folder().join(NAME)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut lines = BufReader::with_capacity(128 * 1024, file).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        let header: Header = serde_json::from_str(&first).map_err(|_| damaged())?;
        if header.format != FORMAT {
            let what =
                format!("The backup was made by Lumina {}, in a way that this one does not know.", header.lumina);
            return Err(io::Error::new(ErrorKind::InvalidData, what));
        }
        let mut manifest = Self { lines, header, next: None, hash: Sha256::new() };
        manifest.count(&first);
        manifest.next = manifest.read().await?;
        Ok(Some(manifest))
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
        let line = self.lines.next_line().await?.ok_or_else(damaged)?;
        if let Some(hash) = line.strip_prefix("end\t") {
            let whole = hash == hex(&self.hash.clone().finalize());
            return if whole { Ok(None) } else { Err(damaged()) };
        }
        self.count(&line);
        Entry::parse(&line).map(Some).ok_or_else(damaged)
    }

    fn count(&mut self, line: &str) {
        self.hash.update(line);
        self.hash.update("\n");
    }

    /// Begins a new one, beside that which is there.
    pub async fn begin(of: &Objects, header: &Header) -> io::Result<Written> {
        let (file, path) = of.temporary()?.into_parts();
        let file = BufWriter::with_capacity(128 * 1024, File::from_std(file));
        let mut written = Written { file, path, hash: Sha256::new(), kept: Vec::new() };
        written.kept.extend([header.database()?].iter().chain(&header.secret_key()?).map(begin_of));
        written.line(&serde_json::to_string(header)?).await?;
        Ok(written)
    }
}

/// One that is being written. Nothing counts until it is finished.
pub struct Written {
    file: BufWriter<File>,
    path: TempPath,
    hash: Sha256,
    kept: Vec<u64>,
}

impl Written {
    /// Adds an object.
    pub async fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        let Entry { key, sha256, size, version } = entry;
        self.kept.push(begin_of(sha256));
        self.line(&format!("{}\t{size}\t{version}\t{key}", hex(sha256))).await
    }

    async fn line(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        self.hash.update(&line);
        self.file.write_all(line.as_bytes()).await
    }

    /// Makes it the backup's, for good, and then removes the objects that it does not name. Answers how many.
    pub async fn finish(mut self, of: &Objects) -> io::Result<u64> {
        let end = format!("end\t{}\n", hex(&self.hash.finalize()));
        self.file.write_all(end.as_bytes()).await?;
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        self.kept.sort_unstable();
        self.kept.dedup();
        let (path, of, kept) = (self.path, of.clone(), self.kept);
        actix_web::rt::task::spawn_blocking(move || {
            path.persist(of.folder().join(NAME))?;
            std::fs::File::open(of.folder())?.sync_all()?;
            of.keep_only(&kept)
        })
        .await?
    }
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
