//! Two tabs, and two clicks: nothing is lost, nothing happens twice.

use std::fs;
use std::time::{Duration, Instant};

use thirtyfour::{By, Key};

use super::scenes::scene;
use crate::support::browser::Browser;
use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn a_tab_that_was_signed_out_elsewhere_loses_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(scene(1, 320)).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    let gallery = browser.window().await.unwrap();
    let page = browser.new_tab().await.unwrap();
    browser.switch_to_window(page.clone()).await.unwrap();
    browser.open(&photo.page()).await;
    let other = browser.new_tab().await.unwrap();
    browser.switch_to_window(other.clone()).await.unwrap();
    browser.open("/account").await;
    browser.click("[popovertarget=menu]").await;
    browser.click("#menu form[action='/logout'] button").await;
    browser.until("!document.querySelector('[data-signed-in]')").await;

    // An upload and an edit in the other tabs: told what happened, and kept.
    browser.switch_to_window(gallery.clone()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferry.jpg");
    fs::write(&file, scene(2, 320)).unwrap();
    browser.drop_files(&[&file]).await;
    browser.seen(".tray li[data-state=failed] .retry").await;
    browser.until_says("You have been signed out. Log in again in another tab").await;
    browser.switch_to_window(page.clone()).await.unwrap();
    browser.fill("#title", "Ferry").await;
    browser.press_key(Key::Enter).await;
    browser.until_says("You have been signed out. Log in again in another tab").await;
    assert_eq!(browser.value::<String>("document.getElementById('title').value").await, "Ferry");

    browser.switch_to_window(other).await.unwrap();
    browser.log_in("alice").await;
    browser.switch_to_window(page).await.unwrap();
    browser.click("#title").await;
    browser.press_key(Key::Enter).await;
    browser.until("document.getElementById('toasts').textContent === 'Saved'").await;
    browser.switch_to_window(gallery).await.unwrap();
    browser.click(".tray .retry").await;
    browser.until("document.querySelectorAll('.grid .card').length === 2").await;
    assert_eq!(app.ask("SELECT title FROM photos WHERE title <> ''"), "Ferry");
    browser.assert_quiet(&["status of 401"]).await;
}

#[tokio::test]
async fn an_old_tab_publishes_nothing_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(scene(1, 320), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let row = || app.ask("SELECT title || '|' || visibility FROM photos");
    // Emptying a field before typing in it may be saved on its own, and "Saved" then is of that.
    let becomes = async |wanted: &str| {
        let begun = Instant::now();
        while row() != wanted {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} is not {wanted}", row());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    let old = browser.window().await.unwrap();
    browser.open(&photo.page()).await;
    let other = browser.new_tab().await.unwrap();
    browser.switch_to_window(other.clone()).await.unwrap();
    browser.open(&photo.page()).await;
    browser.click("label:has(#visibility-private)").await;
    browser.until_says("Only you can see this photo now.").await;

    // The old tab still says that everyone sees it. Its title is saved, and the page is as things are.
    browser.switch_to_window(old.clone()).await.unwrap();
    assert!(browser.value::<bool>("document.getElementById('visibility-public').checked").await);
    browser.fill("#title", "Ferry").await;
    browser.press_key(Key::Tab).await;
    browser.until("document.getElementById('toasts').textContent === 'Saved'").await;
    assert_eq!(row(), "Ferry|private");
    browser.until("document.getElementById('visibility-private').checked").await;
    app.visitor().get(&format!("/s/{token}")).await.assert_status(404);

    // The same field in both: the other tab is told, shows what is stored, and keeps what was typed.
    browser.switch_to_window(other.clone()).await.unwrap();
    browser.fill("#title", "Harbour").await;
    browser.press_key(Key::Enter).await;
    browser.until_says("This was changed meanwhile").await;
    assert_eq!(browser.value::<String>("document.getElementById('toasts').textContent").await, "", "an older save's");
    assert_eq!(browser.value::<String>("document.getElementById('title').value").await, "Ferry");
    assert_eq!(browser.seen("#title-notes q").await.text().await.unwrap(), "Harbour");
    assert_eq!(browser.axe(None).await, Vec::<String>::new());
    assert_eq!(row(), "Ferry|private");
    browser.click("[data-use=title]").await;
    becomes("Harbour|private").await;

    // What was chosen in a tab is not chosen again because it is reloaded.
    browser.click("label:has(#visibility-public)").await;
    browser.until_says("Everyone can see this photo.").await;
    alice.share(&photo, "private").await;
    browser.refresh().await.unwrap();
    browser.until("document.getElementById('visibility-private').checked").await;
    browser.fill("#title", "Evening").await;
    browser.press_key(Key::Tab).await;
    becomes("Evening|private").await;
    browser.assert_quiet(&["status of 409"]).await;
}

#[tokio::test]
async fn saves_that_overtake_each_other_are_no_strangers() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(scene(1, 320)).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    browser.open(&photo.page()).await;
    // The first save is under way while the title is typed on and something else is chosen.
    let slow =
        serde_json::json!({ "offline": false, "latency": 600, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.enable", serde_json::json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", slow).await;
    browser.fill("#title", "Fer").await;
    browser.press_key(Key::Enter).await;
    browser.press("ry").await;
    browser.press_key(Key::Enter).await;
    browser.click("label:has(#visibility-link)").await;
    browser
        .until("document.getElementById('title').value === 'Ferry' && document.querySelector('[data-copy-link]')")
        .await;
    browser.until("document.querySelector('[name=was_title]').value === 'Ferry'").await;
    assert_eq!(app.ask("SELECT title || '|' || visibility FROM photos"), "Ferry|link");
    assert_eq!(browser.count("#details .error").await, 0);
    browser.assert_quiet(&[]).await;
}

#[tokio::test]
async fn a_double_click_does_once_what_one_does() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.open("/register").await;
    browser.fill("#username", "alice").await;
    browser.fill("#email", "alice@example.org").await;
    browser.fill("#password", PASSWORD).await;
    double_click(&browser, "main form .primary").await;
    browser.until_path("/photos").await;
    assert_eq!(app.ask("SELECT count(*) FROM users"), "1");

    let alice = app.device_of("alice").await;
    let photos = [alice.upload(scene(1, 320)).await, alice.upload(scene(2, 320)).await];
    browser.open(&photos[0].page()).await;
    double_click(&browser, "[data-share-form] button").await;
    browser.seen("[data-copy-link]").await;
    assert_eq!(app.ask("SELECT count(*) FROM photos WHERE visibility <> 'private'"), "1");
    double_click(&browser, "[data-delete]").await;
    browser.until_says("Photo deleted.").await;
    browser.until_path("/photos").await;
    assert_eq!(browser.count(".card").await, 1);
    browser.click("[data-notice] button").await;
    browser.until_says("The photo is back.").await;
    assert_eq!(alice.get("/photos").await.photos().len(), 2);
    browser.assert_quiet(&[]).await;
}

async fn double_click(browser: &Browser, css: &str) {
    let button = browser.seen(css).await;
    browser.action_chain().double_click_element(&button).perform().await.unwrap();
    assert!(browser.find(By::Tag("body")).await.is_ok());
}
