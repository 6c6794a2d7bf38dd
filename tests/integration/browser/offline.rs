//! A connection that is lost and comes back: uploads, their hashtags and pictures go on by themselves, but not for ever.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use thirtyfour::Key;

use super::scenes::write_scenes;
use crate::support::TestApp;
use crate::support::browser::Browser;
use crate::support::proxy::{Fault, Proxy, Upstream};

async fn offline(browser: &Browser, offline: bool) {
    let connection = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.emulateNetworkConditions", connection).await;
}

/// Goes to the gallery through a proxy, where whoever is logged in is so too, as cookies know no port.
pub(super) async fn go_through_proxy(app: &TestApp, browser: &Browser) -> Proxy {
    let proxy = Proxy::start(Upstream::Tcp(app.base().trim_start_matches("http://").parse().unwrap()));
    browser.goto(format!("http://{}/photos", proxy.address())).await.unwrap();
    browser.until_path("/photos").await;
    proxy
}

/// What the browser then has to tell of each request.
pub(super) fn through(proxy: &Proxy) -> String {
    format!("request to http://{}/", proxy.address())
}

/// What stands before Lumina answers such requests by itself.
fn answers(requests: &'static [&'static str], status: &str, header: &str) -> Fault {
    let head = format!("HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n");
    Fault::Answers(requests, head)
}

/// From now on the page counts what it sends, by XMLHttpRequest or fetch, when that has its answer or has failed.
const COUNT: &str = "(() => {
    window.sends = 0;
    const { send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.send = function (body) {
        this.addEventListener('loadend', () => { window.sends += 1; });
        send.call(this, body);
    };
    const ask = window.fetch;
    window.fetch = async (url, options) => {
        const answer = await ask(url, options);
        if (options?.method === 'POST') window.sends += 1;
        return answer;
    };
    return true;
})()";

/// A picture that is not there, and how often it was missed.
const MISS: &str = "(() => {
    window.misses = 0;
    const image = new Image();
    image.addEventListener('error', () => { window.misses += 1; });
    image.src = '/photos/00000000-0000-7000-8000-000000000000/small';
    document.querySelector('main').append(image);
    return true;
})()";

/// What a browser says when it has found a network. Then the page need not wait.
const FOUND_NETWORK: &str = "dispatchEvent(new Event('online'))";

#[tokio::test]
async fn what_never_arrives_is_not_sent_for_ever() {
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let proxy = go_through_proxy(&app, &browser).await;
    let folder = tempfile::tempdir().unwrap();
    let files = write_scenes(folder.path(), 1..=1, 320);
    // Everything else goes well, so whoever asks is told that the server is there.
    proxy.becomes(answers(&["POST /photos "], "502 Bad Gateway", ""));
    browser.value::<bool>(COUNT).await;
    browser.value::<bool>(MISS).await;
    browser.drop_files(&[&files[0]]).await;
    for times in 1..=4 {
        browser.until(&format!("sends >= {times} && misses >= {times}")).await;
        browser.seen(".tray li[data-state=failed]").await;
        browser.value::<bool>(FOUND_NETWORK).await;
    }
    // Longer than the first wait.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(browser.value::<(u32, u32)>("[sends, misses]").await, (4, 4));
    // It is kept, and sent when somebody says so.
    proxy.becomes(Fault::None);
    browser.click("[data-tray-retry]").await;
    browser.until("document.querySelectorAll('.grid .card').length === 1").await;
    browser.assert_quiet(&["status of 502", "status of 404", &through(&proxy)]).await;
}

#[tokio::test]
async fn hashtags_wait_for_a_server_that_will_not_take_them_now() {
    const HASHTAGS: &[&str] = &["POST /photos/selection "];
    let app = TestApp::start().await;
    let browser = Browser::start(&app).await;
    browser.sign_up("alice").await;
    let proxy = go_through_proxy(&app, &browser).await;
    let folder = tempfile::tempdir().unwrap();
    let files = write_scenes(folder.path(), 1..=1, 320);
    browser.drop_files(&[&files[0]]).await;
    browser.until("document.querySelectorAll('.grid .card').length === 1").await;

    // Too many requests: later there may be more.
    proxy.becomes(answers(HASHTAGS, "429 Too Many Requests", "Retry-After: 1\r\n"));
    browser.fill("#tray-hashtags", "#crete").await;
    browser.press_key(Key::Enter).await;
    browser.until_says("Your hashtags are kept").await;
    proxy.becomes(Fault::None);
    browser.until("document.querySelector(\".grid .card[data-hashtags='crete']\")").await;
    browser.until_says("These photos get your hashtags.").await;

    // A fault that stays is not asked for ever.
    proxy.becomes(answers(HASHTAGS, "500 Internal Server Error", ""));
    browser.value::<bool>(COUNT).await;
    browser.fill("#tray-hashtags", "#crete #late").await;
    browser.press_key(Key::Enter).await;
    for times in 1..=4 {
        browser.until(&format!("sends >= {times}")).await;
        browser.value::<bool>(FOUND_NETWORK).await;
    }
    browser.until_says("added when you try again").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(browser.value::<u32>("sends").await, 4);
    proxy.becomes(Fault::None);
    browser.click("[data-tray-retry]").await;
    browser.until("document.querySelector(\".grid .card[data-hashtags='crete late']\")").await;
    browser.until("document.querySelector('[data-tray-retry]').hidden").await;
    browser.assert_quiet(&["status of 429", "status of 500", &through(&proxy)]).await;
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
