//! Photos for the benchmarks, and their way into Lumina.

use std::f64::consts::TAU;
use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use actix_web::web::Bytes;
use futures_util::stream;
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use reqwest::Body;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, ORIGIN};

use crate::data::{Photos, Server};
use crate::process::Lumina;

/// The name of every file that is sent.
const FILENAME: &str = "benchmark.jpg";

/// Photos of this size as cameras make them (JPEG with a colour sample for four pixels), written to the folder: drawn, and
/// those in the folder `photos` of `LUMINA_CORPUS` that have enough pixels, cut to this shape.
pub fn photos(folder: &Path, width: u32, height: u32) -> Vec<(PathBuf, Bytes)> {
    let drawn = folder.join("drawn.jpg");
    fs::write(&drawn, jpeg(&scene(width, height), 100)).unwrap();
    let corpus = std::env::var_os("LUMINA_CORPUS").map(|corpus| Path::new(&corpus).join("photos"));
    let real = corpus.into_iter().flat_map(|photos| fs::read_dir(photos).unwrap()).map(|entry| entry.unwrap().path());
    let enough = |file: &PathBuf| {
        image::image_dimensions(file)
            .is_ok_and(|(w, h)| u64::from(w) * u64::from(h) * 10 >= u64::from(width * height) * 8)
    };
    let sources = std::iter::once(drawn).chain(real.filter(enough));
    let photo = |(number, source): (usize, PathBuf)| {
        let file = folder.join(format!("{number}.jpg"));
        let mut command = Command::new("vipsthumbnail");
        command.arg(source).args(["--smartcrop=centre", "--size"]).arg(format!("{width}x{height}"));
        let done = command.arg("--output").arg(format!("{}[Q=88,strip]", file.display())).status();
        assert!(done.unwrap().success());
        assert_eq!(image::image_dimensions(&file).unwrap(), (width, height));
        let bytes = fs::read(&file).unwrap().into();
        (file, bytes)
    };
    sources.enumerate().map(photo).collect()
}

/// Clouds and hills with the grain of a camera's pixels.
fn scene(width: u32, height: u32) -> RgbImage {
    let mut grain = SmallRng::seed_from_u64(5);
    let wave = |pixels: u32, times: f64| -> Vec<f64> {
        (0..pixels).map(|at| (TAU * times * f64::from(at) / f64::from(pixels)).sin()).collect()
    };
    let across = [1.0, 3.1, 9.7, 41.0, 173.0].map(|times| wave(width, times));
    let down = [0.7, 2.3, 11.3, 37.0, 151.0].map(|times| wave(height, times));
    RgbImage::from_fn(width, height, |x, y| {
        let waves = across.iter().zip(&down).enumerate();
        let light: f64 =
            waves.map(|(n, (a, d))| a[x as usize] * d[y as usize] * [60.0, 40.0, 24.0, 16.0, 12.0][n]).sum();
        // Smooth above, rough below.
        let rough = if y < height / 2 { 6 } else { 40 };
        let channel = |tint: f64, grain: u32| (110.0 + tint + light + f64::from(grain % rough)) as u8;
        let [r, g, b, _] = grain.next_u32().to_le_bytes().map(u32::from);
        Rgb([channel(0.0, r), channel(10.0, g), channel(20.0, b)])
    })
}

pub fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(picture).unwrap();
    jpeg
}

/// Sends a photo as a browser's form does. It is another one each time, by a comment: the same bytes would not be worked on.
pub async fn upload(lumina: &Lumina, cookie: &str, photo: &Bytes) {
    let answer = send(lumina, "/photos", cookie, photo).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// As [`upload`], by the API, which answers the photo's id.
pub async fn upload_and_find(lumina: &Lumina, cookie: &str, photo: &Bytes) -> String {
    let answer = send(lumina, "/api/v1/photos/", cookie, photo).await;
    assert_eq!(answer.status(), 201);
    let photo: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    photo["id"].as_str().unwrap().to_owned()
}

async fn send(lumina: &Lumina, path: &str, cookie: &str, photo: &Bytes) -> reqwest::Response {
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{FILENAME}\"\r\n\r\n");
    let comment = [b"\xFF\xFE\0\x0A".as_slice(), &rand::random::<[u8; 8]>()].concat();
    let parts = [head.into(), photo.slice(..2), comment.into(), photo.slice(2..), Bytes::from_static(b"\r\n--b--\r\n")];
    let length: usize = parts.iter().map(Bytes::len).sum();
    let body = Body::wrap_stream(stream::iter(parts.map(Ok::<_, Error>)));
    let request = reqwest::Client::new().post(lumina.url(path)).body(body).header(CONTENT_LENGTH, length);
    let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=b").header(ORIGIN, lumina.origin());
    request.header(COOKIE, cookie).header("HX-Request", "true").send().await.unwrap()
}

/// What was uploaded goes again: gigabytes.
pub fn remove(server: &Server, photos: Photos) {
    remove_rows(server, photos);
    fs::remove_dir_all(server.folder.join(photos.database).join("data/photos")).unwrap();
}

/// As [`remove`], where the bytes are elsewhere.
pub fn remove_rows(server: &Server, photos: Photos) {
    use diesel::prelude::*;
    use lumina::db::schema::photos as table;
    let mut conn = server.connect(photos.database);
    let removed = diesel::delete(table::table.filter(table::filename.eq(FILENAME))).execute(&mut conn).unwrap();
    assert!(removed > 0);
}
