//! The disk storage, where it is more than any storage: see `tests/integration/storage.rs` for what all keep to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use futures_util::TryStreamExt;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Kind, Object, ObjectKey, Room, Storage, StorageError};
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

async fn read(object: Object) -> Vec<u8> {
    object.stream.try_fold(Vec::new(), async |all, chunk| Ok([all.as_slice(), &chunk].concat())).await.unwrap()
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
async fn a_photos_folder_goes_with_its_last_object() {
    let (folder, storage) = storage().await;
    let photo = Uuid::now_v7();
    let [original, large] = [Kind::Original, LARGE].map(|kind| ObjectKey::new(photo, kind));
    let path = folder.path().join("data").join(large.to_string());
    for key in [original, large] {
        storage.put_bytes(key, b"bytes".to_vec()).await.unwrap();
    }
    storage.delete(original).await.unwrap();
    assert!(path.exists());
    storage.delete(large).await.unwrap();
    assert!(!path.parent().unwrap().exists());
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
async fn a_full_disk_is_told_from_a_broken_one() {
    for (errno, full) in [(28, true), (122, true), (5, false), (13, false)] {
        let error = StorageError::from(std::io::Error::from_raw_os_error(errno));
        assert_eq!(matches!(error, StorageError::Full), full, "{error:?}");
    }
    let (folder, storage) = storage().await;
    fs::remove_dir(folder.path().join("data/tmp")).unwrap();
    assert!(matches!(storage.temporary(Room::of_our_own()).await, Err(StorageError::Unavailable(_))));
    let put = storage.put_bytes(original(), b"x".to_vec()).await;
    assert!(matches!(put, Err(StorageError::Unavailable(_))));
}
