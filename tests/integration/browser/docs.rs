//! The API read and tried by a person.

use super::scenes::write_scenes;
use crate::support::TestApp;
use crate::support::browser::Browser;

#[tokio::test]
async fn calls_are_tried_from_the_page_that_describes_them() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    browser.open("/account").await;
    browser.click("#programs a[href='/docs']").await;
    browser.until_path("/docs").await;
    browser.click("#showMe .try summary").await;
    browser.click("#showMe .primary").await;
    let answer = browser.seen("#showMe .result .code").await.text().await.unwrap();
    assert!(answer.contains("alice@example.org"), "as whoever is logged in: {answer}");

    // An upload, then a change by the id it answered with.
    let folder = tempfile::tempdir().unwrap();
    let file = write_scenes(folder.path(), 1..=1, 320).remove(0);
    browser.click("#uploadPhoto .try summary").await;
    browser.seen("#uploadPhoto input[type=file]").await.send_keys(file.display().to_string()).await.unwrap();
    browser.fill("#uploadPhoto-body-hashtags", "ferry").await;
    browser.click("#uploadPhoto .primary").await;
    let photo = browser.seen("#uploadPhoto .result .code").await.text().await.unwrap();
    let photo: serde_json::Value = serde_json::from_str(&photo).unwrap();
    assert_eq!(photo["hashtags"], serde_json::json!(["ferry"]));
    browser.click("#changePhoto .try summary").await;
    browser.fill("#changePhoto-id", photo["id"].as_str().unwrap()).await;
    browser.fill("#changePhoto-body", r#"{"title": "At noon", "visibility": "link"}"#).await;
    browser.click("#changePhoto .primary").await;
    browser.seen("#changePhoto .result .code").await;
    assert_eq!(app.ask("SELECT title || ' ' || visibility FROM photos"), "At noon link");

    // On a phone, a token counts before the login: with one that is worth nothing, nobody is signed in.
    browser.resize(390, 844).await;
    browser.fill("#token", "nothing").await;
    browser.value::<bool>("(document.querySelector('#showMe').scrollIntoView({ block: 'center' }), true)").await;
    browser.click("#showMe .primary").await;
    browser.until("document.querySelector('#showMe .result').textContent.includes('login-required')").await;
}
