//! A connection that is lost and comes back: uploads, their hashtags and pictures go on by themselves.

use std::path::Path;

use serde_json::json;
use thirtyfour::Key;

use super::scenes::write_scenes;
use crate::support::TestApp;
use crate::support::browser::Browser;

async fn offline(browser: &Browser, offline: bool) {
    let connection = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", connection).await;
}

#[tokio::test]
async fn hashtags_outlive_a_lost_connection() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    browser.value::<bool>("window.visit = true").await;
    let folder = tempfile::tempdir().unwrap();
    let files = write_scenes(folder.path(), 1..=3, 480);
    let files: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    browser.drop_files(&files[..1]).await;
    browser.until("document.querySelectorAll('.grid .card').length === 1").await;

    // Two files do not get there; hashtags for all of them are typed while the connection is away.
    offline(&browser, true).await;
    browser.drop_files(&files[1..]).await;
    browser.until("document.querySelectorAll('.tray li[data-state=failed]').length === 2").await;
    browser.fill("#tray-hashtags", "#crete").await;
    browser.press_key(Key::Enter).await;
    browser.until_says("Your hashtags are kept").await;
    browser.seen("[data-tray-retry]").await;
    assert_eq!(browser.axe(None).await, Vec::<String>::new());
    // It is tried again on demand, in vain, and by itself when the connection is back.
    browser.click("[data-tray-retry]").await;
    browser.until("document.querySelectorAll('.tray li[data-state=failed]').length === 2").await;
    offline(&browser, false).await;
    browser.until("document.querySelectorAll('.grid .card').length === 3").await;
    browser.until("document.querySelectorAll(\".grid .card[data-hashtags='crete']\").length === 2").await;
    browser.until_says("These photos get your hashtags.").await;
    assert_eq!(app.ask("SELECT count(*) FROM photo_hashtags"), "2");
    assert!(browser.value::<bool>("window.visit").await, "no reload");
    browser.until("document.querySelector('[data-tray-retry]').hidden").await;

    // Those that are there already get theirs as soon as it is possible.
    offline(&browser, true).await;
    browser.fill("#tray-hashtags", "#crete #late").await;
    browser.press_key(Key::Enter).await;
    browser.until_says("Your hashtags are kept").await;
    offline(&browser, false).await;
    browser.until("document.querySelectorAll(\".grid .card[data-hashtags='crete late']\").length === 2").await;
    assert_eq!(app.ask("SELECT count(*) FROM photo_hashtags"), "4");
    browser.assert_quiet(&["ERR_INTERNET_DISCONNECTED"]).await;
}

#[tokio::test]
async fn a_new_lot_takes_no_hashtags_from_files_that_wait() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let folder = tempfile::tempdir().unwrap();
    let files = write_scenes(folder.path(), 1..=2, 480);
    offline(&browser, true).await;
    browser.press("u").await;
    browser.fill("#hashtags", "#first").await;
    browser.drop_files(&[&files[0]]).await;
    browser.seen(".tray li[data-state=failed]").await;
    browser.press("u").await;
    browser.fill("#hashtags", "#second").await;
    browser.drop_files(&[&files[1]]).await;
    browser.until("document.querySelectorAll('.tray li[data-state=failed]').length === 2").await;
    offline(&browser, false).await;
    browser.until("document.querySelectorAll('.grid .card').length === 2").await;
    let hashtags =
        "SELECT string_agg(name, ' ' ORDER BY name) FROM photo_hashtags JOIN hashtags ON hashtags.id = hashtag_id";
    assert_eq!(app.ask(hashtags), "first second");
    browser.assert_quiet(&["ERR_INTERNET_DISCONNECTED"]).await;
}

#[tokio::test]
async fn pictures_that_were_missed_are_loaded_when_the_connection_is_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for number in 1..=3 {
        alice.upload(super::scenes::scene(number, 320)).await;
    }
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    let loaded = "[...document.querySelectorAll('.card img')].filter((image) => image.naturalWidth > 0).length";
    browser.until(&format!("{loaded} === 3")).await;
    // As of pages that were scrolled on without a connection.
    offline(&browser, true).await;
    let again = "[...document.querySelectorAll('.card img')].forEach((image) => {
        const address = image.src + '?again';
        image.removeAttribute('srcset');
        image.src = address;
    })";
    browser.value::<bool>(&format!("({again}, true)")).await;
    browser.until(&format!("{loaded} === 0")).await;
    offline(&browser, false).await;
    browser.until(&format!("{loaded} === 3")).await;
    browser.assert_quiet(&["ERR_INTERNET_DISCONNECTED"]).await;
}
