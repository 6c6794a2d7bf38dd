//! Lumina on a real Garage of three nodes, also while one of them is killed. Only where `./dev test --garage` runs.

use std::time::{Duration, Instant};

use lumina::storage::Storage;
use rand::Rng;

use crate::support::garage::Garage;
use crate::support::load::{Doors, Load};
use crate::support::s3::config;
use crate::support::witness::{Objects, Told, Witness};
use crate::support::*;
use crate::two_instances::are_restarted_under_load;

fn garage() -> Option<Garage> {
    let garage = Garage::start(3);
    if garage.is_none() {
        eprintln!("SKIPPED: ./dev test --garage runs this");
    }
    garage
}

fn witness(database: String, garage: &Garage) -> Witness {
    Witness::new(database, Objects::Bucket(garage.bucket()))
}

#[tokio::test]
async fn a_photo_lives_and_dies_on_garage() {
    let Some(garage) = garage() else { return };
    let app = TestApp::start_with(|settings| settings.s3 = Some(config(&garage.settings(0)))).await;
    let (alice, told) = (app.user("alice").await, Told::default());
    let witness = witness(app.database_url(), &garage);
    let bytes = jpeg();
    let photo = alice.upload_tagged(bytes.clone(), "sea").await;
    told.kept(&photo, &bytes);
    told.shared(&photo, &alice.share(&photo, "link").await.unwrap());
    witness.testifies(&told, &alice).await;
    let part = alice.get_with(&photo.at("original"), &[("range", "bytes=2-5")]).await.assert_status(206);
    assert_eq!(part.bytes, bytes[2..=5]);
    alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    told.deleted(&photo);
    witness.testifies(&told, &alice).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
    assert!(Objects::Bucket(garage.bucket()).keys().await.is_empty());
}

#[tokio::test]
async fn parts_that_were_never_finished_go_when_they_are_old() {
    let Some(garage) = garage() else { return };
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::s3(folder.path(), &config(&garage.settings(0))).await.unwrap();
    let bucket = garage.bucket();
    for key in ["photos/b7/one/original", "photos/b7/two/original", "elsewhere/three"] {
        let begun = bucket.initiate_multipart_upload(key, "application/octet-stream").await.unwrap();
        bucket.put_multipart_chunk(vec![7; 1000], key, 1, &begun.upload_id, "image/jpeg").await.unwrap();
    }
    let unfinished = async || {
        let pages = bucket.list_multiparts_uploads(None, None).await.unwrap();
        pages.into_iter().map(|page| page.uploads.len()).sum::<usize>()
    };
    let an_hour = chrono::TimeDelta::hours(1);
    assert_eq!(storage.abort_parts(chrono::Utc::now() - an_hour).await.unwrap(), 0);
    assert_eq!(unfinished().await, 3);
    assert_eq!(storage.abort_parts(chrono::Utc::now() + an_hour).await.unwrap(), 2);
    assert_eq!(unfinished().await, 1, "what is not ours stays");
}

#[tokio::test]
async fn a_node_that_is_killed_in_the_middle_of_uploads_is_not_missed() {
    let Some(mut garage) = garage() else { return };
    let app = TestApp::start_with(|settings| settings.s3 = Some(config(&garage.settings(0)))).await;
    let doors = Doors::default();
    doors.are(&[app.base()]);
    let load = Load::of(4, || app.visitor(), doors).await;
    let work = load.works();
    // Not the one that Lumina talks to: where that dies is the next test.
    for node in [1, 2, 1] {
        let before = load.count();
        while load.count() < before + 10 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        garage.kill_node(node);
        while load.count() < before + 30 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        garage.start_node(node);
    }
    work.ends().await;
    let witness = witness(app.database_url(), &garage);
    load.checks(&witness).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
}

#[tokio::test]
async fn the_node_that_lumina_talks_to_is_killed_and_comes_back() {
    let Some(mut garage) = garage() else { return };
    let app = TestApp::start_with(|settings| settings.s3 = Some(config(&garage.settings(0)))).await;
    let doors = Doors::default();
    doors.are(&[app.base()]);
    let load = Load::of(4, || app.visitor(), doors).await;
    let work = load.works();
    for _ in 0..3 {
        let pause = rand::rng().random_range(300..1500);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let (kept, refused) = (load.count(), load.refused());
        garage.kill_node(0);
        while load.refused() < refused + 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        garage.start_node(0);
        garage.takes_objects().await;
        let back = Instant::now();
        while load.count() < kept + 5 {
            assert!(back.elapsed() < Duration::from_secs(10), "recovers by itself");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    work.ends().await;
    let witness = witness(app.database_url(), &garage);
    load.checks(&witness).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
}

#[tokio::test]
async fn one_of_two_instances_is_restarted_and_nobody_notices() {
    let Some(garage) = garage() else { return };
    are_restarted_under_load(&garage.settings(0), Objects::Bucket(garage.bucket()), 12).await;
}
