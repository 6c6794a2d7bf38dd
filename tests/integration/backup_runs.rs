//! Several runs of `lumina backup` in one folder: what one of them has is never lost by another.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::backup::{Bare, backup, files, said};
use crate::support::images::noise;
use crate::support::kept::Kept;
use crate::support::*;

#[track_caller]
fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// Nothing in the folder has changed, and it says so.
async fn refused(kept: &Kept, arguments: &[&str], to: &Path, because: &[&str]) {
    let before = files(to);
    let refused = kept.run(arguments).await;
    assert!(!refused.status.success(), "{}", said(&refused));
    for word in because {
        assert!(said(&refused).contains(word), "{word}: {}", said(&refused));
    }
    let after = files(to);
    // What a stopped run has noted is another's to take over.
    let finished = before.iter().filter(|path| !path.starts_with(to.join("unfinished")));
    let lost: Vec<_> = finished.filter(|path| !after.contains(path)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(
        files(&to.join("manifests")).len(),
        before.iter().filter(|path| path.starts_with(to.join("manifests"))).count()
    );
}

#[tokio::test]
async fn another_library_or_an_empty_one_is_not_backed_up_over_the_photos_of_a_good_backup() {
    let mut kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    for _ in 0..3 {
        alice.upload(jpeg()).await;
    }
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    let path = to.to_str().unwrap();
    assert_done(&backup(&kept, &to).await);

    // A new database, as a wrong folder or a disk that is not mounted would have it.
    let other = Kept::on_disk().await;
    // Test databases are copies of one.
    other.app.execute("UPDATE instance SET id = gen_random_uuid()");
    std::fs::write(other.app.data_dir().join("instance"), other.app.ask("SELECT id::text FROM instance")).unwrap();
    let id = |kept: &Kept| kept.app.ask("SELECT id::text FROM instance");
    refused(&other, &["backup", path], &to, &["another library", &id(&kept), &id(&other), "3 photos", "--force"]).await;

    // The disk with the photos is not mounted, the one with the database is.
    let (photos, away) = (kept.app.data_dir().join("photos"), kept.app.data_dir().join("away"));
    std::fs::rename(&photos, &away).unwrap();
    refused(&kept, &["backup", path], &to, &["no folder `photos`"]).await;
    std::fs::create_dir(&photos).unwrap();
    refused(&kept, &["backup", path], &to, &["3 of 3 photos have no original", "--force"]).await;
    std::fs::remove_dir_all(&photos).unwrap();
    std::fs::rename(&away, &photos).unwrap();

    // The photos of another database.
    let marker = kept.app.data_dir().join("instance");
    let ours = std::fs::read(&marker).unwrap();
    std::fs::write(&marker, id(&other)).unwrap();
    refused(&kept, &["backup", path], &to, &["belongs to another database"]).await;
    std::fs::write(&marker, ours).unwrap();

    // An old state of it.
    kept.app.execute("DELETE FROM photos");
    refused(&kept, &["backup", path], &to, &["has 0 photos", "has 3", "--force"]).await;
    assert_done(&kept.run(&["backup", path, "--force"]).await);
    assert_done(&other.run(&["backup", path, "--force"]).await);
    let first = files(&to.join("manifests"))[0].file_name().unwrap().to_str().unwrap().to_owned();
    let bare = Bare::new(None);
    let restored = bare.restore_run(&to, &first).await;
    assert!(said(&restored).contains("3 photos, ") && restored.status.success(), "{}", said(&restored));
    kept.app.restart_with(|_| {}).await;
}

#[tokio::test]
async fn the_last_runs_are_kept_and_share_their_objects() {
    let kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    let arguments = ["backup", to.to_str().unwrap(), "--keep", "2"];
    let stays = alice.upload(noise(60)).await;
    let mut originals = Vec::new();
    for _ in 0..3 {
        let bytes = noise(61);
        let photo = alice.upload(bytes.clone()).await;
        originals.push(bytes);
        assert_done(&kept.run(&arguments).await);
        alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    }
    let runs = files(&to.join("manifests"));
    assert_eq!(runs.len(), 2, "{runs:?}");
    let objects: Vec<_> = files(&to.join("objects")).iter().map(|path| std::fs::read(path).unwrap()).collect();
    let there: Vec<_> = originals.iter().map(|bytes| objects.contains(bytes)).collect();
    assert_eq!(there, [false, true, true], "what a kept run names stays");
    let original = std::fs::read(kept.object(&stays, "original")).unwrap();
    assert_eq!(objects.iter().filter(|bytes| **bytes == original).count(), 1, "shared");
    for run in &runs {
        let restored = Bare::new(None).restore_run(&to, run.file_name().unwrap().to_str().unwrap()).await;
        assert!(restored.status.success() && said(&restored).contains("2 photos, 8 objects"), "{}", said(&restored));
    }
    let unknown = Bare::new(None).restore_run(&to, "2001").await;
    let newest = runs[1].file_name().unwrap().to_str().unwrap();
    assert!(!unknown.status.success() && said(&unknown).contains(newest), "{}", said(&unknown));

    // A run that cannot be read: nobody knows what it names, so nothing goes.
    std::fs::write(&runs[1], "damaged").unwrap();
    std::fs::remove_file(&runs[0]).unwrap();
    let refused = kept.run(&arguments).await;
    assert!(!refused.status.success() && said(&refused).contains("is damaged"), "{}", said(&refused));
    assert_eq!(files(&to.join("objects")).len(), objects.len());
}

#[tokio::test]
async fn a_stopped_backup_goes_on_where_it_was() {
    let kept = Kept::in_bucket().await;
    let alice = kept.app.user("alice").await;
    for n in 0..24 {
        alice.upload(noise(60 + n)).await;
    }
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    let mut there = 0;
    // Killed twice, each time with something new.
    for least in [20, 60] {
        let mut child = kept.command(&["backup", to.to_str().unwrap()]).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while written_down(&to) < least {
            assert!(begun.elapsed() < Duration::from_secs(20), "it copies nothing");
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        there = written_down(&to);
    }
    let made = backup(&kept, &to).await;
    let new: usize = said(&made).split("96 objects: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(new <= 96 - there, "{there} were there: {}", said(&made));
    assert!(files(&to.join("unfinished")).is_empty());
    assert_done(&Bare::new(None).restore(&to).await);
}

/// Objects that a run which was stopped has written down.
fn written_down(to: &Path) -> usize {
    let unfinished = to.join("unfinished");
    let runs = if unfinished.exists() { files(&unfinished) } else { Vec::new() };
    // One of which all is in another goes.
    let texts = runs.iter().map(|run| std::fs::read_to_string(run).unwrap_or_default());
    texts.map(|text| text.matches("\tphotos/").count()).max().unwrap_or(0)
}

#[tokio::test]
async fn a_backup_of_the_first_release_is_restored_and_continued() {
    let kept = Kept::on_disk().await;
    let alice = kept.app.user("alice").await;
    alice.upload(jpeg()).await;
    let folder = cluster::scratch();
    let to = folder.path().join("backup");
    assert_done(&backup(&kept, &to).await);
    // It kept one run, under this name.
    std::fs::rename(&files(&to.join("manifests"))[0], to.join("manifest")).unwrap();
    std::fs::remove_dir(to.join("manifests")).unwrap();
    std::fs::remove_dir(to.join("unfinished")).unwrap();
    assert_done(&Bare::new(None).restore(&to).await);
    alice.upload(jpeg()).await;
    let made = backup(&kept, &to).await;
    assert!(said(&made).contains("2 photos, 8 objects: ") && said(&made).contains("with 2 runs"), "{}", said(&made));
    let restored = Bare::new(None).restore_run(&to, "manifest").await;
    assert!(restored.status.success() && said(&restored).contains("1 photos, 4 objects"), "{}", said(&restored));
    let restored = Bare::new(None).restore(&to).await;
    assert!(restored.status.success() && said(&restored).contains("2 photos, 8 objects"), "{}", said(&restored));
    // It goes as the others do.
    assert_done(&kept.run(&["backup", to.to_str().unwrap(), "--keep", "1"]).await);
    assert!(!to.join("manifest").exists() && files(&to.join("manifests")).len() == 1);
}
