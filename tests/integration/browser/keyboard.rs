//! The keyboard alone: from logging in to deleting a photo. Wherever the focus is, it can be seen.

use thirtyfour::Key;

use super::scenes::scene;
use crate::support::browser::Browser;
use crate::support::{PASSWORD, TestApp};

/// Whether what has the focus shows it: by a ring or shadow of its own, of what is drawn over it, or of its label or card.
const FOCUS_IS_SEEN: &str = "(() => {
    const drawn = (style) => (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
    const element = document.activeElement;
    if (!element.matches(':focus-visible')) return false;
    const box = element.getBoundingClientRect();
    const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const around = [element, element.closest('label, .card, .choice, .search'), element.parentElement].filter(Boolean);
    return inside && around.some((one) => [null, '::before', '::after'].some((part) => drawn(getComputedStyle(one, part))));
})()";

/// Presses Tab until `css` has the focus; every stop on the way must show it.
async fn tab_to(browser: &Browser, css: &str) {
    for _ in 0..40 {
        browser.press_key(Key::Tab).await;
        let stop: String = browser.value("document.activeElement.outerHTML.slice(0, 200)").await;
        assert!(browser.value::<bool>(FOCUS_IS_SEEN).await, "the focus is not seen on {stop}");
        if browser.value::<bool>(&format!("document.activeElement.matches({css:?})")).await {
            return;
        }
    }
    panic!("Tab does not reach {css} on {}", browser.path().await);
}

#[tokio::test]
async fn the_keyboard_is_enough() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photos = [alice.upload_tagged(scene(2, 320), "sea").await, alice.upload_tagged(scene(1, 320), "sea").await];
    let browser = Browser::start(&app).await;
    browser.open("/").await;
    tab_to(&browser, "main a[href='/login']").await;
    browser.press_key(Key::Enter).await;
    browser.until_path("/login").await;
    browser.until("document.activeElement.id === 'username'").await;
    browser.press("alice").await;
    tab_to(&browser, "#password").await;
    browser.press(PASSWORD).await;
    browser.press_key(Key::Enter).await;
    browser.until_path("/photos").await;

    // The skip link comes first and leads past the bar.
    browser.press_key(Key::Tab).await;
    assert!(browser.value::<bool>("document.activeElement.matches('.skip')").await);
    assert!(browser.value::<bool>(FOCUS_IS_SEEN).await);
    browser.press_key(Key::Enter).await;
    tab_to(&browser, ".narrow .chip").await;
    tab_to(&browser, ".card .card-link").await;
    browser.press_key(Key::Tab).await;
    assert!(browser.value::<bool>("document.activeElement.matches('.pick input')").await);
    browser.press_key(Key::Space).await;
    browser.until("document.querySelectorAll('.pick input:checked').length === 1").await;
    tab_to(&browser, ".card .card-link").await;
    browser.press_key(Key::Enter).await;
    browser.until_path(&photos[0].page()).await;

    // Details, and back out of a dialog to where one was.
    browser.press("?").await;
    browser.seen("#keys").await;
    tab_to(&browser, "#keys button").await;
    browser.press_key(Key::Enter).await;
    browser.until("!document.getElementById('keys').open").await;
    tab_to(&browser, "[data-delete]").await;
    browser.press_key(Key::Enter).await;
    browser.until_path("/photos").await;
    browser.until_says("Photo deleted.").await;
    tab_to(&browser, "[data-notice] button").await;
    browser.press_key(Key::Enter).await;
    // It is undone in place.
    browser.until(&format!("document.querySelector('a[href=\"{}\"]') !== null", photos[0].page())).await;
    browser.open(&photos[0].page()).await;
    browser.press("i").await;
    browser.until("document.querySelector('[data-toggle-details]').getAttribute('aria-expanded') === 'false'").await;
    browser.press_key(Key::Escape).await;
    browser.until_path("/photos").await;
    assert_eq!(browser.count(".card").await, 2);
    browser.assert_quiet(&[]).await;
}
