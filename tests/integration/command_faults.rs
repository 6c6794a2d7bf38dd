//! The commands that look after a library when they are killed, have no room, or lose the bucket: run again they do all of
//! it, and until then nothing is lost.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::backup::{Bare, said};
use crate::disk_full::SmallDisk;
use crate::moving_storage::target;
use crate::support::images::noise;
use crate::support::kept::{Kept, command};
use crate::support::s3::{Mood, S3Server};
use crate::support::*;

/// Runs it again and again and kills it later each time, until it comes to its end. Answers also how often it was killed.
async fn despite_kills(run: impl Fn() -> Command + Send + 'static) -> (Output, u32) {
    let ran = tokio::task::spawn_blocking(move || {
        let mut patience = Duration::from_millis(25);
        for killed in 0.. {
            let mut child = run().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let begun = Instant::now();
            while begun.elapsed() < patience && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
            if child.try_wait().unwrap().is_some() {
                return (child.wait_with_output().unwrap(), killed);
            }
            child.kill().unwrap();
            child.wait().unwrap();
            patience = patience.mul_f64(1.3);
        }
        unreachable!()
    });
    ran.await.unwrap()
}

/// Some photos, one of them deleted, all of them large enough to be caught in the middle.
async fn photos(kept: &Kept, count: usize) -> Vec<(Photo, Vec<u8>)> {
    let alice = kept.app.user("alice").await;
    let mut photos = Vec::new();
    for _ in 0..count {
        let bytes = noise(310);
        photos.push((alice.upload(bytes.clone()).await, bytes));
    }
    let gone = alice.upload(jpeg()).await;
    alice.post(&gone.at("delete"), &[]).await.assert_status(303);
    photos
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_copy_that_is_killed_at_any_time_is_whole_when_it_ends() {
    let mut kept = Kept::on_disk().await;
    let photos = photos(&kept, 5).await;
    let server = S3Server::start();
    let (_folder, to) = target(kept.app.data_dir(), Some(&server.config()));
    let (data_dir, database, file) = (kept.app.data_dir().to_owned(), kept.app.database_url(), to.clone());
    let (copied, killed) = despite_kills(move || {
        let mut command = command(&["storage", "copy", "--to", path(&file)], &data_dir, None);
        command.env("DATABASE_URL", &database);
        command
    })
    .await;
    assert!(copied.status.success() && killed > 2, "{killed} {}", said(&copied));
    kept.app.restart_with(|config| config.s3 = Some(server.config())).await;
    kept.server = Some(server);
    kept.doctor(&["--deep"]).await.assert_clean();
    let alice = kept.app.device_of("alice").await;
    for (photo, bytes) in &photos {
        assert_eq!(&alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
    }
    let left = std::fs::read_dir(kept.app.data_dir().join("tmp")).into_iter().flatten().count();
    assert_eq!(left, 0, "the server's start clears what killed ones left");
}

/// With the private Postgres, which a killed one leaves running, and without.
#[tokio::test]
async fn a_restore_that_is_killed_at_any_time_is_whole_when_it_ends() {
    let kept = Kept::on_disk().await;
    photos(&kept, 5).await;
    let folder = cluster::scratch();
    let from = folder.path().join("backup");
    assert!(kept.run(&["backup", path(&from)]).await.status.success());
    for private in [false, true] {
        let bare = Bare::new(None);
        let (data_dir, database) = (bare.data_dir(), (!private).then(|| bare.database.url()));
        let lumina = move |arguments: &[&str]| {
            let mut command = command(arguments, &data_dir, None);
            command.envs(database.iter().map(|url| ("DATABASE_URL", url)));
            command
        };
        let (run, from) = (lumina.clone(), from.clone());
        let (restored, killed) = despite_kills(move || run(&["restore", path(&from)])).await;
        let said = said(&restored);
        // It may have been killed after the database was there, in the middle of looking at all of it.
        assert!(restored.status.success() || said.contains("There are accounts in this database"), "{said}");
        assert!(killed > 2, "{killed}");
        let examined = kept::output(lumina(&["doctor", "--deep"])).await;
        let found = super::backup::said(&examined);
        let well = examined.status.success() && found.contains("5 photos, 20 objects: all is well");
        assert!(well, "private: {private}\n{said}\n{found}");
    }
}

/// Postgres goes on with what a program asked for that was killed: the next restore must not meet it, nor it the next one.
#[tokio::test]
async fn a_restore_ends_what_a_killed_one_left_running() {
    let kept = Kept::on_disk().await;
    photos(&kept, 1).await;
    let folder = cluster::scratch();
    let from = folder.path().join("backup");
    assert!(kept.run(&["backup", path(&from)]).await.status.success());
    let bare = Bare::new(None);
    let mut left = bare.database.connect();
    left.batch_execute("SET application_name = 'lumina restore'; BEGIN; CREATE TABLE __diesel_schema_migrations ()")
        .unwrap();
    let restored = bare.restore(&from).await;
    assert!(restored.status.success() && said(&restored).contains("all is well"), "{}", said(&restored));
    left.batch_execute("COMMIT").unwrap_err();

    // Of two that live the second waits a while, and is refused.
    let bare = Bare::new(None);
    let url = bare.database.url();
    let first = tokio::task::spawn_blocking(move || lumina::db::restoring::begin(&url).unwrap()).await.unwrap();
    let refused = bare.restore(&from).await;
    assert!(!refused.status.success() && said(&refused).contains("Another restore"), "{}", said(&refused));
    drop(first);
    assert!(bare.restore(&from).await.status.success());
}

#[tokio::test]
async fn tables_with_an_account_are_not_taken_down() {
    let app = TestApp::start().await;
    let take_down = |url: String| tokio::task::spawn_blocking(move || lumina::db::restoring::take_down(&url));
    let alice = app.user("alice").await;
    let refused = take_down(app.database_url()).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("Somebody has made an account"), "{refused}");
    alice.get("/photos").await.assert_status(200);
    let empty = Database::create();
    take_down(empty.url()).await.unwrap().unwrap();
    take_down(empty.url()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_repair_that_is_killed_at_any_time_is_done_when_it_ends() {
    for kept in Kept::everywhere().await {
        let photos = photos(&kept, 4).await;
        for (photo, _) in &photos {
            for name in ["small.webp", "medium.webp", "large.webp"] {
                std::fs::remove_file(kept.object(photo, name)).unwrap();
            }
            let id = uuid::Uuid::now_v7().to_string();
            let key = format!("photos/{}/{id}/original", &id[34..]);
            kept.leave_behind(&key);
            kept.app
                .execute(&format!("INSERT INTO strays (key, found_at) VALUES ('{key}', now() - interval '8 days')"));
        }
        kept.app.execute("UPDATE photo_counts SET photos = 100");
        let settings = kept.server.as_ref().map(S3Server::config);
        let (data_dir, database) = (kept.app.data_dir().to_owned(), kept.app.database_url());
        let (repaired, killed) = despite_kills(move || {
            let mut command = command(&["doctor", "--repair"], &data_dir, settings.as_ref());
            command.env("DATABASE_URL", &database);
            command
        })
        .await;
        assert!(repaired.status.success() && killed > 1, "{killed} {}", said(&repaired));
        let examined = kept.doctor(&["--deep"]).await;
        examined.assert_clean();
        // A probe of the doctor's may be left where it was killed in the middle of it.
        assert!(examined.report["unnamed_objects"].as_u64().unwrap() <= u64::from(killed), "{}", kept.name());
    }
}

#[tokio::test]
async fn without_room_it_is_said_and_with_room_it_goes_on() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 16 * 1024) else {
        eprintln!("SKIPPED: only root can mount the small file system this test needs");
        return;
    };
    let kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    let first = alice.upload(jpeg()).await;
    let to = disk.0.join("backup");
    assert!(kept.run(&["backup", path(&to)]).await.status.success());
    for _ in 0..6 {
        alice.upload(noise(310)).await;
    }
    alice.post(&first.at("delete"), &[]).await.assert_status(303);
    for room in [0, 100, 600, 1200] {
        disk.leave(room);
        let full = kept.run(&["backup", path(&to)]).await;
        assert!(!full.status.success() && said(&full).contains("No space left"), "{room}: {}", said(&full));
        assert!(said(&full).contains(path(&to)), "it says where: {}", said(&full));
    }
    assert!(said(&Bare::new(None).restore(&to).await).contains("1 photos, 4 objects: all is well"));
    disk.leave(8 * 1024);
    let made = kept.run(&["backup", path(&to)]).await;
    assert!(made.status.success() && said(&made).contains("6 photos, 24 objects"), "{}", said(&made));

    let (_folder, next) = target(&disk.0.join("next"), None);
    let copy = ["storage", "copy", "--to", path(&next)];
    for room in [0, 600] {
        disk.leave(room);
        let full = kept.run(&copy).await;
        assert!(!full.status.success() && said(&full).contains("full"), "{room}: {}", said(&full));
    }
    let mut bare = Bare::new(None);
    bare.data = Some(disk.0.join("again"));
    for room in [0, 600] {
        disk.leave(room);
        let full = bare.restore(&to).await;
        assert!(
            !full.status.success() && said(&full).contains("full") | said(&full).contains("No space"),
            "{}",
            said(&full)
        );
    }
    let _ = std::fs::remove_file(disk.0.join("ballast"));
    assert!(kept.run(&copy).await.status.success());
    let restored = bare.restore(&to).await;
    assert!(restored.status.success(), "{}", said(&restored));
}

/// What it finds of a bucket that is away would be false alarms.
#[tokio::test]
async fn a_bucket_that_goes_away_is_said_to_be_away() {
    let kept = Kept::in_bucket().await;
    let photos = photos(&kept, 10).await;
    let folder = cluster::scratch();
    let (_next, to_disk) = target(&folder.path().join("next"), None);
    let backup = folder.path().join("backup");
    let server = kept.server.as_ref().unwrap();
    let all = [
        vec!["doctor", "--deep", "--repair"],
        vec!["storage", "copy", "--to", path(&to_disk)],
        vec!["backup", path(&backup)],
    ];
    for arguments in &all {
        let before = kept.objects();
        let seen = server.requests();
        let mut child = kept.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while server.requests() < seen + 18 && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{arguments:?} asks for nothing");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.becomes(Mood::Away);
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
        let took = begun.elapsed();
        server.becomes(Mood::Well);
        let said = said(&ended);
        assert!(!ended.status.success() && took < Duration::from_secs(60), "{took:?} {said}");
        assert!(!said.contains("missing") && !said.contains("LEFT"), "{arguments:?}: {said}");
        assert!(said.contains("unavailable") || said.contains("away"), "{arguments:?}: {said}");
        assert_eq!(kept.objects(), before);
    }
    for arguments in &all {
        let ended = kept.run(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}", said(&ended));
    }
    let copied: PathBuf = folder.path().join("next/photos").join(&photos[0].0.id[34..]).join(&photos[0].0.id);
    assert_eq!(std::fs::read(copied.join("original")).unwrap(), photos[0].1);
}
