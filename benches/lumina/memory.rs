//! S7: memory of Lumina's own process. Postgres, its neighbour, has as much as it is given (128 MB shared).

use std::thread::sleep;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::future::join_all;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN};

use crate::Row;
use crate::data::{Server, THOUSAND};
use crate::process::Lumina;

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
        let form = form(&photo);
        join_all((0..UPLOADS).map(|_| upload(&lumina, &cookie, &form))).await;
        let work = format!(
            "{UPLOADS} uploads at once, each a JPEG of {} MB and {} megapixels",
            photo.len() >> 20,
            width * height / 1_000_000
        );
        rows.push(row(work, lumina.memory("VmHWM"), 300.0));
        remove_uploads(server);
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
fn photo(width: u32, height: u32) -> Vec<u8> {
    let mut picture = RgbImage::new(width, height);
    SmallRng::seed_from_u64(7).fill_bytes(&mut picture);
    let encode = |quality| {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&picture).unwrap();
        jpeg
    };
    (20..=100).step_by(5).map(encode).find(|jpeg| jpeg.len() >= SIZE).unwrap()
}

/// The photo as a browser's form sends it.
fn form(photo: &[u8]) -> Bytes {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"noise.jpg\"\r\n\r\n";
    [head.as_bytes(), photo, b"\r\n--b--\r\n"].concat().into()
}

async fn upload(lumina: &Lumina, cookie: &str, form: &Bytes) {
    let request = reqwest::Client::new().post(lumina.url("/photos")).body(form.clone());
    let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=b").header(ORIGIN, lumina.origin());
    let answer = request.header(COOKIE, cookie).header("HX-Request", "true").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// What was uploaded goes again: two gigabytes each time.
fn remove_uploads(server: &Server) {
    use diesel::prelude::*;
    use lumina::db::schema::photos;
    let mut conn = server.connect(THOUSAND.database);
    let uploaded = photos::table.filter(photos::size_bytes.ge(i64::try_from(SIZE).unwrap()));
    diesel::delete(uploaded).execute(&mut conn).unwrap();
    std::fs::remove_dir_all(server.folder.join(THOUSAND.database).join("data/photos")).unwrap();
}
