//! A full disk: uploads are refused clearly, reading goes on, and nothing half-made stays.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::binary::{Binary, free_port};
use crate::support::images::noise;
use crate::support::s3::S3Server;
use crate::support::server::Server;
use crate::support::witness::{Told, Witness};
use crate::support::*;

/// A small file system in memory, which only root can mount.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    pub fn mount(at: &Path, kib: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: only root can mount the small file system this test needs");
        None
    }

    /// Takes all room but this much.
    pub fn leave(&self, kib: u64) {
        let _ = std::fs::remove_file(self.0.join("ballast"));
        let free = rustix::fs::statvfs(&self.0).unwrap();
        let free = free.f_bavail * free.f_frsize;
        let size = usize::try_from(free.saturating_sub(kib * 1024)).unwrap();
        match std::fs::write(self.0.join("ballast"), vec![0; size]) {
            // The database took some of it meanwhile: nothing is left then.
            Err(error) if error.kind() == ErrorKind::StorageFull => {}
            written => written.unwrap(),
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn uploads_are_refused_and_reading_goes_on() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 8 * 1024) else { return };
    let app = TestApp::start_with(|config| config.data_dir = disk.0.join("data")).await;
    let alice = app.user("alice").await;
    let before = alice.upload_tagged(jpeg(), "sea").await;
    let photo = noise(310);
    assert!(photo.len() > 250_000);
    let mut refused = 0;
    // From no room at all to room for the upload but not for what is made of it.
    for room in [0, 4, 100, 250, photo.len() as u64 / 1024 + 8, photo.len() as u64 / 1024 + 40, 2000] {
        disk.leave(room);
        let answer = alice.post_upload(Upload::new().file("new.png", photo.clone())).await;
        match answer.status {
            303 => assert!(room > 300, "it cannot have been kept in {room} KiB"),
            _ => {
                answer.assert_status(507).assert_says("The disk of this Lumina is full");
                refused += 1;
            }
        }
        let small = [before.at("original"), before.at("small"), before.page(), "/photos".to_owned()];
        for path in small {
            alice.get(&path).await.assert_status(200);
        }
        app.state().album.sweep().await.unwrap();
        let rows = app.ask("SELECT count(*) FROM photos").parse::<usize>().unwrap();
        assert_eq!(app.stored_files().len(), rows * 4, "room for {room} KiB: {:?}", app.stored_files());
        assert_eq!(app.ask("SELECT count(*) FROM removals"), "0");
    }
    assert!(refused >= 4, "the disk was full");
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    let told = Told::default();
    told.kept(&alice.upload(photo.clone()).await, &photo);
    let witness = Witness::of(&app);
    witness.testifies(&told, &alice).await;
    witness.finds_nothing_left_over().await;
}

#[tokio::test]
async fn with_a_bucket_the_temporary_folder_may_be_full() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 4 * 1024) else { return };
    let server = S3Server::start();
    let app = TestApp::start_with(|config| {
        config.data_dir = disk.0.join("data");
        config.s3 = Some(server.config());
    })
    .await;
    let witness = Witness::of_bucket(&app, &server);
    is_survived(&app, &witness, &disk).await;
    assert!(app.files_on_disk().is_empty(), "{:?}", app.files_on_disk());
}

#[tokio::test]
async fn the_buckets_own_disk_may_be_full() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 4 * 1024) else { return };
    let server = S3Server::start_in(&disk.0);
    let app = TestApp::start_with(|config| config.s3 = Some(server.config())).await;
    let witness = Witness::of_bucket(&app, &server);
    is_survived(&app, &witness, &disk).await;
    assert!(server.objects().iter().all(|key| key.starts_with("photos/")), "halves: {:?}", server.objects());
}

#[tokio::test]
async fn the_databases_disk_may_be_full() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 160 * 1024) else { return };
    std::fs::set_permissions(&disk.0, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let server = Server::start(&disk.0);
    let app = TestApp::start_on(Database::create_on(&server.url("postgres")), |_| {}).await;
    is_survived(&app, &Witness::of(&app), &disk).await;
}

#[tokio::test]
async fn uploads_of_every_door_end_before_the_reserve_and_deleting_goes_on() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 64 * 1024) else { return };
    let app = TestApp::start_with(|config| {
        config.data_dir = disk.0.join("data");
        config.limits.disk_reserve_mib = Some(8);
    })
    .await;
    let alice = app.user("alice").await;
    let before = alice.upload(jpeg()).await;
    let program = app.program_of("alice").await;
    let bytes = noise(310);
    let announce = |size: usize| {
        let program = &program;
        let what = serde_json::json!({ "filename": "a.png", "content_type": "image/png", "size_bytes": size });
        async move { program.json(Method::POST, "/api/v1/photos/upload-url", &what).await }
    };
    let announced = announce(bytes.len()).await.assert_status(200).json();
    let target = announced["upload_url"].as_str().unwrap().trim_start_matches(&app.origin()).to_owned();
    let put = || app.visitor().request(Method::PUT, &target).body(bytes.clone());
    // More than half of the reserve is there.
    disk.leave(5 * 1024);
    alice
        .post_upload(Upload::new().file("a.png", bytes.clone()))
        .await
        .assert_status(507)
        .assert_says("The disk of this Lumina is full");
    let refused = program.upload(Upload::new().file("a.png", bytes.clone())).await;
    assert_eq!(refused.assert_status(507).json()["type"], "urn:lumina:problem:disk-full");
    announce(bytes.len()).await.assert_status(507);
    app.visitor().send(put()).await.assert_status(507);
    let health = app.visitor().get("/health").await.assert_status(200).json();
    assert_eq!((health["status"].as_str(), health["disk"].as_str()), (Some("ok"), Some("full")));
    let metrics = app.visitor().get("/metrics").await.assert_status(200).html();
    assert!(metrics.contains(&format!("lumina_disk_reserve_bytes {}", 8 << 20)), "{metrics}");
    assert!(app.stored_files().iter().all(|file| !file.starts_with("tmp/")), "{:?}", app.stored_files());

    disk.leave(0);
    alice.get(&before.at("original")).await.assert_status(200);
    alice.post(&before.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert!(app.stored_files().is_empty(), "{:?}", app.stored_files());

    // Put while there was room, confirmed when there is none.
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    app.visitor().send(put()).await.assert_status(200);
    disk.leave(5 * 1024);
    let key = serde_json::json!({ "key": announced["key"] });
    let confirm = || program.json(Method::POST, "/api/v1/photos/confirm", &key);
    confirm().await.assert_status(507);
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    confirm().await.assert_status(201);
}

/// With the private Postgres on the same disk, which another program has filled to the last byte.
#[tokio::test]
async fn on_a_full_disk_lumina_starts_again_and_photos_can_be_deleted() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 256 * 1024) else { return };
    std::fs::set_permissions(&disk.0, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let data_dir = disk.0.join("data");
    let port = free_port();
    let settings = [("BIND", format!("127.0.0.1:{port}")), ("PUBLIC_URL", format!("http://127.0.0.1:{port}"))];
    let settings = settings.map(|(name, text)| (name.to_owned(), text));
    let mut lumina = Binary::start_with(&data_dir, &settings);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let photos = [alice.upload(jpeg()).await, alice.upload(noise(100)).await];
    let begun = Instant::now();
    while !data_dir.join("reserve").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing is set aside");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    disk.leave(0);
    lumina.kill();
    let _lumina = Binary::start_with(&data_dir, &settings);
    // The client finds out that its connections are gone.
    tokio::time::sleep(Duration::from_millis(100)).await;
    alice.post_upload(Upload::new().file("a.png", noise(310))).await.assert_status(507);
    alice.get(&photos[0].at("original")).await.assert_status(200);
    alice.post(&photos[0].at("delete"), &[]).await.assert_status(303);
    let doctor = Binary::command().arg("doctor").env("DATA_DIR", &data_dir).output().unwrap();
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("WRONG  disk") && said.contains("limits.disk_reserve_mib"), "{said}");

    // Taken while it runs, too.
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    alice.upload(noise(310)).await;
    let begun = Instant::now();
    while !data_dir.join("reserve").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing is set aside again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    disk.leave(0);
    let begun = Instant::now();
    while alice.post(&photos[1].at("delete"), &[]).await.status != 303 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing can be deleted");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Uploads until there is no room, which is told, while everything else goes on; and goes on itself when there is room.
async fn is_survived(app: &TestApp, witness: &Witness, disk: &SmallDisk) {
    let (alice, told, bytes) = (app.user("alice").await, Told::default(), jpeg());
    let before = alice.upload_tagged(bytes.clone(), "sea").await;
    told.kept(&before, &bytes);
    disk.leave(0);
    let mut refused = 0;
    // A database has a little room in files that it has made already.
    for number in 0..400 {
        let photo = noise(310);
        let upload = Upload::new().hashtags(&format!("tag{number}")).file("new.png", photo.clone());
        let answer = alice.send(alice.upload_request(upload).header("hx-request", "true")).await;
        match answer.status {
            200 => told.kept(&answer.photos()[0], &photo),
            503 | 507 => {
                assert!(answer.status == 507 || !answer.header("retry-after").is_empty(), "{answer:?}");
                refused += 1;
                for path in [before.at("original"), before.at("small"), before.page(), "/photos".to_owned()] {
                    alice.get(&path).await.assert_status(200);
                }
            }
            _ => panic!("{answer:?}"),
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk was full");
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    let begun = Instant::now();
    while app.visitor().get("/health").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let photo = jpeg();
    told.kept(&alice.upload(photo.clone()).await, &photo);
    witness.testifies(&told, &alice).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
}
