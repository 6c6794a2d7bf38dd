//! S3 and S4: photos' bytes, authorised, against nginx sending the same ones to anybody.

use std::fs;

use actix_web::web::Bytes;
use image::RgbImage;
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};

use crate::bucket::BucketServer;
use crate::data::{Server, THOUSAND};
use crate::load::{Answers, ROUNDS, wrk_in_turn};
use crate::nginx::Nginx;
use crate::process::Lumina;
use crate::uploads::{jpeg, remove, remove_rows, upload_and_find};
use crate::{Row, median};

/// Photos that are asked for in turn: a page of the gallery.
const PHOTOS: usize = 60;
/// Asking for thumbnails at the same time: ten browsers, each with the six connections that it opens.
const BROWSERS: u32 = 60;
/// Asking for originals at the same time.
const DOWNLOADS: u32 = 8;

/// S3: from disk.
pub async fn from_disk(server: &Server) -> Vec<Row> {
    let (lumina, cookie) = server.lumina(THOUSAND).await;
    let folder = server.folder.join(THOUSAND.database).join("data");
    let photos = photos(&lumina, &cookie).await;
    let nginx = Nginx::start(&server.folder.join("nginx"), &format!("root {};", folder.display()));
    let at = |kind: &str| photos.iter().map(|id| nginx.url(&format!("/{}", key(id, kind)))).collect::<Vec<_>>();
    let size =
        |kind: &str| photos.iter().map(|id| fs::metadata(folder.join(key(id, kind))).unwrap().len()).sum::<u64>();
    let compared =
        Compared { name: "S3", from: "disk", other: "nginx", lumina: &lumina, cookie: &cookie, photos: &photos };
    let rows = vec![
        compared.thumbnails(&at("small.webp"), size("small.webp"), 0.9),
        compared.originals(&at("original"), size("original"), 0.7),
    ];
    drop((lumina, nginx));
    remove(server, THOUSAND);
    rows
}

/// S4: from a bucket.
pub async fn from_bucket(server: &Server) -> Vec<Row> {
    let folder = tempfile::tempdir_in(&server.folder).unwrap();
    let bucket = BucketServer::start(folder.path());
    server.prepare(THOUSAND).await;
    let (lumina, cookie) = server.lumina_with(THOUSAND, &bucket.settings()).await;
    let photos = photos(&lumina, &cookie).await;
    let location = format!(
        "proxy_pass {0}; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host {1};",
        bucket.endpoint(),
        bucket.endpoint().trim_start_matches("http://")
    );
    let nginx = Nginx::start(&server.folder.join("nginx"), &location);
    let mut rows = Vec::new();
    for (kind, goal) in [("small.webp", 0.8), ("original", 0.8)] {
        let mut links = Vec::new();
        for id in &photos {
            links.push(nginx.url(&bucket.link(&key(id, kind)).await));
        }
        let size =
            photos.iter().map(|id| fs::metadata(folder.path().join("photos").join(key(id, kind))).unwrap().len()).sum();
        let compared = Compared {
            name: "S4",
            from: "a bucket",
            other: "nginx, proxy_pass",
            lumina: &lumina,
            cookie: &cookie,
            photos: &photos,
        };
        rows.push(if kind == "original" {
            compared.originals(&links, size, goal)
        } else {
            compared.thumbnails(&links, size, goal)
        });
    }
    drop((lumina, nginx));
    remove_rows(server, THOUSAND);
    rows
}

/// Who is measured against whom.
struct Compared<'a> {
    name: &'static str,
    from: &'static str,
    other: &'static str,
    lumina: &'a Lumina,
    cookie: &'a str,
    photos: &'a [String],
}

impl Compared<'_> {
    fn thumbnails(&self, theirs: &[String], bytes: u64, goal: f64) -> Row {
        let work = format!(
            "thumbnails from {}, {} KB, authorised, {BROWSERS} connections",
            self.from,
            bytes / PHOTOS as u64 / 1000
        );
        let rate = |answers: Answers| format!("{:.0}/s", answers.per_second);
        self.row(work, "small", theirs, BROWSERS, rate, goal)
    }

    fn originals(&self, theirs: &[String], bytes: u64, goal: f64) -> Row {
        let each = bytes as f64 / PHOTOS as f64 / 1e6;
        let work = format!("originals from {}, {each:.1} MB, authorised, {DOWNLOADS} connections", self.from);
        let rate = move |answers: Answers| format!("{:.0} MB/s", answers.per_second * each);
        self.row(work, "original", theirs, DOWNLOADS, rate, goal)
    }

    fn row(
        &self,
        work: String,
        kind: &str,
        theirs: &[String],
        connections: u32,
        shown: impl Fn(Answers) -> String,
        goal: f64,
    ) -> Row {
        let ours: Vec<_> = self.photos.iter().map(|id| self.lumina.url(&format!("/photos/{id}/{kind}"))).collect();
        let mut rounds = Vec::new();
        for round in 0..=ROUNDS {
            eprintln!("{}, {kind}, round {round} of {ROUNDS}", self.name);
            let taken =
                (wrk_in_turn(&ours, &[("Cookie", self.cookie)], connections), wrk_in_turn(theirs, &[], connections));
            // The first one warms up.
            if round > 0 {
                rounds.push(taken);
            }
        }
        let ratio = median(rounds.iter().map(|(ours, theirs)| ours.per_second / theirs.per_second));
        let middle = |per_second: f64| shown(Answers { per_second, p99: 0.0 });
        Row {
            name: self.name,
            work,
            measured: middle(median(rounds.iter().map(|(ours, _)| ours.per_second))),
            against: format!("{}, {}", middle(median(rounds.iter().map(|(_, theirs)| theirs.per_second))), self.other),
            result: format!("{ratio:.2}"),
            goal: format!("≥ {goal}"),
            reached: ratio >= goal,
        }
    }
}

/// Uploads photos of 8 MB whose thumbnails have some 30 KB. Answers their ids.
async fn photos(lumina: &Lumina, cookie: &str) -> Vec<String> {
    let photo = photo();
    let mut ids = Vec::new();
    for _ in 0..PHOTOS {
        ids.push(upload_and_find(lumina, cookie, &photo).await);
    }
    ids
}

/// A picture as rough as it takes.
fn photo() -> Bytes {
    let (width, height) = (2560, 1920);
    let mut grain = SmallRng::seed_from_u64(3);
    // Rough enough to fill the file, and with so much to see in the thumbnail that it has 30 KB.
    const COARSE: u32 = 12;
    let mut coarse = vec![0; ((width / COARSE + 1) * (height / COARSE + 1)) as usize];
    grain.fill_bytes(&mut coarse);
    let mut fine = RgbImage::new(width, height);
    grain.fill_bytes(&mut fine);
    for (x, y, pixel) in fine.enumerate_pixels_mut() {
        let light = coarse[(y / COARSE * (width / COARSE + 1) + x / COARSE) as usize] / 4;
        pixel.0 = pixel.0.map(|channel| 60 + light + channel / 3);
    }
    (70..=100).map(|quality| jpeg(&fine, quality)).find(|jpeg| jpeg.len() >= 8_000_000).unwrap().into()
}

/// As Lumina's storage names it.
fn key(id: &str, kind: &str) -> String {
    format!("photos/{}/{id}/{kind}", &id[id.len() - 2..])
}
