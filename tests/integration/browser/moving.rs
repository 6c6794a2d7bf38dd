//! What plays, in a browser.

use crate::support::TestApp;
use crate::support::animations::gif;
use crate::support::browser::Browser;

#[tokio::test]
async fn an_animation_plays_unless_motion_is_not_wanted() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(gif(3)).await;
    let token = alice.share(&photo, "link").await.unwrap();
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    browser.seen(".card .plays").await;
    const SHOWN: &str = "document.getElementById('photo').currentSrc";
    let owner = (photo.page(), photo.at("moving"), photo.at("large"));
    let shared = (format!("/s/{token}"), format!("/i/{token}.gif"), format!("/s/{token}/large"));
    for (path, moving, still) in [owner, shared] {
        browser.open(&path).await;
        browser.until(&format!("{SHOWN}.endsWith('{moving}')")).await;
        browser.until("document.getElementById('photo').naturalWidth === 64").await;
        browser.prefer("light").await;
        browser.until(&format!("{SHOWN}.endsWith('{still}')")).await;
        browser.devtools("Emulation.setEmulatedMedia", serde_json::json!({ "features": [] })).await;
    }
    browser.assert_quiet(&[]).await;
}
