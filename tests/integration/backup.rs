//! `lumina backup` and `lumina restore`: what was there at one instant is there again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lumina::config::S3Config;
use tempfile::TempDir;

use crate::support::binary::Binary;
use crate::support::kept::{Kept, command, output};
use crate::support::s3::S3Server;
use crate::support::*;

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub async fn backup(kept: &Kept, folder: &Path) -> Output {
    kept.run(&["backup", folder.to_str().unwrap()]).await
}

/// An instance with nothing in it.
pub struct Bare {
    folder: TempDir,
    /// Where its data folder is, if not in a scratch folder.
    pub data: Option<PathBuf>,
    pub database: Database,
    s3: Option<S3Config>,
}

impl Bare {
    pub fn new(s3: Option<S3Config>) -> Self {
        Self { folder: cluster::scratch(), data: None, database: Database::empty(), s3 }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(arguments, &self.data_dir(), self.s3.as_ref());
        command.env("DATABASE_URL", self.database.url());
        output(command).await
    }

    pub async fn restore(&self, from: &Path) -> Output {
        self.run(&["restore", from.to_str().unwrap()]).await
    }

    /// An earlier one of its runs.
    pub async fn restore_run(&self, from: &Path, run: &str) -> Output {
        self.run(&["restore", from.to_str().unwrap(), "--run", run]).await
    }

    /// A server on it.
    async fn start(self) -> Kept {
        let (data_dir, s3) = (self.data_dir(), self.s3.clone());
        let app = TestApp::start_on(self.database, |config| (config.data_dir, config.s3) = (data_dir, s3)).await;
        // The scratch folder goes with the run.
        let _ = self.folder.keep();
        Kept { app, server: None }
    }
}

/// From disk to a bucket, and from a bucket to disk.
#[tokio::test]
async fn what_was_backed_up_is_there_again() {
    for kept in Kept::everywhere().await {
        let alice = kept.app.user("alice").await;
        let mut photos = Vec::new();
        for bytes in [jpeg(), webp(), animations::gif(3)] {
            photos.push((alice.upload_tagged(bytes.clone(), "sea #sun").await, bytes));
        }
        let token = alice.share(&photos[0].0, "link").await.unwrap();
        let gone = alice.upload(jpeg()).await;
        alice.post(&gone.at("delete"), &[]).await.assert_status(303);
        let folder = cluster::scratch();
        let to = folder.path().join("backup");
        let made = backup(&kept, &to).await;
        assert!(made.status.success() && said(&made).contains("3 photos, 13 objects: 13 new"), "{}", said(&made));

        let server = S3Server::start();
        let bare = Bare::new(kept.server.is_none().then(|| server.config()));
        let restored = bare.restore(&to).await;
        assert!(restored.status.success(), "{}", said(&restored));
        assert!(said(&restored).contains("3 photos, 13 objects: all is well"), "{}", said(&restored));
        let examined = bare.run(&["doctor", "--deep"]).await;
        assert!(examined.status.success(), "{}", said(&examined));

        let old = alice.clone();
        let there = bare.start().await;
        let alice = there.app.device_of("alice").await;
        assert_eq!(alice.get("/photos?hashtag=sea").await.photos().len(), 3);
        for (photo, bytes) in &photos {
            assert_eq!(&alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes, "{}", kept.name());
        }
        there.app.visitor().get(&format!("/s/{token}")).await.assert_status(200);
        there.app.visitor().get(&format!("/i/{token}")).await.assert_status(200);
        // Who was signed in still is: the generated secret came along.
        old.moved_to_base(there.app.base()).get("/photos").await.assert_status(200);
        alice.get(&gone.page()).await.assert_status(404);
        alice.post(&gone.at("restore"), &[]).await.assert_status(404);
        there.app.state().album.sweep().await.unwrap();
        alice.upload(jpeg()).await;
    }
}

#[tokio::test]
async fn the_next_one_takes_only_what_is_new() {
    for kept in Kept::everywhere().await {
        let alice = kept.app.user("alice").await;
        let (first, second) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await);
        let folder = cluster::scratch();
        let to = folder.path().join("backup");
        assert!(backup(&kept, &to).await.status.success());
        let written: BTreeMap<_, _> = files(&to).into_iter().map(|path| (path.clone(), modified(&path))).collect();
        let unchanged = backup(&kept, &to).await;
        assert!(said(&unchanged).contains("2 photos, 8 objects: 0 new"), "{}", said(&unchanged));
        alice.upload(jpeg()).await;
        alice.post(&first.at("delete"), &[]).await.assert_status(303);
        let next = backup(&kept, &to).await;
        assert!(said(&next).contains("2 photos, 8 objects: "), "{}", said(&next));
        for path in files(&to.join("objects")) {
            assert!(written.get(&path).is_none_or(|at| *at == modified(&path)), "nothing is written twice: {path:?}");
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&to).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700, "for nobody else's eyes");

        // A byte that has flipped in there is found when it is read.
        let original = kept.object(&second, "original");
        let object = files(&to.join("objects"))
            .into_iter()
            .find(|path| std::fs::read(path).unwrap() == std::fs::read(&original).unwrap())
            .unwrap();
        let mut bytes = std::fs::read(&object).unwrap();
        bytes[30] ^= 1;
        std::fs::write(&object, bytes).unwrap();
        let refused = Bare::new(None).restore(&to).await;
        assert!(!refused.status.success() && said(&refused).contains("The backup is damaged"), "{}", said(&refused));
        let deep = kept.run(&["backup", "--deep", to.to_str().unwrap()]).await;
        assert!(deep.status.success() && said(&deep).contains(": 1 new"), "{}", said(&deep));
        assert_eq!(std::fs::read(&object).unwrap(), std::fs::read(&original).unwrap());
        assert!(Bare::new(None).restore(&to).await.status.success());
    }
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn modified(path: &Path) -> std::time::SystemTime {
    std::fs::metadata(path).unwrap().modified().unwrap()
}

/// People upload, delete and undo while it is made, and the sweeper would remove at once.
#[tokio::test]
async fn one_made_in_the_middle_of_everything_restores_to_a_clean_library() {
    for kept in Kept::everywhere().await {
        let alice = kept.app.user("alice").await;
        let uploaded = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..10 {
            let photo = alice.upload(jpeg()).await;
            uploaded.lock().unwrap().push(photo);
        }
        let busy: Vec<_> = (0..3)
            .map(|n| {
                let (alice, uploaded, album) = (alice.clone(), uploaded.clone(), kept.app.state().album.clone());
                let mut conn = kept.app.connect();
                tokio::spawn(async move {
                    loop {
                        let new = alice.upload_tagged(jpeg(), "sea").await;
                        let old = std::mem::replace(&mut uploaded.lock().unwrap()[n], new);
                        alice.post(&old.at("delete"), &[]).await.assert_status(303);
                        // Held back, it removes nothing that the backup still has to read.
                        diesel::connection::SimpleConnection::batch_execute(
                            &mut conn,
                            "UPDATE removals SET due_at = now() WHERE photo IS NOT NULL",
                        )
                        .unwrap();
                        album.sweep().await.unwrap();
                    }
                })
            })
            .collect();
        let folder = cluster::scratch();
        let to = folder.path().join("backup");
        for _ in 0..2 {
            let made = backup(&kept, &to).await;
            assert!(made.status.success(), "{}", said(&made));
            // Each of the three may have uploaded one and not yet deleted the one before.
            let photos: u32 = said(&made).split(' ').next().unwrap().parse().unwrap();
            assert!((10..=13).contains(&photos), "{}", said(&made));
        }
        assert!(busy.iter().all(|busy| !busy.is_finished()));
        busy.iter().for_each(tokio::task::JoinHandle::abort);
        let bare = Bare::new(None);
        let restored = bare.restore(&to).await;
        assert!(restored.status.success(), "{}", said(&restored));
        assert!(bare.run(&["doctor", "--deep"]).await.status.success());
        kept.app.execute("UPDATE removals SET due_at = now()");
        kept.app.state().album.sweep().await.unwrap();
        assert_eq!(kept.app.ask("SELECT count(*) FROM removals"), "0", "what was held back goes afterwards");
    }
}

#[tokio::test]
async fn one_that_is_killed_spoils_nothing_and_goes_on() {
    let kept = Kept::in_bucket().await;
    let alice = kept.app.user("alice").await;
    let first = alice.upload(jpeg()).await;
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    assert!(backup(&kept, &to).await.status.success());
    let manifests = files(&to.join("manifests"));
    for _ in 0..12 {
        alice.upload(jpeg()).await;
    }
    alice.post(&first.at("delete"), &[]).await.assert_status(303);
    let objects = files(&to.join("objects")).len();
    let mut child = kept.command(&["backup", to.to_str().unwrap()]).stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while files(&to.join("objects")).len() < objects + 5 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it copies nothing");
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(files(&to.join("manifests")), manifests);
    // The lock went with it: nothing is held back.
    kept.app.execute("UPDATE removals SET due_at = now()");
    kept.app.state().album.sweep().await.unwrap();
    assert_eq!(kept.app.ask("SELECT count(*) FROM removals"), "0");

    let earlier = Bare::new(None);
    let restored = earlier.restore(&to).await;
    assert!(restored.status.success() && said(&restored).contains("1 photos, 4 objects"), "{}", said(&restored));
    let made = backup(&kept, &to).await;
    assert!(made.status.success() && said(&made).contains("12 photos, 48 objects"), "{}", said(&made));
    assert!(Bare::new(None).restore(&to).await.status.success());
    assert!(files(&to.join("tmp")).is_empty() && files(&to.join("unfinished")).is_empty());
}

#[tokio::test]
async fn it_is_restored_into_an_empty_instance_only() {
    let kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    assert!(backup(&kept, &to).await.status.success());
    let path = to.to_str().unwrap();

    let refused = kept.run(&["restore", path]).await;
    assert!(!refused.status.success() && said(&refused).contains("another Lumina"), "it runs: {}", said(&refused));
    let bare = Bare::new(None);
    assert!(bare.restore(&to).await.status.success());
    let twice = bare.restore(&to).await;
    assert!(!twice.status.success() && said(&twice).contains("empty instance only"), "{}", said(&twice));

    let other = Bare::new(None);
    let stranger = other.data_dir().join("photos/b7/01938d2e-7a10-7c3f-9b21-5d0c8e4f1ab7/original");
    std::fs::create_dir_all(stranger.parent().unwrap()).unwrap();
    std::fs::write(&stranger, "somebody's").unwrap();
    let refused = other.restore(&to).await;
    assert!(!refused.status.success() && said(&refused).contains("not in the backup"), "{}", said(&refused));
    assert_eq!(db::ask(&mut other.database.connect(), "to_regclass('users')"), "", "nothing was begun");
    std::fs::remove_file(&stranger).unwrap();
    // One that was killed after some objects: begun again it is whole. And a migrated database without accounts is empty.
    let key = format!("photos/{}/{}", &photo.id[34..], photo.id);
    std::fs::create_dir_all(other.data_dir().join(&key)).unwrap();
    std::fs::write(other.data_dir().join(&key).join("original"), "half").unwrap();
    assert!(other.run(&["migrate"]).await.status.success());
    let restored = other.restore(&to).await;
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(other.run(&["doctor", "--deep"]).await.status.success());

    // The storage of a third database, which has stored nothing yet.
    let third = Bare::new(None);
    assert!(third.run(&["migrate"]).await.status.success());
    std::fs::create_dir_all(third.data_dir()).unwrap();
    let marker = third.data_dir().join("instance");
    std::fs::write(&marker, uuid::Uuid::new_v4().to_string()).unwrap();
    let refused = third.restore(&to).await;
    assert!(!refused.status.success() && said(&refused).contains("belongs to another database"), "{}", said(&refused));
    // A server has run here, and nobody used it.
    let own = db::ask(&mut third.database.connect(), "SELECT id::text FROM instance");
    std::fs::write(&marker, own).unwrap();
    let restored = third.restore(&to).await;
    assert!(restored.status.success() && said(&restored).contains("ok     owner"), "{}", said(&restored));
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), kept.app.ask("SELECT id::text FROM instance"));

    let nothing = Bare::new(None).restore(&folder.path().join("nothing")).await;
    assert!(!nothing.status.success() && said(&nothing).contains("no finished backup"), "{}", said(&nothing));
    let elsewhere = kept.run(&["backup", kept.app.data_dir().to_str().unwrap()]).await;
    assert!(!elsewhere.status.success() && said(&elsewhere).contains("is no backup"), "{}", said(&elsewhere));
}

#[tokio::test]
async fn one_that_was_cut_or_altered_is_refused() {
    let kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    alice.upload(jpeg()).await;
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    assert!(backup(&kept, &to).await.status.success());
    let bare = Bare::new(None);
    let whole: Vec<_> = files(&to).into_iter().filter(|path| !path.ends_with("lock")).collect();
    // The manifest, the database, the secret, the original, and the renditions, which are alike of so small a photo.
    assert_eq!(whole.len(), 5, "{whole:?}");
    for path in whole {
        let bytes = std::fs::read(&path).unwrap();
        let last_line =
            bytes.len() - 1 - bytes[..bytes.len() - 1].iter().rev().position(|byte| *byte == b'\n').unwrap_or(9);
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        let cut = [0, bytes.len() / 2, last_line, bytes.len() - 2].map(|length| Some(bytes[..length].to_vec()));
        for damaged in cut.into_iter().chain([Some(flipped), None]) {
            match &damaged {
                Some(damaged) => std::fs::write(&path, damaged).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let refused = bare.restore(&to).await;
            let why = said(&refused);
            let is_said = why.contains("The backup") && why.contains("damaged") || why.contains("no finished backup");
            assert!(!refused.status.success() && is_said, "{path:?} {:?}: {why}", damaged.map(|bytes| bytes.len()));
            assert_eq!(db::ask(&mut bare.database.connect(), "to_regclass('users')"), "");
        }
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(bare.restore(&to).await.status.success());
}

#[tokio::test]
async fn what_the_library_lacks_is_named_and_the_rest_is_backed_up() {
    let kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    let (lost, altered) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await);
    std::fs::remove_file(kept.object(&lost, "original")).unwrap();
    let path = kept.object(&altered, "original");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[50] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    let made = backup(&kept, &to).await;
    assert!(!made.status.success(), "somebody has to look at it");
    assert!(said(&made).contains(&format!("{}/original", lost.id)), "{}", said(&made));
    assert!(said(&made).contains(&format!("{}/original", altered.id)), "{}", said(&made));
    let bare = Bare::new(None);
    let restored = bare.restore(&to).await;
    assert!(!restored.status.success() && said(&restored).contains("its original is missing"), "{}", said(&restored));
    assert_eq!(db::ask(&mut bare.database.connect(), "SELECT count(*) FROM photos"), "2");
}

/// The whole way with the private Postgres: while the server runs, and into a folder where none ever did.
#[tokio::test]
async fn a_private_database_is_backed_up_and_restored_too() {
    let folder = cluster::scratch();
    let (data_dir, to) = (folder.path().join("data"), folder.path().join("backup"));
    let run = |arguments: &[&str], data_dir: &Path| output(command(arguments, data_dir, None));
    let lumina = Binary::start(&data_dir);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let bytes = jpeg();
    let photo = alice.upload(bytes.clone()).await;
    let made = run(&["backup", to.to_str().unwrap()], &data_dir).await;
    assert!(made.status.success(), "{}", said(&made));
    let refused = run(&["restore", to.to_str().unwrap()], &data_dir).await;
    assert!(!refused.status.success() && said(&refused).contains("Stop Lumina first"), "{}", said(&refused));
    drop(lumina);

    let again = folder.path().join("again");
    let restored = run(&["restore", to.to_str().unwrap()], &again).await;
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(!again.join("postgres/postmaster.pid").exists(), "it stopped what it started");
    let lumina = Binary::start(&again);
    let alice = alice.moved_to_base(&lumina.base);
    assert_eq!(alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes, "still signed in");
    let visitor = lumina.visitor();
    visitor.log_in("alice", PASSWORD).await.assert_status(303);
    let examined = run(&["doctor", "--deep"], &again).await;
    assert!(examined.status.success(), "{}", said(&examined));
}
