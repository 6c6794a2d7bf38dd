//! S5: what taking a photo in costs, in CPU time of the whole process, against `vipsthumbnail` making the same renditions.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::data::{Server, THOUSAND};
use crate::load::ROUNDS;
use crate::process::cpu_seconds;
use crate::uploads::{photos, remove, upload};
use crate::{Row, median};

/// Photos of a round.
const PHOTOS: usize = 8;

/// Most that one photo of 24 megapixels may take above an idle server, in MiB.
const MEMORY: f64 = 150.0;

pub async fn measure(server: &Server) -> Vec<Row> {
    let folder = tempfile::tempdir_in(&server.folder).unwrap();
    let mut rows = Vec::new();
    for (width, height) in [(4000, 3000), (6000, 4000)] {
        let photos = photos(folder.path(), width, height);
        let (lumina, cookie) = server.lumina(THOUSAND).await;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            eprintln!("S5, {width} × {height}, round {round} of {ROUNDS}");
            let before = (lumina.cpu_seconds(), cpu_seconds("self"));
            for (_, photo) in photos.iter().cycle().take(PHOTOS) {
                upload(&lumina, &cookie, photo).await;
            }
            let middle = (lumina.cpu_seconds(), cpu_seconds("self"));
            for (file, _) in photos.iter().cycle().take(PHOTOS) {
                thumbnails(file);
            }
            // The first one warms up.
            if round > 0 {
                ours.push((middle.0 - before.0).total() / PHOTOS as f64);
                theirs.push((cpu_seconds("self") - middle.1).children / PHOTOS as f64);
            }
        }
        drop(lumina);
        remove(server, THOUSAND);
        let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
        let megapixels = width * height / 1_000_000;
        rows.push(Row {
            name: "S5",
            work: format!("take in a JPEG of {megapixels} megapixels ({} different ones): CPU time", photos.len()),
            measured: format!("{:.2} s", median(ours)),
            against: format!("{:.2} s, vipsthumbnail making the same renditions", median(theirs)),
            result: format!("{ratio:.2}"),
            goal: "≤ 0.9".to_owned(),
            reached: ratio <= 0.9,
        });
    }
    rows.push(memory(server, folder.path()).await);
    rows
}

/// The three renditions as Lumina makes them, each by a process. Every one decodes the photo, smaller if that will do.
fn thumbnails(photo: &Path) {
    for edge in [480, 1280, 2560] {
        let mut command = Command::new("vipsthumbnail");
        command.arg(photo).arg(format!("--size={edge}x{edge}>"));
        let output = photo.with_extension(format!("{edge}.webp[Q=80,effort=2,strip]"));
        assert!(command.arg("--output").arg(output).status().unwrap().success());
    }
}

async fn memory(server: &Server, folder: &Path) -> Row {
    let photos = photos(folder, 6000, 4000);
    let mut most: f64 = 0.0;
    for (_, photo) in &photos {
        let (lumina, cookie) = server.lumina(THOUSAND).await;
        lumina.page("/photos", &cookie).await;
        sleep(Duration::from_secs(3));
        let idle = lumina.memory("VmRSS");
        upload(&lumina, &cookie, photo).await;
        most = most.max(lumina.memory("VmHWM") - idle);
    }
    remove(server, THOUSAND);
    Row {
        name: "S5",
        work: "memory that a photo of 24 megapixels takes above an idle server".to_owned(),
        measured: format!("{most:.0} MB"),
        against: "–".to_owned(),
        result: format!("{most:.0} MB"),
        goal: format!("≤ {MEMORY:.0} MB"),
        reached: most <= MEMORY,
    }
}
