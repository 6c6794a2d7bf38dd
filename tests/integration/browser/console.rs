//! Whatever people do, the console says nothing, and the pages' own policy is broken by nobody.

use thirtyfour::Key;

use super::pages::people;
use super::scenes::{scene, write_scenes};
use crate::support::browser::Browser;
use crate::support::{PASSWORD, TestApp};

/// Runs in every page before its own scripts: what breaks the policy, and every word in the console, whatever its level.
const LISTEN: &str = "window.heard = [];
    document.addEventListener('securitypolicyviolation', (event) =>
        heard.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
    addEventListener('error', (event) => { if (event.message) heard.push(`error: ${event.message}`); });
    addEventListener('unhandledrejection', (event) => { if (!event.defaultPrevented) heard.push(`rejection: ${event.reason}`); });
    for (const level of ['debug', 'log', 'info', 'warn', 'error', 'trace']) {
        console[level] = (...words) => heard.push(`console.${level}: ${words.join(' ')}`);
    }";

struct Listener<'a> {
    browser: &'a Browser,
    heard: Vec<String>,
}

impl Listener<'_> {
    /// Remembers what was heard on this page.
    async fn note(&mut self, what: &str) {
        let heard: Vec<String> = self.browser.value("(heard.splice(0))").await;
        let told = self.browser.complaints(&[]).await;
        self.heard.extend(heard.into_iter().chain(told).map(|line| format!("{what}: {line}")));
    }

    async fn open(&mut self, path: &str) {
        self.browser.open(path).await;
        self.note(path).await;
    }
}

#[tokio::test]
async fn the_console_says_nothing_whatever_people_do() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.devtools("Page.enable", serde_json::json!({})).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": LISTEN })).await;
    let mut listener = Listener { browser: &browser, heard: Vec::new() };
    for path in ["/", "/login", "/register", "/docs"] {
        listener.open(path).await;
    }
    browser.sign_up("alice").await;
    listener.note("signed up").await;
    let alice = app.device_of("alice").await;
    people(&app);
    for number in 1..=70 {
        alice.upload_tagged(scene(number, 64), "sea crete").await;
    }
    let photos = alice.get("/photos").await.photos();
    let token = alice.share(&photos[1], "public").await.unwrap();
    for path in ["/hashtags", "/account", "/admin/people", "/admin/registration", "/u/alice", &format!("/s/{token}")] {
        listener.open(path).await;
    }

    // Parts that come into a page: cards further down, hashtags that are searched, people that are searched.
    listener.open("/photos").await;
    browser.until("(scrollTo(0, document.body.scrollHeight), document.querySelectorAll('.card').length === 70)").await;
    listener.note("further cards").await;
    for (path, typed) in [("/hashtags", "cre"), ("/admin/people", "zoe")] {
        browser.open(path).await;
        browser.click("#search").await;
        browser.press(typed).await;
        browser.until("!document.querySelector('.htmx-request') && document.querySelector('main li')").await;
        browser.until("document.querySelectorAll('main li').length === 1").await;
        listener.note("search").await;
    }

    a_photo(&mut listener, &photos[0].page(), &photos[1].page()).await;
    the_gallery_and_the_account(&mut listener).await;
    browser.open("/docs").await;
    browser.click("#showMe .try summary").await;
    browser.click("#showMe .primary").await;
    browser.seen("#showMe .result .code").await;
    listener.note("the API").await;
    assert!(listener.heard.is_empty(), "{:#?}", listener.heard);
}

async fn a_photo(listener: &mut Listener<'_>, page: &str, next: &str) {
    let browser = listener.browser;
    // A photo's page: suggestions are open while the answer to a save is merged in.
    browser.open(page).await;
    browser.fill("#title", "Ferry").await;
    browser.press_key(Key::Tab).await;
    browser.press(" #cr").await;
    browser.seen("[role=option]").await;
    browser.until("document.getElementById('toasts').textContent === 'Saved'").await;
    browser.press_key(Key::Escape).await;
    browser.press_key(Key::Tab).await;
    browser.click("label:has(#visibility-link)").await;
    browser.seen("[data-copy-link]").await;
    browser.click("[data-copy-link]").await;
    browser.press_key(Key::Right).await;
    browser.until(&format!("location.pathname === '{}' && document.readyState === 'complete'", next)).await;
    browser.press_key(Key::Escape).await;
    browser.until_path("/photos").await;
    listener.note("a photo").await;
    // Back from a photo, whose picture grew out of its card, more cards come.
    browser.until("(scrollTo(0, document.body.scrollHeight), document.querySelectorAll('.card').length === 70)").await;
    listener.note("back in the gallery").await;
}

async fn the_gallery_and_the_account(listener: &mut Listener<'_>) {
    let browser = listener.browser;
    // Selecting, deleting, undoing, uploading, and every part of the account page.
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    browser.fill("#selection-add", "#new").await;
    browser.click("#selection-bar button[value=hashtags]").await;
    browser.until_says("Hashtags of 1 photo changed.").await;
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    browser.click("#selection-bar button[value=delete]").await;
    browser.click("#toasts [data-undo] button").await;
    browser.until_says("The photo is back.").await;
    let folder = tempfile::tempdir().unwrap();
    let files = write_scenes(folder.path(), 101..=102, 320);
    browser.press("u").await;
    browser.seen("#upload").await;
    browser.fill("#hashtags", "cr").await;
    browser.seen("[role=option]").await;
    browser.press_key(Key::Escape).await;
    browser.drop_files(&[&files[0], &files[1]]).await;
    browser.until("document.querySelectorAll('.tray li[data-state=done]').length === 2").await;
    listener.note("the gallery").await;
    browser.open("/account").await;
    browser.fill("#full-name", "Alice").await;
    browser.click("#profile .primary").await;
    browser.until_says("Your profile is saved.").await;
    browser.click("#sessions .devices button").await;
    browser.until_says("signed out.").await;
    browser.click(".new-token summary").await;
    browser.fill("#token-name", "Script").await;
    browser.click(".new-token .primary").await;
    browser.seen("#new-token").await;
    browser.click("#tokens .devices button").await;
    browser.until_says("The token is ended.").await;
    browser.click("main [data-theme-form] button[value=dark]").await;
    browser.fill("#current-password", PASSWORD).await;
    browser.fill("#new-password", "another long password").await;
    browser.click("#password .primary").await;
    browser.until_says("Your password is changed").await;
    listener.note("the account").await;
}
