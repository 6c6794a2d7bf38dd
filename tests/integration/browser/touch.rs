//! On a phone: whatever is tapped is large enough, and no field makes the phone zoom in.

use super::pages::people;
use super::scenes::scene;
use crate::support::browser::Browser;
use crate::support::oidc;

/// What can be tapped and is smaller than 44 px in height or width. Links in a line of text are as high as the line (WCAG 2.2,
/// 2.5.8); what is hidden and what a larger label stands for do not count.
const SMALL: &str = "[...document.querySelectorAll('a[href], button, summary, select, input:not([type=hidden]), textarea, label:has(input)')]
    .filter((element) => element.checkVisibility({ opacityProperty: false, visibilityProperty: true }))
    .filter((element) => !element.closest('.visually-hidden, .skip') && !element.matches('.visually-hidden, .skip'))
    .filter((element) => !(element.matches('input') && element.closest('label')))
    .filter((element) => !(element.matches('a') && getComputedStyle(element).display === 'inline'))
    .filter((element) => { const { width, height } = element.getBoundingClientRect(); return width && height && (height < 43.9 || width < 43.9); })
    .filter((element) => !element.matches('.card-link'))
    .map((element) => { const { width, height } = element.getBoundingClientRect();
        return `${width.toFixed(1)} x ${height.toFixed(1)}: ${element.outerHTML.slice(0, 140)}`; })";

/// Fields into which an iPhone zooms.
const ZOOMED: &str =
    "[...document.querySelectorAll('input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea')]
    .filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16)
    .map((field) => `${getComputedStyle(field).fontSize}: ${field.outerHTML.slice(0, 140)}`)";

async fn look(browser: &Browser, what: &str, findings: &mut Vec<String>) {
    for script in [SMALL, ZOOMED] {
        let found: Vec<String> = browser.value(script).await;
        findings.extend(found.into_iter().map(|finding| format!("{what}: {finding}")));
    }
}

#[tokio::test]
async fn everything_can_be_tapped_and_nothing_zooms() {
    let app = oidc::app_with_a_button().await;
    let browser = Browser::start(&app).await;
    browser.resize(390, 844).await;
    browser.open("/").await;
    assert_eq!(browser.value::<String>("getComputedStyle(document.documentElement).fontSize").await, "16px");
    assert!(browser.value::<bool>("matchMedia('(pointer: coarse)').matches").await, "a phone is asked for");
    let mut findings = Vec::new();
    for path in ["/", "/login", "/register", "/docs"] {
        browser.open(path).await;
        look(&browser, path, &mut findings).await;
    }
    browser.sign_up("alice").await;
    let alice = app.device_of("alice").await;
    people(&app);
    let photo = alice.upload_tagged(scene(1, 320), "sea crete").await;
    alice.upload_tagged(scene(2, 320), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    let person = format!("/admin/people/{}", app.ask("SELECT id FROM users WHERE username = 'dora'"));
    let shared = format!("/s/{token}");
    for path in [
        "/photos",
        "/photos?hashtag=sea",
        "/hashtags",
        "/account",
        "/admin/people",
        &person,
        "/admin/registration",
        &photo.page(),
        &shared,
        "/u/alice",
        "/nothing",
    ] {
        browser.open(path).await;
        look(&browser, path, &mut findings).await;
    }
    browser.open("/photos").await;
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    look(&browser, "selection", &mut findings).await;
    browser.click("#selection-bar button[value=delete]").await;
    browser.seen("#toasts [data-undo]").await;
    look(&browser, "notice", &mut findings).await;
    browser.value::<bool>("(document.querySelector('[data-upload]').click(), true)").await;
    browser.seen("#upload").await;
    look(&browser, "upload", &mut findings).await;
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
