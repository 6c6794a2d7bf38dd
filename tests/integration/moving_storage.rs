//! `lumina storage copy`: all photos' bytes to another storage, while the server runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lumina::config::S3Config;
use tempfile::TempDir;

use crate::support::kept::{Kept, write_settings};
use crate::support::s3::S3Server;
use crate::support::*;

/// A file with the settings of the other storage.
pub fn target(data_dir: &Path, s3: Option<&S3Config>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("next.yaml");
    write_settings(&file, data_dir, s3);
    (folder, file)
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// From disk to a bucket, to another bucket, and back.
#[tokio::test]
async fn an_album_moves_while_it_is_in_use() {
    let mut kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    let first = Arc::new(Mutex::new(Vec::new()));
    for bytes in [jpeg(), png(), animations::gif(3)] {
        let photo = alice.upload(bytes.clone()).await;
        first.lock().unwrap().push((photo, bytes));
    }
    let uploads = {
        let (alice, first) = (alice.clone(), first.clone());
        tokio::spawn(async move {
            loop {
                // Not so many that copying them three times takes long.
                tokio::time::sleep(Duration::from_millis(150)).await;
                let bytes = jpeg();
                let photo = alice.upload(bytes.clone()).await;
                first.lock().unwrap().push((photo, bytes));
                let gone = alice.upload(jpeg()).await;
                alice.post(&gone.at("delete"), &[]).await.assert_status(303);
            }
        })
    };
    let servers = [S3Server::start(), S3Server::start()];
    let (_folder, to_first) = target(kept.app.data_dir(), Some(&servers[0].config()));
    let copied = kept.run(&["storage", "copy", "--to", to_first.to_str().unwrap()]).await;
    assert!(copied.status.success(), "{copied:?}");
    assert!(said(&copied).contains("Everything is there") && said(&copied).contains("--quick"), "{}", said(&copied));
    assert!(!said(&copied).contains("must-not-be-seen"));
    assert!(!uploads.is_finished());
    uploads.abort();
    let _ = uploads.await;

    let (_folder, to_second) = target(kept.app.data_dir(), Some(&servers[1].config()));
    let (_folder, to_disk) = target(kept.app.data_dir(), None);
    let [one, two] = servers;
    for (to, next) in [(to_first, Some(one)), (to_second, Some(two)), (to_disk, None)] {
        let arguments = ["storage", "copy", "--to", to.to_str().unwrap()];
        let again = kept.run(&arguments).await;
        assert!(again.status.success(), "{again:?}");
        let quick = kept.run(&[&arguments[..], &["--quick"]].concat()).await;
        assert!(quick.status.success() && said(&quick).contains("\n0 objects copied"), "{quick:?}");
        let from = kept.objects();
        if next.is_none() {
            // What was deleted meanwhile and copied before is swept later.
            kept.app.execute("UPDATE removals SET due_at = now()");
            kept.app.state().album.sweep().await.unwrap();
        }
        let there = next.as_ref().map_or_else(|| kept.app.data_dir().to_owned(), S3Server::bucket);
        let owner = std::fs::read_to_string(there.join("instance")).unwrap();
        assert_eq!(owner, kept.app.ask("SELECT id::text FROM instance"));
        kept.app.restart_with(|config| config.s3 = next.as_ref().map(S3Server::config)).await;
        kept.server = next;
        assert!(!from.is_empty());
        let photos = first.lock().unwrap().clone();
        let alice = kept.app.device_of("alice").await;
        for (photo, bytes) in &photos {
            assert_eq!(&alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
            alice.get(&photo.at("small")).await.assert_status(200);
        }
        kept.doctor(&["--deep"]).await.assert_clean();
    }
}

#[tokio::test]
async fn one_that_was_killed_goes_on() {
    let kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    for _ in 0..12 {
        alice.upload(jpeg()).await;
    }
    let server = S3Server::start();
    let (_folder, to) = target(kept.app.data_dir(), Some(&server.config()));
    let arguments = ["storage", "copy", "--to", to.to_str().unwrap()];
    let mut child = kept.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while server.objects().len() < 5 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it copies nothing");
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What had arrived whole when it was killed may still be on its way into the bucket.
    let mut before = server.objects();
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = server.objects();
        if std::mem::replace(&mut before, now) == server.objects() {
            break;
        }
    }
    assert!(before.len() < 48, "it was in the middle");
    // Half an object cannot be: but one whose bytes are others.
    let other = server.bucket().join(before.iter().find(|key| key.ends_with("original")).unwrap());
    let mut bytes = std::fs::read(&other).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&other, bytes).unwrap();
    let copied = kept.run(&arguments).await;
    assert!(copied.status.success(), "{copied:?}");
    let new = 48 - before.iter().filter(|key| key.starts_with("photos/")).count();
    let line = said(&copied).lines().find(|line| line.contains("objects copied")).unwrap().to_owned();
    let count: usize = line.split(' ').next().unwrap().parse().unwrap();
    assert!(count > new && count <= new + 2, "what is there is left, but for what is not right: {line}, {new}");
    for key in kept.objects() {
        assert_eq!(std::fs::read(kept.root().join(&key)).unwrap(), std::fs::read(server.bucket().join(&key)).unwrap());
    }
}

#[tokio::test]
async fn what_is_lost_or_altered_is_named_and_the_rest_copied() {
    let kept = Kept::in_bucket().await;
    let alice = kept.app.user("alice").await;
    let [fine, altered, lost] = [alice.upload(jpeg()).await, alice.upload(jpeg()).await, alice.upload(jpeg()).await];
    let path = kept.object(&altered, "original");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[50] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    std::fs::remove_file(kept.object(&lost, "original")).unwrap();
    let (folder, to) = target(kept.app.data_dir(), None);
    let copied = kept.run(&["storage", "copy", "--to", to.to_str().unwrap()]).await;
    assert!(!copied.status.success());
    for (photo, why) in [(&altered, "it was altered"), (&lost, "it is missing")] {
        let line = format!("{}/original: {why}", photo.id);
        assert!(said(&copied).contains(&line), "{}", said(&copied));
    }
    assert!(
        said(&copied).contains("10 objects copied") && said(&copied).contains("2 could not be copied"),
        "{copied:?}"
    );
    let original = format!("photos/{}/{}/original", &fine.id[34..], fine.id);
    assert!(kept.app.data_dir().join(&original).exists());
    let altered = format!("photos/{}/{}/original", &altered.id[34..], altered.id);
    assert!(!kept.app.data_dir().join(altered).exists(), "what is wrong is not made two of");
    drop(folder);
}

#[tokio::test]
async fn a_storage_is_not_copied_into_itself() {
    for kept in Kept::everywhere().await {
        let alice = kept.app.user("alice").await;
        alice.upload(jpeg()).await;
        let before = kept.objects();
        let s3 = kept.server.as_ref().map(S3Server::config);
        let (_folder, to) = target(kept.app.data_dir(), s3.as_ref());
        let refused = kept.run(&["storage", "copy", "--to", to.to_str().unwrap()]).await;
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && why.contains("where the photos are already"), "{why}");
        assert_eq!(kept.objects(), before);
        // Nor into another's.
        let another = S3Server::start();
        let theirs = another.bucket().join("instance");
        std::fs::write(&theirs, uuid::Uuid::new_v4().to_string()).unwrap();
        let (_folder, to_another) = target(kept.app.data_dir(), Some(&another.config()));
        let refused = kept.run(&["storage", "copy", "--to", to_another.to_str().unwrap()]).await;
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && why.contains("of another database"), "{why}");
        assert!(another.objects().is_empty());
        std::fs::write(&to, "s3:\n  bucket_name: x\nbind: nowhere").unwrap();
        let refused = kept.run(&["storage", "copy", "--to", to.to_str().unwrap()]).await;
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(why.contains("bind") && why.contains("s3.aws_access_key_id is missing"), "{why}");
    }
}
