//! The same file again: the tray says so, and no second card comes.

use std::fs;

use super::scenes::scene;
use crate::support::TestApp;
use crate::support::browser::Browser;

#[tokio::test]
async fn a_known_file_dropped_on_the_gallery_is_shown_and_not_added() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holiday.jpg");
    fs::write(&path, scene(1, 320)).unwrap();
    browser.drop_files(&[&path]).await;
    browser.until("document.querySelectorAll('.grid .card').length === 1").await;
    browser.until("document.querySelector('.tray li[data-state=done]')").await;
    browser.open("/photos").await;
    let page: String = browser.value("document.querySelector('.grid .card-link').getAttribute('href')").await;
    browser.value::<bool>("window.visit = true").await;

    browser.press("u").await;
    browser.fill("#hashtags", "#crete").await;
    browser.drop_files(&[&path]).await;
    browser.until("document.querySelector('.tray li[data-state=done]')").await;
    let row = browser.seen(".tray li[data-state=done]").await.text().await.unwrap();
    assert!(row.contains("Already here"), "{row}");
    browser.until("document.getElementById('announcer').textContent.includes('1 photo already here')").await;
    assert_eq!(browser.count(".grid .card").await, 1, "no second card");
    browser.until("document.querySelector('.grid .card').dataset.hashtags === 'crete'").await;
    browser.until_says("#crete").await;
    assert!(!browser.words().await.contains("Just added"));
    assert!(browser.value::<bool>("window.visit").await, "no reload");
    browser.assert_quiet(&[]).await;
    browser.click(".tray li[data-state=done] .state a").await;
    browser.until_path(&page).await;
}
