//! Bounds that are too wide to be met in a test, made narrow.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use uuid::Uuid;

use super::progress::never_idle;
use super::{Bounds, S3};
use crate::disk_space::DiskSpace;
use crate::storage::{Kind, Listed, ObjectKey, Received, Room, StorageError};

#[path = "../../../tests/integration/support/s3.rs"]
#[expect(dead_code, clippy::disallowed_methods, reason = "made for many tests, which wait for its tasks")]
mod server;
use server::{Mood, S3Server};

async fn bucket(bounds: Bounds) -> (TempDir, S3Server, S3) {
    let (folder, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    let s3 =
        S3::open_within(bounds, folder.path(), DiskSpace::of(folder.path(), None), &server.config()).await.unwrap();
    (folder, server, s3)
}

fn impatient() -> Bounds {
    let soon = Duration::from_millis(100);
    Bounds { answer: soon, standstill: soon, first_pause: soon / 10, ..Bounds::default() }
}

fn key() -> ObjectKey {
    ObjectKey::new(Uuid::now_v7(), Kind::Original)
}

async fn received(s3: &S3, bytes: &[u8]) -> Received {
    let mut file = s3.temporary(Room::of_our_own()).await.unwrap();
    file.write(bytes).await.unwrap();
    file.finish().await.unwrap()
}

/// Three parts, of 8 MiB at most.
fn large() -> Vec<u8> {
    (0..(20_u32 << 20)).map(|n| (n >> 8) as u8).collect()
}

#[tokio::test]
async fn what_is_too_large_for_one_request_goes_in_parts() {
    let (_folder, server, s3) = bucket(Bounds { one_request: 1000, ..Bounds::default() }).await;
    let (key, bytes) = (key(), large());
    s3.put_file(key, received(&s3, &bytes).await).await.unwrap();
    assert_eq!(server.objects(), [key.to_string()], "no parts are left");
    let object = s3.get(key, None).await.unwrap();
    assert_eq!(object.size, bytes.len() as u64);
    let read = object.stream.try_fold(Vec::new(), async |all, chunk| Ok([all.as_slice(), &chunk].concat()));
    assert!(read.await.unwrap() == bytes);
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    for (page, pages) in [(3, 4), (5, 2), (10, 1), (1, 10), (1000, 1)] {
        let (_folder, server, s3) = bucket(Bounds { page, ..Bounds::default() }).await;
        let mut keys: Vec<_> = (0..10).map(|_| key().to_string()).collect();
        keys.sort();
        for key in &keys {
            s3.put_bytes(key.parse().unwrap(), b"photo".to_vec()).await.unwrap();
        }
        let asked = server.requests();
        let listed: Vec<_> = s3.list("photos/").map_ok(|listed| listed.key).try_collect().await.unwrap();
        assert_eq!((listed, server.requests() - asked), (keys, pages), "{page}");
        let asked = server.requests();
        let first: Vec<_> = s3.list("photos/").take(1).collect().await;
        assert_eq!((first.len(), server.requests() - asked), (1, 1), "no page before it is needed");
        server.becomes(Mood::Away);
        let all: Vec<_> = s3.list("photos/").collect().await;
        assert!(matches!(&all[..], [Err(StorageError::Unavailable(_))]));
    }
}

#[tokio::test]
async fn a_list_out_of_order_ends_with_an_error() {
    let listed = |key: &str| Ok(Listed { key: key.into(), size: 1, modified: chrono::Utc::now() });
    for (keys, good) in [
        (vec!["photos/a", "photos/b", "photos/c"], 3),
        (vec!["photos/a", "photos/c", "photos/b", "photos/d"], 2),
        (vec!["photos/a", "photos/a"], 1),
        (vec!["photos/a", "uploads/b"], 1),
    ] {
        let is_fine = good == keys.len();
        let listing = futures_util::stream::iter(keys.into_iter().map(listed).collect::<Vec<_>>()).boxed();
        let all: Vec<_> = crate::storage::list::checked(listing, "photos/".into()).collect().await;
        assert_eq!((all.iter().filter(|listed| listed.is_ok()).count(), all.last().unwrap().is_ok()), (good, is_fine));
        assert_eq!(all.len(), good + usize::from(!is_fine));
    }
}

#[tokio::test]
async fn parts_are_not_left_by_one_who_does_not_wait() {
    let (_folder, server, s3) = bucket(Bounds { one_request: 1000, ..Bounds::default() }).await;
    let key = key();
    let file = received(&s3, &large()).await;
    let putting = s3.put_file(key, file);
    // Until the first part is on its way.
    tokio::select! {
        _ = putting => panic!("that was fast"),
        () = async { while server.requests() < 3 { tokio::task::yield_now().await } } => {}
    }
    let begun = Instant::now();
    while server.objects() != [key.to_string()] {
        assert!(begun.elapsed().as_secs() < 20, "{:?}", server.objects());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_bucket_that_never_answers_is_given_up() {
    let (_folder, server, s3) = bucket(impatient()).await;
    let file = received(&s3, b"photo").await;
    server.becomes(Mood::Asleep);
    let asked = Instant::now();
    assert!(matches!(s3.put_file(key(), file).await, Err(StorageError::Unavailable(_))));
    assert!(matches!(s3.get(key(), None).await, Err(StorageError::Unavailable(_))));
    assert!(asked.elapsed().as_secs() < 5, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_stream_that_stands_still_ends_and_a_slow_reader_is_waited_for() {
    let chunks =
        |n| futures_util::stream::iter((0..n).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"x"))));
    let soon = Duration::from_millis(50);
    let mut stuck = never_idle(chunks(1).chain(futures_util::stream::pending()), soon);
    assert!(stuck.next().await.unwrap().is_ok());
    assert_eq!(stuck.next().await.unwrap().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert!(stuck.next().await.is_none());
    // The clock runs only while a chunk is awaited: not even no time at all is too short for those that are there.
    let steady = never_idle(chunks(3), Duration::ZERO);
    assert_eq!(steady.try_collect::<Vec<_>>().await.unwrap().len(), 3);
}
