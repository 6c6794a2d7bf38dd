//! Everything also without JavaScript.

use super::scenes::write_scenes;
use crate::support::browser::Browser;
use crate::support::images::broken_jpeg;
use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn the_main_job_is_done_without_javascript() {
    let app = TestApp::start().await;
    let browser = Browser::start_without_script(&app).await;
    browser.sign_up("alice").await;

    // Upload by the plain form, one file broken: the others are there, what was typed is kept.
    let folder = tempfile::tempdir().unwrap();
    let mut files = write_scenes(folder.path(), 1..=3, 320);
    files.push(folder.path().join("broken.jpg"));
    std::fs::write(&files[3], broken_jpeg()).unwrap();
    browser.click("header [data-upload]").await;
    browser.fill("#hashtags", "#crete #family").await;
    let names = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    browser.seen("#files").await.send_keys(names).await.unwrap();
    browser.click("#upload .primary").await;
    let refused = browser.seen("#upload [role=alert]").await.text().await.unwrap();
    assert!(refused.contains("3 photos were added") && refused.contains("broken.jpg"), "{refused}");
    assert_eq!(browser.seen("#hashtags").await.value().await.unwrap().as_deref(), Some("#crete #family"));
    browser.click("#upload [data-close]").await;
    browser.until_path("/photos").await;
    assert_eq!(browser.count(".card").await, 3);

    // Filter, see, edit, share.
    browser.click(".narrow a[href='/photos?hashtag=crete']").await;
    browser.until_path("/photos?hashtag=crete").await;
    browser.click(".card .card-link").await;
    browser.fill("#title", "Ferry").await;
    browser.fill("#photo-hashtags", "#boat").await;
    browser.click("#visibility-public").await;
    browser.click("#details-form .button").await;
    browser.until_says("Saved.").await;
    // An old page is told what was changed meanwhile, and what was typed stands beside it.
    let page = browser.path().await;
    let photo = page.split('?').next().unwrap();
    app.device_of("alice").await.post(photo, &[("title", "Harbour")]).await.assert_status(303);
    browser.fill("#title", "Evening").await;
    browser.click("#details-form .button").await;
    browser.until_says("This was changed meanwhile").await;
    browser.until_says("Evening").await;
    assert_eq!(browser.seen("#title").await.value().await.unwrap().as_deref(), Some("Harbour"));
    assert_eq!(app.visitor().get("/u/alice").await.photos().len(), 1);
    browser.click("[data-back]").await;
    browser.until_path("/photos?hashtag=crete").await;
    assert_eq!(browser.count(".card").await, 2);

    // Several at once, then one deleted and taken back.
    browser.click(".card .pick").await;
    browser.fill("#selection-add", "sun").await;
    browser.click("#selection-bar button[value=hashtags]").await;
    browser.until_says("Hashtags of 1 photo changed.").await;
    browser.open("/photos?hashtag=sun").await;
    browser.click(".card .card-link").await;
    browser.click("[data-delete]").await;
    browser.until_says("Photo deleted.").await;
    browser.click("[data-notice] button").await;
    browser.until_says("The photo is back.").await;
    browser.open("/hashtags?q=bo").await;
    assert!(browser.words().await.contains("#boat"));

    // A theme of one's own, a token for a program and its end, then out.
    browser.click("[popovertarget=menu]").await;
    browser.click("#menu button[value=dark]").await;
    browser.seen("html[data-theme=dark]").await;
    browser.open("/account").await;
    assert_eq!(browser.count(".password-box").await, 0, "a script has run");
    browser.click(".new-token summary").await;
    browser.fill("#token-name", "Script").await;
    browser.click(".new-token .primary").await;
    let token = browser.seen("#new-token").await.value().await.unwrap().unwrap();
    assert!(token.starts_with("lumina_pat_"), "{token}");
    browser.click("#tokens .devices button").await;
    browser.until_says("The token is ended.").await;
    browser.fill("#current-password", PASSWORD).await;
    browser.fill("#new-password", "short").await;
    browser.click("#password .primary").await;
    browser.seen("#new-password[aria-invalid=true]").await;
    browser.click("[popovertarget=menu]").await;
    browser.click("#menu form[action='/logout'] button").await;
    browser.until("!document.querySelector('[data-signed-in]')").await;
    browser.open("/photos").await;
    assert!(browser.path().await.starts_with("/login?next="));
    browser.assert_quiet(&["status of 422", "status of 409"]).await;
}
