//! A bucket that refuses, stalls, is away or forgets what it said, as the storage over it takes that.

use std::time::{Duration, Instant};

use chrono::{SecondsFormat, TimeDelta, Utc};
use futures_util::TryStreamExt;
use futures_util::future::{join, join_all};
use lumina::storage::{Room, Storage, StorageError};

use crate::storage::{bucket, original, read};
use crate::support::proxy::Fault;
use crate::support::s3::{Mood, S3Server, answer_to};

#[tokio::test]
async fn a_reader_who_leaves_stops_the_reading() {
    let place = bucket().await;
    let (server, key, size) = (place.server.as_ref().unwrap(), original(), 64_000_000);
    place.storage.put_bytes(key, vec![7; size]).await.unwrap();
    let before = server.sent();
    let mut object = place.storage.get(key, None).await.unwrap();
    assert_eq!(object.stream.try_next().await.unwrap().unwrap().first(), Some(&7));
    assert_eq!(server.open_answers(), 1);
    drop(object);
    let left = Instant::now();
    while server.open_answers() > 0 {
        assert!(left.elapsed().as_secs() < 10, "the bucket goes on sending");
        tokio::task::yield_now().await;
    }
    assert!(server.sent() - before < size / 2, "{} bytes were read for nobody", server.sent() - before);
}

#[tokio::test]
async fn one_who_does_not_wait_leaves_no_half() {
    let place = bucket().await;
    let (server, key) = (place.server.as_ref().unwrap(), original());
    let file = place.receives(&vec![7; 20_000_000]).await;
    server.becomes(Mood::Asleep);
    let asked = server.requests();
    tokio::select! {
        _ = place.storage.put_file(key, file) => panic!("nobody has answered"),
        () = async { while server.requests() == asked { tokio::task::yield_now().await } } => {}
    }
    server.becomes(Mood::Well);
    assert!(!place.storage.has(key).await.unwrap());
    assert!(server.objects().is_empty() && place.temporary_files() == 0);
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_object_and_no_failure() {
    let place = bucket().await;
    let (storage, server) = (&place.storage, place.server.as_ref().unwrap());
    let key = original();
    server.becomes(Mood::Forgetful);
    storage.put_file(key, place.receives(b"photo").await).await.unwrap();
    assert_eq!(server.objects(), [key.to_string()]);
    assert_eq!(read(storage.get(key, None).await.unwrap()).await, b"photo");
    server.becomes(Mood::Forgetful);
    storage.delete(key).await.unwrap();
    assert!(server.objects().is_empty());
}

#[tokio::test]
async fn a_bucket_that_is_away_is_left_alone_and_its_objects_are_not_called_absent() {
    for mood in [Mood::Away, Mood::Overloaded] {
        let place = bucket().await;
        let (storage, server) = (&place.storage, place.server.as_ref().unwrap());
        let (key, file) = (original(), place.receives(b"photo").await);
        server.becomes(mood);
        for _ in 0..2 {
            assert!(matches!(storage.has(key).await, Err(StorageError::Unavailable(_))), "{mood:?}");
        }
        assert!(storage.is_known_to_be_away());
        let asked = server.requests();
        for _ in 0..100 {
            assert!(matches!(storage.get(key, None).await, Err(StorageError::Unavailable(_))));
            assert!(storage.is_up().await.is_err());
        }
        assert!(server.requests() <= asked + 2, "but for the probe nobody asks");
        assert!(matches!(storage.put_file(key, file).await, Err(StorageError::Unavailable(_))));
        assert!(storage.temporary(Room::of_our_own()).await.is_err(), "no upload is begun");
        assert_eq!(place.temporary_files(), 0);
        assert!(server.objects().is_empty());

        server.becomes(Mood::Well);
        let back = Instant::now();
        while storage.is_up().await.is_err() {
            assert!(back.elapsed().as_secs() < 10, "recovers by itself");
            tokio::task::yield_now().await;
        }
        storage.put_bytes(key, b"photo".to_vec()).await.unwrap();
    }
}

#[tokio::test]
async fn many_who_lose_their_connections_at_once_try_again_and_nobody_is_refused() {
    let place = bucket().await;
    let (storage, server) = (&place.storage, place.server.as_ref().unwrap());
    // More than there are puts: some lose the second one too, and so may the probe.
    server.suffers(Fault::CutsRequests(1000), Some(30));
    let puts = (0..20).map(|n| storage.put_bytes(original(), vec![n; 20_000]));
    for put in join_all(puts).await {
        put.unwrap();
    }
    assert_eq!(server.objects().len(), 20);
    assert!(!storage.is_known_to_be_away());
}

#[tokio::test]
async fn a_bucket_that_is_started_again_refuses_nothing_that_had_come() {
    let place = bucket().await;
    let (storage, server) = (&place.storage, place.server.as_ref().unwrap());
    server.suffers(Fault::Refuses, None);
    let puts = join_all((0..20).map(|n| storage.put_bytes(original(), vec![n; 20_000])));
    let restarts = async {
        let begun = Instant::now();
        while !storage.is_known_to_be_away() {
            assert!(begun.elapsed().as_secs() < 5, "nobody finds out");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let look = storage.get(original(), None).await;
        assert!(matches!(look, Err(StorageError::Unavailable(_))), "nobody waits to look");
        // One more of those that came together.
        storage.temporary(Room::of_our_own()).await.unwrap();
        let late = storage.put_bytes(original(), b"photo".to_vec());
        let well = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            server.becomes(Mood::Well);
        };
        join(late, well).await.0
    };
    let (puts, late) = join(puts, restarts).await;
    for put in puts.into_iter().chain([late]) {
        put.unwrap();
    }
    assert_eq!(server.objects().len(), 21);
    assert!(!storage.is_known_to_be_away());
}

#[tokio::test]
async fn a_download_whose_connection_breaks_goes_on_where_it_was() {
    let place = bucket().await;
    let (storage, server, key) = (&place.storage, place.server.as_ref().unwrap(), original());
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
    storage.put_bytes(key, bytes.clone()).await.unwrap();
    for (range, part) in [
        (None, &bytes[..]),
        (Some((1000, 2_500_000)), &bytes[1000..=2_500_000]),
        (Some((1000, u64::MAX)), &bytes[1000..]),
    ] {
        server.suffers(Fault::CutsAnswers(400_000), Some(5));
        let object = storage.get(key, range).await.unwrap();
        assert_eq!(object.size, bytes.len() as u64);
        let asked = server.requests();
        assert!(read(object).await == part, "{range:?}");
        let again = server.requests() - asked;
        assert!((4..=5).contains(&again), "once for each break, and one may have been met before: {again}");
        server.becomes(Mood::Well);
    }
}

#[tokio::test]
async fn health_asks_the_bucket_only_when_nothing_else_did() {
    let place = bucket().await;
    let server = place.server.as_ref().unwrap();
    let asked = server.requests();
    for _ in 0..100 {
        place.storage.is_up().await.unwrap();
    }
    assert_eq!(server.requests(), asked);
}

/// How a request for the list of uploads in parts begins.
const UNFINISHED: &[&str] = &["GET /photos?uploads", "GET /photos/?uploads"];

#[tokio::test]
async fn parts_that_were_never_finished_go_when_they_are_old() {
    let place = bucket().await;
    let (storage, server) = (&place.storage, place.server.as_ref().unwrap());
    let keys = [original(), original()].map(|key| key.to_string());
    let client = server.client();
    let mut ids = Vec::new();
    for key in &keys {
        let begun = client.initiate_multipart_upload(key, "image/jpeg").await.unwrap();
        client.put_multipart_chunk(vec![7; 1000], key, 1, &begun.upload_id, "image/jpeg").await.unwrap();
        ids.push(begun.upload_id);
    }
    let left = server.objects().len();
    // This server has no such list.
    assert_eq!(storage.abort_parts(Utc::now()).await.unwrap(), 0);
    assert_eq!(server.objects().len(), left);

    let (now, day) = (Utc::now(), TimeDelta::days(1));
    let uploads: String = std::iter::zip(&keys, &ids)
        .zip([now - day * 2, now])
        .map(|((key, id), begun)| {
            let begun = begun.to_rfc3339_opts(SecondsFormat::Millis, true);
            format!(
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{begun}</Initiated>\
                 <StorageClass>STANDARD</StorageClass></Upload>"
            )
        })
        .collect();
    let list = format!(
        "<ListMultipartUploadsResult><Bucket>photos</Bucket><IsTruncated>false</IsTruncated>{uploads}\
         </ListMultipartUploadsResult>"
    );
    server.suffers(answer_to(UNFINISHED, "200 OK", &list), None);
    assert_eq!(storage.abort_parts(now - day).await.unwrap(), 1);
    let objects = server.objects().concat();
    assert!(!objects.contains(&ids[0]) && objects.contains(&ids[1]), "{objects}");
}

#[tokio::test]
async fn a_key_that_may_not_see_unfinished_parts_is_no_fault_of_the_bucket() {
    let place = bucket().await;
    let (storage, server) = (&place.storage, place.server.as_ref().unwrap());
    server.suffers(answer_to(UNFINISHED, "403 Forbidden", "<Error><Code>AccessDenied</Code></Error>"), None);
    for _ in 0..5 {
        assert_eq!(storage.abort_parts(Utc::now()).await.unwrap(), 0);
    }
    storage.is_up().await.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_at_the_start() {
    let (folder, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    server.becomes(Mood::Ahead);
    let said = Storage::s3(folder.path(), &server.config()).await.unwrap_err().to_string();
    assert!(said.contains("clock is 59 minutes") || said.contains("clock is 60 minutes"), "{said}");
}
