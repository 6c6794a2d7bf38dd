//! What every storage keeps to, run on each: the disk, a bucket, and a Garage where `./dev test --garage` runs.

use std::sync::Arc;

use futures_util::TryStreamExt;
use lumina::media::RenditionName;
use lumina::storage::{Kind, Listed, Object, ObjectKey, PHOTOS, Room, Storage, StorageError};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::garage::Garage;
use crate::support::s3::{S3Server, config};

const LARGE: Kind = Kind::Rendition(RenditionName::Large);

/// A storage and what it stands on.
pub struct Place {
    pub name: &'static str,
    pub storage: Storage,
    pub server: Option<S3Server>,
    _garage: Option<Garage>,
    folder: TempDir,
}

/// One of each kind.
async fn everywhere() -> Vec<Place> {
    let mut places = vec![disk().await, bucket().await];
    places.extend(garage().await);
    places
}

async fn disk() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::disk(folder.path()).await.unwrap();
    Place { name: "disk", storage, server: None, _garage: None, folder }
}

pub async fn bucket() -> Place {
    let (folder, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    let storage = Storage::s3(folder.path(), &server.config()).await.unwrap();
    Place { name: "bucket", storage, server: Some(server), _garage: None, folder }
}

async fn garage() -> Option<Place> {
    let garage = Garage::start(3)?;
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::s3(folder.path(), &config(&garage.settings(0))).await.unwrap();
    Some(Place { name: "garage", storage, server: None, _garage: Some(garage), folder })
}

impl Place {
    pub async fn receives(&self, bytes: &[u8]) -> lumina::storage::Received {
        let mut upload = self.storage.temporary(Room::of_our_own()).await.unwrap();
        for chunk in bytes.chunks(10_000) {
            upload.write(chunk).await.unwrap();
        }
        upload.finish().await.unwrap()
    }

    pub fn temporary_files(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("tmp")).unwrap().count()
    }
}

pub fn original() -> ObjectKey {
    ObjectKey::new(Uuid::now_v7(), Kind::Original)
}

pub async fn read(object: Object) -> Vec<u8> {
    object.stream.try_fold(Vec::new(), async |all, chunk| Ok([all.as_slice(), &chunk].concat())).await.unwrap()
}

#[tokio::test]
async fn what_is_put_can_be_got_and_deleted() {
    for place in everywhere().await {
        let storage = &place.storage;
        let photo = Uuid::now_v7();
        let [original, large] = [Kind::Original, LARGE].map(|kind| ObjectKey::new(photo, kind));
        let bytes: Vec<u8> = (0..600_000_u32).map(|n| n as u8).collect();
        let upload = place.receives(&bytes).await;
        assert_eq!(std::fs::read(upload.path()).unwrap(), bytes);
        storage.put_file(original, upload).await.unwrap();
        storage.put_bytes(large, b"large".to_vec()).await.unwrap();
        assert_eq!(place.temporary_files(), 0, "{}", place.name);

        let object = storage.get(original, None).await.unwrap();
        assert_eq!(object.size, 600_000);
        assert!(read(object).await == bytes, "{}", place.name);
        assert_eq!(read(storage.get(large, None).await.unwrap()).await, b"large");
        assert!(storage.has(original).await.unwrap() && storage.has(large).await.unwrap());
        assert_eq!(storage.stat(original).await.unwrap(), 600_000, "{}", place.name);

        storage.delete(original).await.unwrap();
        storage.delete(original).await.unwrap();
        assert!(matches!(storage.get(original, None).await, Err(StorageError::NotFound)), "{}", place.name);
        assert!(!storage.has(original).await.unwrap());
        assert!(matches!(storage.stat(original).await, Err(StorageError::NotFound)), "{}", place.name);
        assert!(storage.has(large).await.unwrap(), "the other is left alone");
        storage.delete(large).await.unwrap();
        storage.is_up().await.unwrap();
    }
}

#[tokio::test]
async fn a_part_can_be_got() {
    for place in everywhere().await {
        let key = original();
        place.storage.put_bytes(key, b"0123456789".to_vec()).await.unwrap();
        let cases = [
            ((0, 0), "0"),
            ((3, 5), "345"),
            ((7, 9), "789"),
            ((7, u64::MAX), "789"),
            ((0, u64::MAX), "0123456789"),
            ((10, 20), ""),
            ((u64::MAX >> 1, u64::MAX), ""),
        ];
        for (range, part) in cases {
            let object = place.storage.get(key, Some(range)).await.unwrap();
            assert_eq!(object.size, 10, "{} {range:?}", place.name);
            assert_eq!(read(object).await, part.as_bytes(), "{} {range:?}", place.name);
        }
        place.storage.delete(key).await.unwrap();
    }
}

async fn list(storage: &Storage, prefix: &str) -> Vec<Listed> {
    storage.list(prefix).try_collect().await.unwrap()
}

#[tokio::test]
async fn what_is_there_is_listed_in_order() {
    for place in everywhere().await {
        let storage = &place.storage;
        let before = list(storage, PHOTOS).await.len();
        let photos: Vec<_> = (0..20).map(|_| Uuid::now_v7()).collect();
        let mut keys: Vec<_> =
            photos.iter().flat_map(|id| [Kind::Original, LARGE].map(|kind| ObjectKey::new(*id, kind))).collect();
        let begun = chrono::Utc::now() - chrono::TimeDelta::seconds(2);
        for (size, key) in keys.iter().enumerate() {
            storage.put_bytes(*key, vec![0; size]).await.unwrap();
        }
        let all = list(storage, PHOTOS).await;
        assert_eq!(all.len(), before + 40, "{}", place.name);
        assert!(all.is_sorted_by(|one, other| one.key < other.key), "{}", place.name);
        for (size, key) in keys.iter().enumerate() {
            let listed = all.iter().find(|listed| listed.key == key.to_string()).unwrap();
            assert_eq!((listed.key.parse(), listed.size), (Ok(*key), size as u64), "{}", place.name);
            assert!(listed.modified > begun && listed.modified <= chrono::Utc::now() + chrono::TimeDelta::seconds(2));
        }
        let gone = keys.split_off(20);
        for key in &gone {
            storage.delete(*key).await.unwrap();
        }
        assert_eq!(list(storage, PHOTOS).await.len(), before + 20, "{}", place.name);
        let id = photos[0];
        let own = list(storage, &format!("photos/{:02x}/{id}/", id.as_bytes()[15])).await;
        assert_eq!(own.iter().map(|listed| listed.key.parse()).collect::<Vec<_>>(), {
            [LARGE, Kind::Original].map(|kind| Ok(ObjectKey::new(id, kind)))
        });
        assert!(list(storage, "photos/none/").await.is_empty() && list(storage, "none/").await.is_empty());
        assert!(storage.list("photos").try_next().await.is_err(), "half a name is no folder");
        for key in keys {
            storage.delete(key).await.unwrap();
        }
    }
}

/// What others put there has no key of ours, and is told by its name.
#[tokio::test]
async fn what_lumina_did_not_put_there_is_listed_too() {
    for place in [disk().await, bucket().await] {
        let root = place.server.as_ref().map_or(place.folder.path().to_owned(), S3Server::bucket);
        let (key, mine) = (original(), "photos/b7.txt");
        place.storage.put_bytes(key, b"photo".to_vec()).await.unwrap();
        // Sorts before what is in the folder of the same beginning.
        let beside = format!("{}-", key.to_string().trim_end_matches("/original"));
        for name in [mine, &beside] {
            std::fs::write(root.join(name), "mine").unwrap();
        }
        let listed = list(&place.storage, PHOTOS).await;
        let names: Vec<_> = listed.iter().map(|listed| listed.key.as_str()).collect();
        let mut expected = [mine.to_owned(), beside.clone(), key.to_string()];
        expected.sort();
        assert_eq!(names, expected, "{}", place.name);
        assert!(mine.parse::<ObjectKey>().is_err() && beside.parse::<ObjectKey>().is_err());
    }
}

#[tokio::test]
async fn listing_goes_on_while_objects_come_and_go() {
    for place in everywhere().await {
        let storage = &place.storage;
        let kept: Vec<_> = (0..10).map(|_| original()).collect();
        for key in &kept {
            storage.put_bytes(*key, b"kept".to_vec()).await.unwrap();
        }
        let busy = tokio::spawn({
            let storage = storage.clone();
            async move {
                loop {
                    let key = original();
                    storage.put_bytes(key, b"passing".to_vec()).await.unwrap();
                    storage.delete(key).await.unwrap();
                }
            }
        });
        for _ in 0..20 {
            let listed = list(storage, PHOTOS).await;
            assert!(kept.iter().all(|key| listed.iter().any(|listed| listed.key == key.to_string())), "{}", place.name);
        }
        busy.abort();
        for key in kept {
            storage.delete(key).await.unwrap();
        }
    }
}

/// Another one beside the one in use.
#[tokio::test]
async fn two_storages_are_used_side_by_side() {
    let (here, there, further) = (disk().await, bucket().await, bucket().await);
    let key = original();
    for (n, place) in [&here, &there, &further].into_iter().enumerate() {
        place.storage.put_bytes(key, vec![0; n]).await.unwrap();
    }
    for (n, place) in [&here, &there, &further].into_iter().enumerate() {
        assert_eq!(place.storage.stat(key).await.unwrap(), n as u64);
    }
    assert_eq!(here.storage.to_string(), format!("the folder {}", here.folder.path().display()));
    let endpoint = there.server.as_ref().unwrap().config().endpoint();
    assert_eq!(there.storage.to_string(), format!("the bucket photos at {endpoint}"));
}

#[tokio::test]
async fn an_object_can_be_written_anew() {
    for place in everywhere().await {
        let key = ObjectKey::new(Uuid::now_v7(), LARGE);
        for bytes in [vec![1; 300_000], vec![2; 10]] {
            place.storage.put_bytes(key, bytes.clone()).await.unwrap();
            assert!(read(place.storage.get(key, None).await.unwrap()).await == bytes, "{}", place.name);
        }
        place.storage.delete(key).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_a_size_too() {
    for place in everywhere().await {
        let key = original();
        place.storage.put_bytes(key, Vec::new()).await.unwrap();
        assert!(place.storage.has(key).await.unwrap(), "{}", place.name);
        assert_eq!(place.storage.stat(key).await.unwrap(), 0, "{}", place.name);
        let object = place.storage.get(key, None).await.unwrap();
        assert_eq!((object.size, read(object).await.len()), (0, 0), "{}", place.name);
        place.storage.delete(key).await.unwrap();
    }
}

#[tokio::test]
async fn an_upload_given_up_leaves_nothing() {
    for place in everywhere().await {
        let mut upload = place.storage.temporary(Room::of_our_own()).await.unwrap();
        upload.write(b"half a pho").await.unwrap();
        drop(upload);
        assert_eq!(place.temporary_files(), 0, "{}", place.name);
    }
}

#[tokio::test]
async fn leftovers_of_a_crash_are_cleared_and_photos_kept() {
    for place in everywhere().await {
        let key = original();
        place.storage.put_bytes(key, b"kept".to_vec()).await.unwrap();
        std::fs::write(place.folder.path().join("tmp/.tmpLeft"), "behind").unwrap();
        let beside = Storage::disk(place.folder.path()).await.unwrap();
        place.storage.clear_temporary().await.unwrap();
        assert_eq!(place.temporary_files(), 1, "somebody else works here");
        drop(beside);
        place.storage.clear_temporary().await.unwrap();
        assert_eq!(place.temporary_files(), 0, "{}", place.name);
        assert_eq!(read(place.storage.get(key, None).await.unwrap()).await, b"kept");
        place.storage.delete(key).await.unwrap();
    }
}

#[tokio::test]
async fn putting_and_deleting_at_once_never_fails() {
    for place in everywhere().await {
        let photo = Uuid::now_v7();
        // A bucket answers later; and one in which a key is changed by many at once is no use case.
        let (times, keys) = match place.name {
            "disk" => (200, [Kind::Original, LARGE].map(|kind| ObjectKey::new(photo, kind)).to_vec()),
            _ => (60, (0..60).map(|_| original()).collect()),
        };
        let storage = Arc::new(place.storage.clone());
        let tasks = (0..times).map(|n| {
            let (storage, key) = (storage.clone(), keys[n % keys.len()]);
            tokio::spawn(async move {
                storage.put_bytes(key, b"bytes".to_vec()).await?;
                storage.delete(key).await
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().unwrap_or_else(|error| panic!("{}: {error:?}", place.name));
        }
        assert!(matches!(storage.get(keys[0], None).await, Err(StorageError::NotFound)));
    }
}
