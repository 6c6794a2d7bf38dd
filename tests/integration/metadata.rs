//! What files say about themselves reaches nobody but their owner: looked for by exiftool in all that a visitor can fetch.

mod camera;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use sha2::{Digest, Sha256};

use self::camera::talkative_jpeg;
use crate::support::corpora::corpora;
use crate::support::images::encoded;
use crate::support::pictures::exiftool;
use crate::support::{Answer, Client, Photo, TestApp, Upload};

/// A name that says where somebody lives.
const NAME: &str = "IMG_0815 Rue Secrete 7.jpg";

/// What of exiftool's groups speaks of a file's pixels and container alone, or of the copy of it on this disk.
const HARMLESS: [&str; 11] = [
    "ExifTool",
    "System",
    "File",
    "JFIF",
    "RIFF",
    "PNG",
    "GIF",
    "Composite",
    "ICC_Profile",
    "ICC-header",
    "SourceFile",
];

/// Of those groups nevertheless none of these.
const TELLING: [&str; 9] =
    ["Comment", "Exif", "Serial", "GPS", "Thumbnail", "Preview", "Trailer", "Warning", "ProfileDateTime"];

#[tokio::test]
async fn nothing_that_a_camera_and_its_owner_wrote_reaches_a_visitor() {
    let secrets = ["SecretMaker", "SERIAL-0815", "48.85", "2.29", "Secret caption", "Secret comment", "secret.txt"];
    // The second is turned by its metadata: visitors get its pixels upright instead.
    for orientation in [1, 6] {
        let jpeg = talkative_jpeg(orientation);
        let app = TestApp::start().await;
        visitors_learn_nothing(&app, jpeg, &secrets).await;
    }
}

#[tokio::test]
async fn nothing_of_a_known_place_and_camera_reaches_a_visitor() {
    let Some(corpora) = corpora() else { return };
    let files: [(&str, &[&str]); 2] = [
        ("hostile/exif/gps_paris_serial.jpg", &["SERIAL-123456", "TestCam", "GPS-1", "48.85", "2.294", "2024:01:02"]),
        (
            "photos/drewnoakes__Samsung_SM-G935L_(Galaxy_S7_Edge).jpg",
            &["SM-G935L", "samsung", "C12LSII00SM", "G935LKLU1APL1", "48.89", "2.236", "2017:02:09"],
        ),
    ];
    for (file, secrets) in files {
        let app = TestApp::start().await;
        visitors_learn_nothing(&app, std::fs::read(corpora.join(file)).unwrap(), secrets).await;
    }
}

/// Uploads the file, shares it by link and then to everyone, and reads what a visitor gets each time.
async fn visitors_learn_nothing(app: &TestApp, file: Vec<u8>, secrets: &[&str]) {
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    assert!(says(&file, secrets), "exiftool and this test see what is there to be hidden");
    alice.post_upload(Upload::new().hashtags("sea").file(NAME, file.clone())).await.assert_status(303);
    let photo = alice.get("/photos").await.photos().remove(0);
    let original = alice.get(&photo.at("original")).await.assert_status(200);
    assert_eq!(Sha256::digest(&original.bytes), Sha256::digest(&file), "the owner gets what was sent");
    let latitude = secrets.iter().find(|secret| secret.starts_with(char::is_numeric)).unwrap();
    alice.get(&photo.page()).await.assert_says(latitude).assert_says(NAME);
    for visibility in ["link", "public"] {
        let token = alice.share(&photo, visibility).await.unwrap();
        let seen = all_a_visitor_can_fetch(&visitor, &photo, &token).await;
        let download = &seen[&format!("/s/{token}/download")];
        let name = download.header("content-disposition");
        assert_eq!(name, "attachment; filename=\"photo.jpg\"; filename*=UTF-8''photo.jpg");
        let pictures = seen.values().filter(|answer| answer.header("content-type").starts_with("image/")).count();
        assert_eq!(pictures, if visibility == "link" { 8 } else { 11 }, "{:?}", seen.keys());
        assert_eq!(seen.contains_key("/u/alice"), visibility == "public");
        for (path, answer) in &seen {
            let headers = format!("{:?}", answer.headers);
            let everything = [headers.as_bytes(), answer.text().as_bytes(), &answer.bytes].concat();
            for secret in secrets.iter().chain(&[NAME, "IMG_0815", "Secrete"]) {
                // A short number may stand in a picture's bytes by chance.
                let chance =
                    secret.starts_with(char::is_numeric) && !answer.header("content-type").starts_with("text/");
                let there = everything.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes()));
                assert!(chance || !there, "{secret} is in {path}");
            }
        }
        exiftool_finds_nothing(&seen);
    }
}

fn says(file: &[u8], secrets: &[&str]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0.jpg"), file).unwrap();
    let tags = exiftool(folder.path()).remove(0);
    let groups = ["IFD0:", "ExifIFD:", "GPS:"];
    groups.iter().all(|group| tags.keys().any(|tag| tag.starts_with(group)))
        && file.windows(secrets[0].len()).any(|part| part == secrets[0].as_bytes())
}

/// Every answer of 200 that a visitor gets by the pages' links, or by guessing with the token and the photo's id.
async fn all_a_visitor_can_fetch(visitor: &Client, photo: &Photo, token: &str) -> BTreeMap<String, Answer> {
    let mut paths: VecDeque<_> =
        ["", ".jpg", ".html"].iter().map(|extension| format!("/i/{token}{extension}")).collect();
    paths.extend(["/", "/u/alice"].map(String::from));
    paths.extend([format!("/s/{token}"), photo.page()]);
    for what in ["small", "medium", "large", "moving", "original", "download"] {
        paths.extend([format!("/s/{token}/{what}"), photo.at(what)]);
    }
    let (mut seen, mut known) = (BTreeMap::new(), Vec::new());
    while let Some(path) = paths.pop_front() {
        if known.contains(&path) {
            continue;
        }
        known.push(path.clone());
        let answer = visitor.get(&path).await;
        if answer.header("content-type").starts_with("text/html") {
            paths.extend(links(&answer));
        }
        assert!([200, 303, 404].contains(&answer.status), "{path}: {answer:?}");
        if answer.status == 200 {
            seen.insert(path, answer);
        }
    }
    seen
}

/// The paths of photos and of what belongs to them, wherever the page names them.
fn links(page: &Answer) -> Vec<String> {
    let names = ["href", "src", "srcset", "content", "hx-get", "data-src"];
    let values = names.into_iter().flat_map(|name| page.attributes(name));
    let urls: Vec<_> =
        values.flat_map(|value| value.split([',', ' ']).map(str::to_owned).collect::<Vec<_>>()).collect();
    let doors = ["/s/", "/i/", "/u/", "/photos/"];
    // Absolute ones are for other sites.
    let path = |url: &String| match url.split_once("://") {
        Some((_, rest)) => format!("/{}", rest.split_once('/').map_or("", |(_, path)| path)),
        None => url.clone(),
    };
    urls.iter().map(path).filter(|path| doors.iter().any(|door| path.starts_with(door))).collect()
}

fn exiftool_finds_nothing(seen: &BTreeMap<String, Answer>) {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = BTreeMap::new();
    for (number, (path, answer)) in seen.iter().enumerate() {
        if answer.header("content-type").starts_with("image/") {
            std::fs::write(folder.path().join(number.to_string()), &answer.bytes).unwrap();
            paths.insert(number.to_string(), path);
        }
    }
    let said = exiftool(folder.path());
    assert_eq!(said.len(), paths.len(), "it reads each of them");
    for tags in said {
        let file = Path::new(tags["SourceFile"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
        for (tag, value) in &tags {
            let (group, name) = tag.split_once(':').unwrap_or((tag, ""));
            let telling = TELLING.iter().any(|word| name.contains(word) && name != "ExifToolVersion");
            assert!(HARMLESS.contains(&group) && !telling, "{tag} = {value} in {}", paths[&file]);
        }
    }
}

/// A PNG with a part that nobody knows is copied almost whole before that is found; then it is encoded anew, as a smaller
/// JPEG.
#[tokio::test]
async fn a_download_that_is_encoded_anew_ends_where_it_ends() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let noise = image::RgbImage::from_fn(200, 150, |x, y| {
        let hash = (x * 7919 + y * 104_729) ^ (x * y * 31);
        image::Rgb([hash as u8, (hash >> 3) as u8, (hash >> 5) as u8])
    });
    let mut png = encoded(&noise.into(), image::ImageFormat::Png);
    let unknown = [b"\0\0\0\0NOPE".as_slice(), &crc32fast::hash(b"NOPE").to_be_bytes()].concat();
    png.splice(png.len() - 12..png.len() - 12, unknown);
    let photo = alice.upload(png.clone()).await;
    let token = alice.share(&photo, "link").await.unwrap();
    let download = app.visitor().get(&format!("/s/{token}/download")).await.assert_status(200);
    assert_eq!(download.header("content-type"), "image/jpeg");
    assert!(download.header("content-disposition").contains("photo.jpg"));
    assert!(download.bytes.len() < png.len() && download.bytes.ends_with(&[0xFF, 0xD9]));
}
