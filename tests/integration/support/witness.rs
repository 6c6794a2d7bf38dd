//! An independent witness of what must never happen. It reads rows by plain SQL and looks at the storage itself, and knows
//! nothing of the code under test but the names that objects have:
//!
//! 1. every photo's bytes exist and match its SHA-256, and its renditions exist;
//! 2. after a sweep past all deadlines no object exists without a row;
//! 3. every upload that was answered with success is readable, and is there once;
//! 4. nothing whose deletion was answered is served by any door.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use diesel::connection::SimpleConnection;
use sha2::{Digest, Sha256};

use super::client::{Client, Photo};
use super::db::{ask, connect};

/// What somebody was told: kept by those who upload and delete, for [`Witness::testifies`].
#[derive(Default)]
pub struct Told(Mutex<Answers>);

#[derive(Default)]
struct Answers {
    /// The SHA-256 of each photo that was acknowledged.
    kept: BTreeMap<String, String>,
    deleted: BTreeSet<String>,
    /// A deletion or its undoing was sent, and not answered: either is right.
    unsure: BTreeSet<String>,
    /// The secrets of links.
    shared: BTreeMap<String, String>,
    /// Photos that were kept, and not yet looked at since.
    new: BTreeSet<String>,
}

impl Told {
    /// This upload was answered with success.
    pub fn kept(&self, photo: &Photo, bytes: &[u8]) {
        let mut answers = self.0.lock().unwrap();
        answers.kept.insert(photo.id.clone(), sha256(bytes));
        answers.new.insert(photo.id.clone());
    }

    /// It has a link now, with this secret.
    pub fn shared(&self, photo: &Photo, token: &str) {
        self.0.lock().unwrap().shared.insert(photo.id.clone(), token.to_owned());
    }

    /// It is about to be deleted or brought back.
    pub fn unsure(&self, photo: &Photo) {
        self.0.lock().unwrap().unsure.insert(photo.id.clone());
    }

    /// Its deletion was answered.
    pub fn deleted(&self, photo: &Photo) {
        let mut answers = self.0.lock().unwrap();
        answers.unsure.remove(&photo.id);
        answers.deleted.insert(photo.id.clone());
    }

    /// That it is back was answered.
    pub fn restored(&self, photo: &Photo) {
        let mut answers = self.0.lock().unwrap();
        answers.unsure.remove(&photo.id);
        answers.deleted.remove(&photo.id);
        answers.new.insert(photo.id.clone());
    }

    /// How many photos were acknowledged so far.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().kept.len()
    }
}

/// Where objects are, looked at past the program.
pub enum Objects {
    /// Files below a folder that holds `photos/`: a data folder, or what a test's S3 server keeps.
    Folder(PathBuf),
    /// Somebody else's storage, asked by another client than Lumina's.
    Bucket(Box<s3::Bucket>),
}

impl Objects {
    /// The keys of all.
    pub async fn keys(&self) -> BTreeSet<String> {
        match self {
            Self::Folder(root) => {
                let files = ["photos", "uploads"].map(|folder| files_below(&root.join(folder))).concat();
                files.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
            }
            Self::Bucket(bucket) => {
                let pages = bucket.list(String::new(), None).await.unwrap();
                let keys = pages.into_iter().flat_map(|page| page.contents).map(|object| object.key);
                keys.filter(|key| key != "instance").collect()
            }
        }
    }

    async fn read(&self, key: &str) -> Option<Vec<u8>> {
        match self {
            Self::Folder(root) => std::fs::read(root.join(key)).ok(),
            Self::Bucket(bucket) => bucket.get_object(key).await.ok().map(|answer| answer.to_vec()),
        }
    }
}

/// Looks at one database and one storage.
pub struct Witness {
    database: String,
    objects: Objects,
}

/// A photo's row.
struct Row {
    sha256: String,
    animated: bool,
}

impl Witness {
    /// Of a database, by its address, and a storage.
    pub fn new(database: impl Into<String>, objects: Objects) -> Self {
        Self { database: database.into(), objects }
    }

    /// Of an app in this process, whose photos are on disk.
    pub fn of(app: &super::TestApp) -> Self {
        Self::new(app.database_url(), Objects::Folder(app.data_dir().to_owned()))
    }

    /// Of an app in this process, whose photos are in this bucket.
    pub fn of_bucket(app: &super::TestApp, server: &super::s3::S3Server) -> Self {
        Self::new(app.database_url(), Objects::Folder(server.bucket()))
    }

    /// Promises 1, 3 and 4, of the photos of `owner`, who is signed in and has nobody else upload. Looks closely at what is new
    /// since the last time.
    pub async fn testifies(&self, told: &Told, owner: &Client) {
        let me = owner.get("/api/v1/auth/me").await.assert_status(200).json()["id"].to_string();
        let rows = self.rows(&format!("owner_id = {me}"));
        self.every_row_has_its_bytes(&rows).await;
        let (kept, deleted, unsure, shared, new) = {
            let mut answers = told.0.lock().unwrap();
            let new = std::mem::take(&mut answers.new);
            (answers.kept.clone(), answers.deleted.clone(), answers.unsure.clone(), answers.shared.clone(), new)
        };
        for (id, sha256) in kept.iter().filter(|(id, _)| !deleted.contains(*id) && !unsure.contains(*id)) {
            let row = rows.get(id).unwrap_or_else(|| panic!("{id} was acknowledged, and has no row"));
            assert_eq!(&row.sha256, sha256, "{id}");
        }
        for id in new.iter().filter(|id| rows.contains_key(*id)) {
            let photo = Photo { id: id.clone() };
            let original = owner.get(&photo.at("original")).await.assert_status(200);
            assert_eq!(self::sha256(&original.bytes), kept[id], "{id} as it is served");
            for what in ["small", "medium", "large"] {
                assert!(!owner.get(&photo.at(what)).await.assert_status(200).bytes.is_empty(), "{id} {what}");
            }
            owner.get(&photo.page()).await.assert_status(200);
        }
        let shown = shown_to(owner).await;
        assert_eq!(shown, rows.keys().cloned().collect(), "exactly the photos with a row are listed");
        for id in &deleted {
            assert!(!rows.contains_key(id), "{id} was deleted, and has a row");
        }
        // From another address each time: who tries many links that are not there is kept from guessing.
        let address = Ipv4Addr::from_bits(0x7f01_0000 + u32::from(rand::random::<u16>()));
        let visitor = owner.stranger_at(address.into());
        for id in deleted.iter().rev().take(20) {
            let photo = Photo { id: id.clone() };
            for path in [photo.page(), photo.at("original"), photo.at("small"), photo.at("large")] {
                owner.get(&path).await.assert_status(404);
            }
            owner.get(&format!("/api/v1/photos/{id}")).await.assert_status(404);
            if let Some(token) = shared.get(id) {
                visitor.get(&format!("/s/{token}")).await.assert_status(404);
                visitor.get(&format!("/i/{token}")).await.assert_status(404);
            }
        }
        let twice = "SELECT count(*) FROM (SELECT FROM photos GROUP BY owner_id, sha256 HAVING count(*) > 1) AS twice";
        assert_eq!(self.ask(twice), "0", "no photo is there twice");
    }

    /// Promises 1 and 2, after a sweep: what is stored is what the rows name, and nothing waits to be removed.
    pub async fn finds_nothing_left_over(&self) {
        assert!(self.is_swept());
        let rows = self.rows("true");
        self.every_row_has_its_bytes(&rows).await;
        let expected: BTreeSet<_> = rows.iter().flat_map(|(id, row)| keys(id, row)).collect();
        let left: Vec<_> = self.objects.keys().await.difference(&expected).cloned().collect();
        assert!(left.is_empty(), "stored, and no row names them: {left:?}");
    }

    /// Ends all waiting: from now on a sweep removes whatever is to go.
    pub fn lets_time_pass(&self) {
        let past = "now() - interval '1 second'";
        let end = ["removals", "uploads"].map(|table| format!("UPDATE {table} SET due_at = {past};")).concat();
        connect(&self.database).batch_execute(&end).unwrap();
    }

    /// Whether nothing waits to be removed.
    pub fn is_swept(&self) -> bool {
        self.ask("SELECT (SELECT count(*) FROM removals) + (SELECT count(*) FROM uploads)") == "0"
    }

    async fn every_row_has_its_bytes(&self, rows: &BTreeMap<String, Row>) {
        for (id, row) in rows {
            for key in keys(id, row) {
                let bytes = self.objects.read(&key).await.unwrap_or_else(|| panic!("{key} is missing"));
                match key.ends_with("/original") {
                    true => assert_eq!(sha256(&bytes), row.sha256, "{key}"),
                    false => assert!(!bytes.is_empty(), "{key}"),
                }
            }
        }
    }

    fn rows(&self, which: &str) -> BTreeMap<String, Row> {
        let row = "concat_ws('=', id, encode(sha256, 'hex'), animated)";
        let rows = self.ask(&format!("SELECT string_agg({row}, ' ') FROM photos WHERE {which}"));
        let row = |row: &str| {
            let mut fields = row.split('=').map(str::to_owned);
            let (id, sha256) = (fields.next().unwrap(), fields.next().unwrap());
            (id, Row { sha256, animated: fields.next().unwrap() == "t" })
        };
        rows.split_whitespace().map(row).collect()
    }

    fn ask(&self, expression: &str) -> String {
        ask(&mut connect(&self.database), expression)
    }
}

/// The objects of one photo.
fn keys(id: &str, row: &Row) -> Vec<String> {
    let shard = &id[id.len() - 2..];
    let names =
        ["original", "small.webp", "medium.webp", "large.webp"].into_iter().chain(row.animated.then_some("moving"));
    names.map(|name| format!("photos/{shard}/{id}/{name}")).collect()
}

/// All photos that the API lists to somebody.
async fn shown_to(owner: &Client) -> BTreeSet<String> {
    let (mut shown, mut next) = (BTreeSet::new(), "/api/v1/photos/?limit=200".to_owned());
    loop {
        let page = owner.get(&next).await.assert_status(200).json();
        shown.extend(page["photos"].as_array().unwrap().iter().map(|photo| photo["id"].as_str().unwrap().to_owned()));
        let Some(link) = page["next"].as_str() else { return shown };
        next = format!("/api{}", link.split_once("/api").unwrap().1);
    }
}

/// The files in a folder and those below it.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    // Folders of photos come and go.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// In lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
