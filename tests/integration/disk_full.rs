//! A full disk: uploads are refused clearly, reading goes on, and nothing half-made stays.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::images::encoded;
use crate::support::*;

/// A small file system in memory, which only root can mount.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    pub fn mount(at: &Path, kib: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Takes all room but this much.
    pub fn leave(&self, kib: u64) {
        let _ = std::fs::remove_file(self.0.join("ballast"));
        let free = rustix::fs::statvfs(&self.0).unwrap();
        let free = free.f_bavail * free.f_frsize;
        let size = usize::try_from(free.saturating_sub(kib * 1024)).unwrap();
        std::fs::write(self.0.join("ballast"), vec![0; size]).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn uploads_are_refused_and_reading_goes_on() {
    let folder = cluster::scratch();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 8 * 1024) else {
        eprintln!("SKIPPED: only root can mount the small file system this test needs");
        return;
    };
    let app = TestApp::start_with(|config| config.data_dir = disk.0.join("data")).await;
    let alice = app.user("alice").await;
    let before = alice.upload_tagged(jpeg(), "sea").await;
    let photo = encoded(&noise(), image::ImageFormat::Png);
    assert!(photo.len() > 250_000);
    let mut refused = 0;
    // From no room at all to room for the upload but not for what is made of it.
    for room in [0, 4, 100, 250, photo.len() as u64 / 1024 + 8, photo.len() as u64 / 1024 + 40, 2000] {
        disk.leave(room);
        let answer = alice.post_upload(Upload::new().file("new.png", photo.clone())).await;
        match answer.status {
            303 => assert!(room > 300, "it cannot have been kept in {room} KiB"),
            _ => {
                let answer = answer.assert_status(503);
                assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                refused += 1;
            }
        }
        let small = [before.at("original"), before.at("small"), before.page(), "/photos".to_owned()];
        for path in small {
            alice.get(&path).await.assert_status(200);
        }
        app.state().album.sweep().await.unwrap();
        let rows = app.ask("SELECT count(*) FROM photos").parse::<usize>().unwrap();
        assert_eq!(app.stored_files().len(), rows * 4, "room for {room} KiB: {:?}", app.stored_files());
        assert_eq!(app.ask("SELECT count(*) FROM removals"), "0");
    }
    assert!(refused >= 4, "the disk was full");
    std::fs::remove_file(disk.0.join("ballast")).unwrap();
    alice.upload(photo).await;
}

/// Pixels that no format makes small.
pub fn noise() -> image::DynamicImage {
    let mut state = 1_u32;
    let mut next = || {
        // xorshift32 (Marsaglia, 2003)
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    image::RgbImage::from_fn(320, 300, |_, _| image::Rgb([next(), next(), next()])).into()
}
