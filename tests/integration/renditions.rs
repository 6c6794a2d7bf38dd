//! `lumina renditions`: photos that an older Lumina took in get what this one makes, while people look at them.

use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::animations;
use crate::support::binary::Binary;
use crate::support::exif::{Folder, MAKE, MODEL, Value, jpeg_saying};
use crate::support::images::{another, broken_jpeg, corners, encoded, webp_corners};
use crate::support::*;

/// Makes all photos such as version 1 left them: two sizes, no placeholder, nothing moving, the camera's name alone.
fn age(app: &TestApp) {
    app.execute(
        "UPDATE photos SET renditions_version = 1, placeholder = '', animated = false, camera = 'Old name', lens = NULL,
         exposure_seconds = NULL, f_number = NULL, iso = NULL, focal_length_mm = NULL, latitude = NULL, longitude = NULL,
         utc_offset_minutes = NULL",
    );
    for file in app.stored_files().iter().filter(|file| file.ends_with("medium.webp") || file.ends_with("moving")) {
        std::fs::remove_file(app.data_dir().join(file)).unwrap();
    }
}

fn command(app: &TestApp) -> std::process::Command {
    let mut command = Binary::command();
    command.arg("renditions").env("DATA_DIR", app.data_dir()).env("DATABASE_URL", app.database_url());
    command
}

/// Runs it to its end while the server serves, and answers its last line.
fn renditions(app: &TestApp) -> String {
    last_line(&command(app).output().unwrap(), true)
}

#[track_caller]
fn last_line(output: &Output, success: bool) -> String {
    assert_eq!(output.status.success(), success, "{output:?}");
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

fn summary(photos: u32, made: u32, refused: u32, failed: u32) -> String {
    format!("{photos} photos: {made} made anew, {refused} cannot be read by this version, {failed} failed.")
}

fn stored(app: &TestApp, photo: &Photo, name: &str) -> PathBuf {
    app.data_dir().join("photos").join(&photo.id[photo.id.len() - 2..]).join(&photo.id).join(name)
}

/// Whether a photo has all files of this version, which can be read.
fn is_whole(app: &TestApp, photo: &Photo) -> bool {
    ["small", "medium", "large"].iter().all(|name| {
        let bytes = std::fs::read(stored(app, photo, &format!("{name}.webp"))).unwrap_or_default();
        image::load_from_memory_with_format(&bytes, image::ImageFormat::WebP).is_ok()
    })
}

#[tokio::test]
async fn photos_of_an_older_version_are_shown_and_then_made_anew() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    let camera = [
        (Folder::Main, MAKE, Value::Text("FUJIFILM")),
        (Folder::Main, MODEL, Value::Text("X-T4")),
        (Folder::Exif, 0x8827, Value::Short(200)),
    ];
    let taken = alice.upload_tagged(jpeg_saying(&camera), "sea").await;
    let wide = alice.upload(encoded(&corners(1500, 300), image::ImageFormat::Png)).await;
    let moving = alice.upload(animations::gif(3)).await;
    alice.post(&taken.page(), &[("title", "At the sea")]).await.assert_status(303);
    let token = alice.share(&wide, "link").await.unwrap();
    let files = app.stored_files();
    age(&app);

    // Before: every page is there, and a size that is missing is another one.
    let gallery = alice.get("/photos").await.assert_photos(&[&moving, &wide, &taken]);
    assert!(!gallery.html().contains("<photo-blur"), "there is nothing to draw");
    alice.get(&taken.page()).await.assert_status(200).assert_says("Old name");
    alice.get(&moving.page()).await.assert_status(200).assert_silent_about("moving");
    alice.get(&moving.at("moving")).await.assert_status(404);
    visitor.get(&format!("/s/{token}")).await.assert_status(200);
    let old = visitor.get(&format!("/s/{token}/medium")).await.assert_status(200);
    assert_eq!(webp_corners(&old.bytes).0, (1500, 300), "the large one");
    std::fs::remove_file(stored(&app, &wide, "large.webp")).unwrap();
    let small = visitor.get(&format!("/s/{token}/medium")).await.assert_status(200);
    assert_eq!(webp_corners(&small.bytes).0, (480, 96), "the small one");

    assert_eq!(renditions(&app), summary(3, 3, 0, 0));

    assert_eq!(app.stored_files(), files);
    let versions = "SELECT string_agg(DISTINCT renditions_version::text, ' ') FROM photos";
    assert_eq!(app.ask(versions), lumina::media::VERSION.to_string());
    assert_eq!(app.ask("SELECT min(octet_length(placeholder)) > 0 FROM photos"), "true");
    let page = alice.get(&taken.page()).await.assert_says("FUJIFILM X-T4").assert_says("ISO 200");
    assert_eq!((page.field("title"), page.field("hashtags")), ("At the sea".to_owned(), "#sea".to_owned()));
    let html = alice.get("/photos").await.assert_photos(&[&moving, &wide, &taken]).html();
    assert_eq!((html.matches("<photo-blur").count(), html.matches("class=\"plays\"").count()), (3, 1));
    let playing = alice.get(&moving.at("moving")).await.assert_status(200);
    assert_eq!(animations::frames("image/gif", &playing.bytes), 3);
    // Whoever kept the old one does not go on with it.
    let tag = [("if-none-match", old.header("etag"))];
    let new = visitor.get_with(&format!("/s/{token}/medium"), &tag).await.assert_status(200);
    assert_eq!(webp_corners(&new.bytes), ((1280, 256), ["red", "green", "blue", "white"]));

    // Once is enough.
    let written = || std::fs::metadata(stored(&app, &wide, "small.webp")).unwrap().modified().unwrap();
    let before = written();
    assert_eq!(renditions(&app), summary(3, 0, 0, 0));
    assert_eq!(written(), before);
}

#[tokio::test]
async fn a_file_that_is_missing_is_made() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (still, moving) = (alice.upload(jpeg()).await, alice.upload(animations::webp(2)).await);
    alice.upload(jpeg()).await;
    let files = app.stored_files();
    std::fs::remove_file(stored(&app, &still, "small.webp")).unwrap();
    std::fs::remove_file(stored(&app, &moving, "moving")).unwrap();
    assert_eq!(renditions(&app), summary(3, 2, 0, 0));
    assert_eq!(app.stored_files(), files);
    alice.get(&moving.at("moving")).await.assert_status(200);
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_left_as_it_was() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (broken, lost, fine) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await, alice.upload(jpeg()).await);
    age(&app);
    std::fs::write(stored(&app, &broken, "original"), broken_jpeg()).unwrap();
    // This version's refusal is nothing that trying again would help.
    assert_eq!(renditions(&app), summary(3, 2, 1, 0));
    age(&app);
    std::fs::remove_file(stored(&app, &lost, "original")).unwrap();
    let output = command(&app).output().unwrap();
    assert_eq!(last_line(&output, false), summary(3, 1, 1, 1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("not all renditions could be made") && said.contains(&lost.id), "{said}");
    for photo in [&broken, &lost] {
        for path in [photo.page(), photo.at("small"), photo.at("medium"), photo.at("large")] {
            alice.get(&path).await.assert_status(200);
        }
    }
    assert_eq!(app.ask(&format!("SELECT renditions_version FROM photos WHERE id = '{}'", broken.id)), "1");
    assert!(is_whole(&app, &fine));
}

/// Some photos that take a while, each another.
async fn many(alice: &Client, count: u32) -> Vec<Photo> {
    let photo = encoded(&corners(320, 240), image::ImageFormat::Jpeg);
    let form = (0..count).fold(Upload::new(), |form, _| form.file("a.jpg", another(photo.clone())));
    alice.post_upload(form).await.assert_status(303);
    let photos = alice.get("/photos").await.photos();
    assert_eq!(photos.len(), count as usize);
    photos
}

/// Starts it and waits until it has made some.
fn begun(app: &TestApp) -> Child {
    let child = command(app).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut conn, begin) = (app.connect(), Instant::now());
    while db::ask(&mut conn, "SELECT count(*) >= 4 FROM photos WHERE renditions_version > 1") != "true" {
        assert!(begin.elapsed() < Duration::from_secs(30), "it makes nothing");
    }
    child
}

#[tokio::test]
async fn killed_in_the_middle_it_goes_on_where_it_was() {
    let mut app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photos = many(&alice, 50).await;
    let files = app.stored_files();
    age(&app);
    let mut child = begun(&app);
    child.kill().unwrap();
    child.wait().unwrap();
    let done: u32 = app.ask("SELECT count(*) FROM photos WHERE renditions_version > 1").parse().unwrap();
    assert!(done < 50, "it was in the middle");
    for photo in &photos {
        let version = app.ask(&format!("SELECT renditions_version FROM photos WHERE id = '{}'", photo.id));
        assert!(version == "1" || is_whole(&app, photo), "{}", photo.id);
        alice.get(&photo.at("medium")).await.assert_status(200);
    }
    assert_eq!(renditions(&app), summary(50, 50 - done, 0, 0));
    assert!(photos.iter().all(|photo| is_whole(&app, photo)));
    // What it was working on when it was killed goes when the server starts.
    app.restart_with(|_| {}).await;
    assert_eq!(app.stored_files(), files);
}

#[tokio::test]
async fn photos_come_and_go_meanwhile() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photos = many(&alice, 50).await;
    age(&app);
    let child = begun(&app);
    let (gone, kept) = photos.split_at(25);
    for photo in gone {
        alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    }
    let new = alice.upload(jpeg()).await;
    alice.post(&gone[0].at("restore"), &[]).await.assert_status(303);
    let output = child.wait_with_output().unwrap();
    assert!(last_line(&output, true).ends_with("0 failed."), "{output:?}");
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert!(kept.iter().chain([&new]).all(|photo| is_whole(&app, photo)));
    let left: Vec<_> = [kept, &gone[..1], &[new]].concat();
    assert_eq!(app.stored_files().len(), left.len() * 4 - left.iter().filter(|photo| !is_whole(&app, photo)).count());
    assert!(app.stored_files().iter().all(|file| left.iter().any(|photo| file.contains(&photo.id))));
    // One that was away for a moment may have been passed over.
    renditions(&app);
    assert!(left.iter().all(|photo| is_whole(&app, photo)));
}

/// A long run reads many rows ahead.
#[tokio::test]
async fn a_photo_that_went_since_it_was_listed_is_no_failure() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (swept, deleted) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await);
    let album = &app.state().album;
    let listed = album.photos_after(None, 10).await.unwrap();
    alice.post(&swept.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    album.sweep().await.unwrap();
    alice.post(&deleted.at("delete"), &[]).await.assert_status(303);
    assert_eq!(listed.len(), 2);
    for photo in &listed {
        album.rebuild(photo).await.unwrap();
    }
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    album.sweep().await.unwrap();
    assert_eq!(app.stored_files(), Vec::<String>::new());
}

/// With the private Postgres, which the server has running, and which is started where no server runs.
#[tokio::test]
async fn it_finds_the_private_database() {
    let folder = cluster::scratch();
    let data_dir = folder.path().join("data");
    let run = || {
        let output = Binary::command().arg("renditions").env("DATA_DIR", &data_dir).output().unwrap();
        last_line(&output, true)
    };
    let lumina = Binary::start(&data_dir);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let photo = alice.upload(jpeg()).await;
    let small = data_dir.join("photos").join(&photo.id[34..]).join(&photo.id).join("small.webp");
    std::fs::remove_file(&small).unwrap();
    assert_eq!(run(), summary(1, 1, 0, 0));
    alice.get(&photo.at("small")).await.assert_status(200);
    drop(lumina);
    std::fs::remove_file(&small).unwrap();
    assert_eq!(run(), summary(1, 1, 0, 0));
    assert!(small.exists());
    assert!(!data_dir.join("postgres/postmaster.pid").exists(), "it stopped what it started");
}
