//! S7: memory of Lumina's own process. Postgres, its neighbour, has as much as it is given (128 MB shared).

use std::thread::sleep;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::future::join_all;
use image::RgbImage;
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};

use crate::Row;
use crate::data::{Server, THOUSAND};
use crate::uploads::{jpeg, remove, upload};

/// Sent at the same time, each over a connection of its own.
const UPLOADS: usize = 50;
/// Of each, in bytes.
const SIZE: usize = 40 << 20;

pub async fn measure(server: &Server) -> Vec<Row> {
    server.prepare(THOUSAND).await;
    let (lumina, cookie) = server.lumina(THOUSAND).await;
    lumina.page("/photos", &cookie).await;
    sleep(Duration::from_secs(3));
    let idle = lumina.memory("VmRSS");
    drop(lumina);
    let mut rows = vec![row("idle, after the first pages".to_owned(), idle, 40.0)];
    for (width, height) in [(6000, 4000), (8000, 6000)] {
        eprintln!("S7, {UPLOADS} photos of {width} × {height}");
        let photo = photo(width, height);
        let (lumina, cookie) = server.lumina(THOUSAND).await;
        join_all((0..UPLOADS).map(|_| upload(&lumina, &cookie, &photo))).await;
        let work = format!(
            "{UPLOADS} uploads at once, each a JPEG of {} MB and {} megapixels",
            photo.len() >> 20,
            width * height / 1_000_000
        );
        rows.push(row(work, lumina.memory("VmHWM"), 300.0));
        drop(lumina);
        remove(server, THOUSAND);
    }
    rows
}

fn row(work: String, mib: f64, most: f64) -> Row {
    Row {
        name: "S7",
        work,
        measured: format!("{mib:.0} MB"),
        against: "–".to_owned(),
        result: format!("{mib:.0} MB"),
        goal: format!("≤ {most:.0} MB"),
        reached: mib <= most,
    }
}

/// Noise, as finely kept as it takes to fill the file.
fn photo(width: u32, height: u32) -> Bytes {
    let mut picture = RgbImage::new(width, height);
    SmallRng::seed_from_u64(7).fill_bytes(&mut picture);
    (20..=100).step_by(5).map(|quality| jpeg(&picture, quality)).find(|jpeg| jpeg.len() >= SIZE).unwrap().into()
}
