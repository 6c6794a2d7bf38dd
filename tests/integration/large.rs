//! Very large files through the program as people run it, in memory that does not grow with them. Only where
//! `./dev test --chaos` runs.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use futures_util::future::join_all;
use rand::Rng;
use reqwest::Method;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::binary::Binary;
use crate::support::s3::S3Server;
use crate::support::*;

const MIB: usize = 1 << 20;

/// A Lumina that takes files of this size, and its owner; nothing where no campaign runs.
async fn start(server: Option<&S3Server>, mib: usize) -> Option<(Binary, Client, PathBuf, (TempDir, Database))> {
    if std::env::var_os("LUMINA_CHAOS").is_none() {
        eprintln!("SKIPPED: ./dev test --chaos runs this");
        return None;
    }
    let (folder, database) = (cluster::scratch(), Database::create());
    let data_dir = folder.path().join("data");
    let own = [("DATABASE_URL", database.url()), ("LIMITS__UPLOAD_MIB", mib.to_string())];
    let mut settings: Vec<_> = own.map(|(name, value)| (name.to_owned(), value)).into();
    settings.extend(server.into_iter().flat_map(S3Server::settings));
    let lumina = Binary::start_with(&data_dir, &settings);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    Some((lumina, alice, data_dir, (folder, database)))
}

fn log(data_dir: &Path) -> String {
    std::fs::read_to_string(data_dir.with_extension("log")).unwrap()
}

/// Of a photo with zeros behind it up to this size.
fn hash_of(photo: &[u8], size: usize) -> String {
    let mut hash = Sha256::new_with_prefix(photo);
    let zeros = vec![0; MIB];
    let mut left = size - photo.len();
    while left > 0 {
        hash.update(&zeros[..left.min(MIB)]);
        left -= left.min(MIB);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of what is served there, read as it comes.
async fn hash_at(client: &Client, path: &str) -> String {
    let answer = client.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let (mut hash, mut stream) = (Sha256::new(), answer.bytes_stream());
    while let Some(chunk) = stream.next().await {
        hash.update(chunk.unwrap());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn fifty_uploads_of_40_mb_at_once_are_all_right() {
    let size = 40_000_000;
    let Some((lumina, alice, data_dir, _kept)) = start(None, 100).await else { return };
    let uploads = (0..50).map(async |_| {
        let photo = jpeg();
        let upload = Upload::new().large_file("large.jpg", &photo, size);
        let answer = alice.send(alice.upload_request(upload).header("hx-request", "true")).await;
        assert_eq!(answer.status, 200, "{}", log(&data_dir));
        (photo, answer.photos().remove(0))
    });
    let photos = join_all(uploads).await;
    println!("after fifty uploads at once: at most {} MiB", lumina.most_memory() / MIB as u64);
    for (photo, kept) in photos {
        assert_eq!(hash_at(&alice, &kept.at("original")).await, hash_of(&photo, size));
    }
    println!("after reading them again: at most {} MiB", lumina.most_memory() / MIB as u64);
    if Binary::is_optimised() {
        assert!(lumina.most_memory() <= 300_000_000);
    }
}

#[tokio::test]
async fn two_gib_come_and_go_in_constant_memory_on_disk() {
    two_gib(None).await;
}

#[tokio::test]
async fn two_gib_come_and_go_in_constant_memory_in_a_bucket() {
    two_gib(Some(&S3Server::start())).await;
}

async fn two_gib(server: Option<&S3Server>) {
    let size = 2048 * MIB;
    let Some((lumina, alice, data_dir, _kept)) = start(server, 2048).await else { return };
    let photo = jpeg();
    let upload = Upload::new().large_file("large.jpg", &photo, size);
    let answer = alice.send(alice.upload_request(upload).header("hx-request", "true")).await;
    assert_eq!(answer.status, 200, "{}", log(&data_dir));
    let kept = answer.photos().remove(0).at("original");
    println!("after 2 GiB have come: at most {} MiB", lumina.most_memory() / MIB as u64);
    assert_eq!(hash_at(&alice, &kept).await, hash_of(&photo, size));
    for _ in 0..50 {
        let first = rand::rng().random_range(0..size);
        let last = (first + rand::rng().random_range(0..4 * MIB)).min(size - 1);
        let range = format!("bytes={first}-{last}");
        let part = alice.get_with(&kept, &[("range", &range)]).await.assert_status(206);
        let expected = (first..=last).map(|at| photo.get(at).copied().unwrap_or(0));
        assert!(part.bytes.iter().copied().eq(expected), "{range}");
    }
    let end = alice.get_with(&kept, &[("range", "bytes=-10")]).await.assert_status(206);
    assert_eq!(end.header("content-range"), format!("bytes {}-{}/{size}", size - 10, size - 1));
    println!("after they have gone: at most {} MiB", lumina.most_memory() / MIB as u64);
    assert!(lumina.most_memory() <= 150_000_000, "{}", lumina.most_memory());
}
