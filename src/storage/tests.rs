//! The disk storage, as its callers use it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Kind, Object, ObjectKey, Storage, StorageError};
use crate::media::RenditionName;

const LARGE: Kind = Kind::Rendition(RenditionName::Large);

async fn storage() -> (TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::disk(&folder.path().join("data")).await.unwrap();
    (folder, storage)
}

fn original() -> ObjectKey {
    ObjectKey::new(Uuid::now_v7(), Kind::Original)
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn read(object: Object) -> Vec<u8> {
    object.stream.try_fold(Vec::new(), async |all, chunk| Ok([all.as_slice(), &chunk].concat())).await.unwrap()
}

#[test]
fn keys_are_made_of_the_id_alone() {
    let id = Uuid::parse_str("01938d2e-7a10-7c3f-9b21-5d0c8e4f1ab7").unwrap();
    assert_eq!(ObjectKey::new(id, Kind::Original).to_string(), format!("photos/b7/{id}/original"));
    assert_eq!(ObjectKey::new(id, LARGE).to_string(), format!("photos/b7/{id}/large.webp"));
}

#[tokio::test]
async fn what_is_put_can_be_got_and_deleted() {
    let (folder, storage) = storage().await;
    let photo = Uuid::now_v7();
    let [original, large] = [Kind::Original, LARGE].map(|kind| ObjectKey::new(photo, kind));

    let mut upload = storage.temporary().await.unwrap();
    let bytes: Vec<u8> = (0..600_000_u32).map(|n| n as u8).collect();
    for chunk in bytes.chunks(10_000) {
        upload.write(chunk).await.unwrap();
    }
    let upload = upload.finish().await.unwrap();
    assert_eq!(fs::read(upload.path()).unwrap(), bytes);
    storage.put_file(original, upload).await.unwrap();
    storage.put_bytes(large, b"large".to_vec()).await.unwrap();

    let object = storage.get(original, None).await.unwrap();
    assert_eq!(object.size, 600_000);
    assert!(read(object).await == bytes);
    assert_eq!(read(storage.get(large, None).await.unwrap()).await, b"large");
    assert_eq!(files(folder.path()).len(), 2, "no temporary file is left");

    storage.delete(original).await.unwrap();
    storage.delete(original).await.unwrap();
    assert!(matches!(storage.get(original, None).await, Err(StorageError::NotFound)));
    storage.delete(large).await.unwrap();
    let path = folder.path().join("data").join(large.to_string());
    assert!(!path.parent().unwrap().exists(), "the photo's folder is gone with its last object");
}

#[tokio::test]
async fn a_part_can_be_got() {
    let (_folder, storage) = storage().await;
    let key = original();
    storage.put_bytes(key, b"0123456789".to_vec()).await.unwrap();
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
        let object = storage.get(key, Some(range)).await.unwrap();
        assert_eq!(object.size, 10);
        assert_eq!(read(object).await, part.as_bytes(), "{range:?}");
    }
}

#[tokio::test]
async fn an_object_being_read_survives_its_deletion() {
    let (_folder, storage) = storage().await;
    let key = original();
    storage.put_bytes(key, vec![7; 1_000_000]).await.unwrap();
    let object = storage.get(key, None).await.unwrap();
    storage.delete(key).await.unwrap();
    assert_eq!(read(object).await.len(), 1_000_000);
}

#[tokio::test]
async fn an_upload_given_up_leaves_nothing() {
    let (folder, storage) = storage().await;
    let mut upload = storage.temporary().await.unwrap();
    upload.write(b"half a pho").await.unwrap();
    drop(upload);
    assert_eq!(files(folder.path()), [""; 0].map(PathBuf::from));
}

#[tokio::test]
async fn leftovers_of_a_crash_are_cleared_and_photos_kept() {
    let (folder, storage) = storage().await;
    let key = original();
    storage.put_bytes(key, b"kept".to_vec()).await.unwrap();
    fs::write(folder.path().join("data/tmp/.tmpLeft"), "behind").unwrap();

    let again = Storage::disk(&folder.path().join("data")).await.unwrap();
    again.clear_temporary().await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(read(again.get(key, None).await.unwrap()).await, b"kept");
}

#[tokio::test]
async fn nobody_else_can_read_the_files() {
    let (folder, storage) = storage().await;
    let key = original();
    storage.put_bytes(key, b"private".to_vec()).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = folder.path().join("data").join(key.to_string());
    assert_eq!(mode(&path), 0o600);
    assert!(path.ancestors().skip(1).take(4).all(|folder| mode(folder) == 0o700));
}

#[tokio::test]
async fn putting_and_deleting_at_once_never_fails() {
    let (_folder, storage) = storage().await;
    let photo = Uuid::now_v7();
    let keys = [Kind::Original, LARGE].map(|kind| ObjectKey::new(photo, kind));
    let tasks = (0..200).map(|n| {
        let (storage, key) = (storage.clone(), keys[n % 2]);
        tokio::spawn(async move {
            storage.put_bytes(key, b"bytes".to_vec()).await?;
            storage.delete(key).await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert!(matches!(storage.get(keys[0], None).await, Err(StorageError::NotFound)));
}

#[tokio::test]
async fn a_full_disk_is_told_from_a_broken_one() {
    for (errno, full) in [(28, true), (122, true), (5, false), (13, false)] {
        let error = StorageError::from(std::io::Error::from_raw_os_error(errno));
        assert_eq!(matches!(error, StorageError::Full), full, "{error:?}");
    }
    let (folder, storage) = storage().await;
    fs::remove_dir(folder.path().join("data/tmp")).unwrap();
    assert!(matches!(storage.temporary().await, Err(StorageError::Unavailable(_))));
    let put = storage.put_bytes(original(), b"x".to_vec()).await;
    assert!(matches!(put, Err(StorageError::Unavailable(_))));
}
