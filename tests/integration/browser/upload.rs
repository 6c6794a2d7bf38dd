//! Ways in: dropping, pasting, choosing, folders; what is refused, what fails and is tried again.

use std::fs;
use std::path::Path;

use serde_json::json;
use thirtyfour::{By, Key};

use super::offline::{go_through_proxy, through};
use super::scenes::{scene, write_scenes};
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::images::{broken_jpeg, noise};
use crate::support::proxy::Fault;
use crate::support::s3::{Mood, S3Server};

const CARDS: &str = "document.querySelectorAll('.grid .card').length";
const UPLOADS: &str =
    "performance.getEntriesByType('resource').filter((entry) => entry.initiatorType === 'xmlhttprequest').length";

async fn until_cards(browser: &Browser, count: usize) {
    browser.until(&format!("{CARDS} === {count}")).await;
}

fn refs(paths: &[std::path::PathBuf]) -> Vec<&Path> {
    paths.iter().map(AsRef::as_ref).collect()
}

#[tokio::test]
async fn twenty_photos_are_dropped_and_one_is_broken() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let folder = tempfile::tempdir().unwrap();
    let mut files = write_scenes(folder.path(), 1..=19, 480);
    files.insert(7, folder.path().join("broken.jpg"));
    fs::write(&files[7], broken_jpeg()).unwrap();
    browser.until_says("No photos yet").await;
    browser.value::<bool>("window.visit = true").await;

    // Hashtags first, for all of them, in the dialog that `u` opens; then everything at once.
    browser.press("u").await;
    browser.fill("#hashtags", "#Crete, family").await;
    browser.drop_files(&refs(&files)).await;
    until_cards(&browser, 19).await;
    browser.until("document.querySelector('.tray li[data-state=refused]')").await;
    browser.until("document.querySelector('[data-tray-progress]').hidden").await;

    assert!(browser.value::<bool>("window.visit").await, "no reload");
    assert_eq!(browser.value::<f64>("document.querySelector('[data-tray-progress]').value").await, 1.0);
    assert_eq!(browser.value::<usize>("document.querySelectorAll('.tray li[data-state=done]').length").await, 19);
    assert_eq!(browser.value::<usize>(UPLOADS).await, 20, "one file a request");
    let tagged = "[...document.querySelectorAll('.grid .card')]
        .every((card) => card.dataset.hashtags.split(' ').toSorted().join() === 'crete,family')";
    assert!(browser.value::<bool>(tagged).await);
    browser
        .until("[...document.querySelectorAll('.grid .card img')].slice(0, 4).every((image) => image.naturalWidth > 0)")
        .await;
    assert!(!browser.words().await.contains("No photos yet"));
    browser.until("document.getElementById('announcer').textContent === '19 photos added, 1 could not be added'").await;

    // The broken one says its name and why; it can be tried again, and put away.
    let row = browser.seen(".tray li[data-state=refused]").await.text().await.unwrap();
    assert!(row.contains("broken.jpg") && row.contains("damaged"), "{row}");
    browser.click(".tray li[data-state=refused] .retry").await;
    browser.until(&format!("{UPLOADS} === 21 && document.querySelector('.tray li[data-state=refused]')")).await;
    browser.click(".tray li[data-state=refused] .dismiss").await;
    browser.until("!document.querySelector('.tray li[data-state=refused]')").await;

    // Without a connection a file is kept, and tried again when there is one.
    let connection =
        |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", connection(true)).await;
    let late = write_scenes(folder.path(), 20..=20, 480);
    browser.drop_files(&refs(&late)).await;
    browser.seen(".tray li[data-state=failed] .retry").await;
    browser.devtools("Network.emulateNetworkConditions", connection(false)).await;
    until_cards(&browser, 20).await;

    // A broken file and a lost connection are told by the browser too.
    browser.assert_quiet(&["status of 415", "status of 422", "ERR_INTERNET_DISCONNECTED"]).await;
    browser.refresh().await.unwrap();
    until_cards(&browser, 20).await;
    assert!(!browser.words().await.contains("Just added"));
}

#[tokio::test]
async fn photos_are_pasted_chosen_and_taken_from_folders() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    browser.value::<bool>("window.visit = true").await;

    browser.allow_clipboard().await;
    let copied = "(async () => {
        const canvas = new OffscreenCanvas(320, 200);
        canvas.getContext('2d').fillRect(20, 20, 100, 60);
        await navigator.clipboard.write([new ClipboardItem({ 'image/png': await canvas.convertToBlob() })]);
        return true;
    })()";
    assert!(browser.value::<bool>(copied).await);
    browser.press_with(Key::Control, 'v').await;
    until_cards(&browser, 1).await;
    let row = browser.seen(".tray li[data-state=done]").await.text().await.unwrap();
    assert!(row.contains("Pasted picture.png"), "{row}");
    // Its name is no date: nothing says when it was made.
    assert_eq!(app.ask("SELECT filename || ', ' || date_source FROM photos"), "Pasted picture.png, none");
    browser.press_with(Key::Control, 'v').await;
    browser
        .until("document.querySelector('.tray li[data-state=done] .name').textContent === 'Pasted picture 2.png'")
        .await;
    until_cards(&browser, 1).await;

    let folder = tempfile::tempdir().unwrap();
    let files = write_scenes(folder.path(), 1..=2, 320);
    browser.click("header [data-upload]").await;
    let both = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    browser.seen("#files").await.send_keys(both).await.unwrap();
    until_cards(&browser, 3).await;

    // A folder's photos, however deep; its other files are left out.
    let holidays = folder.path().join("holidays");
    fs::create_dir_all(holidays.join("crete")).unwrap();
    write_scenes(&holidays, 3..=3, 320);
    write_scenes(&holidays.join("crete"), 4..=5, 320);
    fs::write(holidays.join("notes.txt"), "ferry at nine").unwrap();
    browser.drop_files(&[&holidays]).await;
    until_cards(&browser, 6).await;
    browser.until_says("1 other file was left out.").await;
    browser.click("header [data-upload]").await;
    let other = folder.path().join("more");
    fs::create_dir(&other).unwrap();
    write_scenes(&other, 6..=6, 320);
    browser.find(By::Id("folder")).await.unwrap().send_keys(other.display().to_string()).await.unwrap();
    until_cards(&browser, 7).await;

    // Hashtags may come after the photos.
    browser.fill("#tray-hashtags", "#late").await;
    browser.press_key(Key::Enter).await;
    browser.until("document.querySelectorAll('.card[data-hashtags=late]').length === 1").await;
    assert!(browser.value::<bool>("window.visit").await, "no reload");
    browser.open("/photos?hashtag=late").await;
    until_cards(&browser, 1).await;

    // What does not match the filter is added, and said not to be shown.
    let stray = folder.path().join("stray.jpg");
    fs::write(&stray, scene(8, 320)).unwrap();
    browser.drop_files(&[&stray]).await;
    browser.until_says("1 photo is not shown here").await;
    until_cards(&browser, 1).await;
    browser.open("/photos").await;
    until_cards(&browser, 8).await;
    browser.assert_quiet(&[]).await;
}

#[tokio::test]
async fn a_photo_waits_for_a_bucket_that_is_away() {
    let server = S3Server::start();
    let app = TestApp::start_with(|config| config.s3 = Some(server.config())).await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let folder = tempfile::tempdir().unwrap();
    let files = write_scenes(folder.path(), 1..=1, 320);
    server.becomes(Mood::Away);
    browser.drop_files(&refs(&files)).await;
    // That is no fault of the photo's.
    let row = browser.seen(".tray li[data-state=failed]").await.text().await.unwrap();
    assert!(row.contains("Lumina cannot store photos just now."), "{row}");
    browser.seen("[data-tray-retry]").await;
    server.becomes(Mood::Well);
    until_cards(&browser, 1).await;
    browser.until("document.querySelector('[data-tray-retry]').hidden").await;
    browser.assert_quiet(&["status of 503"]).await;
}

#[tokio::test]
async fn a_photo_whose_answer_was_lost_is_added_and_shown() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let proxy = go_through_proxy(&app, &browser).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ferry.png");
    // So large that the browser knows of having sent it before it is kept.
    fs::write(&path, noise(1200)).unwrap();
    proxy.becomes(Fault::LosesAnswers(&["POST /photos "]));
    browser.drop_files(&[&path]).await;
    browser.seen(".tray li[data-state=failed]").await;
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    proxy.becomes(Fault::None);
    until_cards(&browser, 1).await;
    browser.until_says("Just added").await;
    let row = browser.seen(".tray li[data-state=done]").await.text().await.unwrap();
    assert!(row.contains("Added") && !row.contains("Already here"), "{row}");
    browser.until("document.getElementById('announcer').textContent === '1 photo added'").await;
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "1");
    browser.assert_quiet(&["net::ERR_", &through(&proxy)]).await;
}

#[tokio::test]
async fn a_folder_gives_every_format_that_the_server_takes() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let folder = tempfile::tempdir().unwrap();
    let phone = folder.path().join("phone");
    fs::create_dir(&phone).unwrap();
    let trial = concat!(env!("CARGO_MANIFEST_DIR"), "/src/media/outside/trial");
    for (name, format) in [("IMG_0001.HEIC", "heic"), ("IMG_0002.avif", "avif"), ("IMG_0003.HIF", "heic")] {
        fs::copy(format!("{trial}.{format}"), phone.join(name)).unwrap();
    }
    fs::write(phone.join("IMG_0004.JPG"), scene(4, 320)).unwrap();
    for other in [".hidden.heic", "notes.txt", "heic"] {
        fs::write(phone.join(other), "no photo").unwrap();
    }
    let names = "[...document.querySelectorAll('.tray .name')].map((row) => row.textContent).toSorted().join()";
    let expected = "IMG_0001.HEIC,IMG_0002.avif,IMG_0003.HIF,IMG_0004.JPG";
    browser.drop_files(&[&phone]).await;
    browser.until(&format!("{names} === '{expected}'")).await;
    browser.until_says("3 other files were left out.").await;
    browser.until("document.querySelector('[data-tray-progress]').hidden").await;
    assert_eq!(app.ask("SELECT count(DISTINCT content_type) FROM photos"), "3");
    browser.open("/photos").await;
    browser.click("header [data-upload]").await;
    browser.find(By::Id("folder")).await.unwrap().send_keys(phone.display().to_string()).await.unwrap();
    browser.until(&format!("{names} === '{expected}'")).await;
    browser.assert_quiet(&[]).await;
}
