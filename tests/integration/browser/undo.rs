//! Deleting and undoing: seen wherever one has scrolled, for a minute, in place.

use thirtyfour::Key;

use super::offline::{go_through_proxy, through};
use super::scenes::scene;
use crate::support::browser::Browser;
use crate::support::proxy::Fault;
use crate::support::{Client, TestApp, Upload};

async fn upload(client: &Client, count: u32) {
    let form = (1..=count).fold(Upload::new(), |form, number| form.file(&format!("{number}.jpg"), scene(number, 96)));
    client.post_upload(form).await.assert_status(303);
}

/// Whether the notice lies in the window, over everything else there.
const SEEN: &str = "(() => {
    const notice = document.querySelector('#toasts [data-notice]');
    if (!notice) return false;
    const { left, top, right, bottom } = notice.getBoundingClientRect();
    const within = top >= 0 && bottom <= innerHeight && left >= 0 && right <= innerWidth;
    return within && notice.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
})()";

const CARDS: &str = "[...document.querySelectorAll('.card')].map((card) => card.id)";

async fn cards(browser: &Browser) -> Vec<String> {
    browser.value(CARDS).await
}

#[tokio::test]
async fn a_selection_below_the_first_screen_is_deleted_and_comes_back_in_place() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    upload(&alice, 50).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    for (width, height) in [(1440, 900), (390, 844)] {
        browser.resize(width, height).await;
        browser.open("/photos").await;
        browser.value::<bool>("window.visit = true").await;
        let before = cards(&browser).await;
        assert_eq!(before.len(), 50);
        let pick = |number: usize| format!("document.querySelector('#{} .pick input')", before[number]);
        browser
            .value::<bool>(&format!("({}.scrollIntoView({{ block: 'center', behavior: 'instant' }}), true)", pick(40)))
            .await;
        for number in [40, 41] {
            browser.value::<bool>(&format!("({}.click(), true)", pick(number))).await;
        }
        let place = "Math.round(scrollY)";
        let scrolled: i64 = browser.value(place).await;
        assert!(scrolled > 300, "{scrolled}");
        browser.click("#selection-bar button[value=delete]").await;
        browser.until(SEEN).await;
        assert!(browser.value::<bool>("window.visit").await, "no reload");
        let kept: Vec<_> = [&before[..40], &before[42..]].concat();
        assert_eq!(cards(&browser).await, kept);
        assert_eq!(app.ask("SELECT count(*) FROM photos"), "48");
        // The page may have become shorter; nothing else moves it.
        let now: i64 = browser.value(place).await;
        assert!(now > 300 && now <= scrolled, "{scrolled} {now}");
        assert!(
            browser.value::<bool>("document.querySelector('#toasts').matches('[role=status][aria-live=polite]')").await
        );
        assert_eq!(browser.axe(None).await, Vec::<String>::new());
        // By the keyboard on a wide screen, by a finger on a phone.
        if width > 1000 {
            browser.until("document.activeElement.matches('.card-link')").await;
            browser.press("z").await;
        } else {
            browser.click("#toasts [data-undo] button").await;
        }
        browser.until_says("2 photos are back.").await;
        assert_eq!(cards(&browser).await, before);
        assert_eq!(browser.value::<i64>(place).await, now);
        assert!(browser.value::<bool>("window.visit").await, "no reload");
        assert_eq!(app.ask("SELECT count(*) FROM photos"), "50");
        browser.assert_quiet(&[]).await;
    }
}

#[tokio::test]
async fn a_photo_deleted_on_its_page_comes_back_to_the_place_in_the_gallery() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    upload(&alice, 50).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    let before = cards(&browser).await;
    let card = format!("#{}", before[30]);
    browser
        .value::<bool>(&format!(
            "(document.querySelector('{card}').scrollIntoView({{ block: 'center', behavior: 'instant' }}), true)"
        ))
        .await;
    browser.click(&format!("{card} .card-link")).await;
    browser.seen("[data-delete]").await;
    browser.click("[data-delete]").await;
    browser.until_path("/photos").await;
    browser.until(SEEN).await;
    browser.until("scrollY > 200").await;
    assert_eq!(cards(&browser).await.len(), 49);
    // For the minute in which it can be undone, whichever page one is on.
    browser.open("/hashtags").await;
    browser.until(SEEN).await;
    browser.open("/photos").await;
    browser.until(SEEN).await;
    browser.value::<bool>("(scrollTo({ top: 400, behavior: 'instant' }), true)").await;
    let scrolled: i64 = browser.value("Math.round(scrollY)").await;
    browser.value::<bool>("window.visit = true").await;
    browser.click("#toasts [data-undo] button").await;
    browser.until_says("The photo is back.").await;
    browser.until("document.querySelectorAll('.card').length === 50").await;
    assert_eq!(cards(&browser).await, before);
    assert!(browser.value::<bool>("window.visit").await, "no reload");
    assert!((browser.value::<i64>("Math.round(scrollY)").await - scrolled).abs() < 3);
    // It is over: the next page speaks of nothing.
    browser.open("/photos").await;
    assert_eq!(browser.count("[data-notice]").await, 0);

    // Put away, it stays away; and the offer ends when the photo is gone for good.
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    browser.click("#selection-bar button[value=delete]").await;
    browser.until(SEEN).await;
    browser.click("#toasts [data-dismiss]").await;
    browser.until("!document.querySelector('[data-notice]')").await;
    browser.open("/photos").await;
    browser.until("!document.querySelector('[data-notice]')").await;
    const WAITING: &str = "SELECT count(*) FROM sessions WHERE (notice -> 0) ? 'deleted'";
    assert_eq!(app.ask(WAITING), "1", "another tab may still undo it");
    app.execute(
        "UPDATE sessions SET notice = jsonb_set(notice, '{0,deleted,until}', to_jsonb(now() - interval '1 second'))",
    );
    browser.open("/photos").await;
    assert_eq!((browser.count("[data-notice]").await, app.ask(WAITING).as_str()), (0, "0"));
    browser.assert_quiet(&[]).await;
}

#[tokio::test]
async fn of_two_deletions_each_can_be_undone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    upload(&alice, 3).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    let before = cards(&browser).await;
    let undo =
        |card: &str| format!("#toasts form[action='/photos/{}/restore'] button", card.trim_start_matches("photo-"));
    // Whichever comes back first, the next page still offers the other.
    for (first, second) in [(0, 1), (1, 0)] {
        for card in &before[..2] {
            browser.value::<bool>(&format!("(document.querySelector('#{card} .pick input').click(), true)")).await;
            browser.click("#selection-bar button[value=delete]").await;
            browser.seen(&undo(card)).await;
        }
        browser.click(&undo(&before[first])).await;
        browser.until_says("The photo is back.").await;
        browser.open("/photos").await;
        browser.click(&undo(&before[second])).await;
        browser.until("document.querySelectorAll('.card').length === 3").await;
        assert_eq!(cards(&browser).await, before);
        browser.open("/photos").await;
        assert_eq!(browser.count("[data-notice]").await, 0);
    }
    browser.assert_quiet(&[]).await;
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_shown_and_can_be_undone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    upload(&alice, 3).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    let proxy = go_through_proxy(&app, &browser).await;
    let before = cards(&browser).await;
    browser.value::<bool>("window.visit = true").await;
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    proxy.becomes(Fault::LosesAnswers(&["POST /photos/selection "]));
    browser.click("#selection-bar button[value=delete]").await;
    browser.until_says("It is not known whether this photo was deleted").await;
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "2");
    proxy.becomes(Fault::None);
    browser.until(SEEN).await;
    assert_eq!(cards(&browser).await, before[1..]);
    browser.click("#toasts [data-undo] button").await;
    browser.until_says("The photo is back.").await;
    browser.until("document.querySelectorAll('.card').length === 3").await;
    assert_eq!(cards(&browser).await, before);

    // One that did not get there is told too, and what was selected still is.
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    proxy.becomes(Fault::Refuses);
    browser.click("#selection-bar button[value=delete]").await;
    browser.until_says("It is not known whether this photo was deleted").await;
    proxy.becomes(Fault::None);
    browser.until_says("Nothing was deleted. Try again.").await;
    assert_eq!(cards(&browser).await, before);
    assert!(browser.value::<bool>("document.querySelector('.pick input').checked").await);
    assert!(browser.value::<bool>("window.visit").await, "no reload");
    browser.assert_quiet(&["net::ERR_", &through(&proxy)]).await;
}

#[tokio::test]
async fn the_last_photo_can_be_had_back_too() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    upload(&alice, 1).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    browser.click("#selection-bar button[value=delete]").await;
    browser.until_says("No photos yet").await;
    browser.until(SEEN).await;
    browser.until("document.readyState === 'complete'").await;
    browser.click("#toasts [data-undo] button").await;
    browser.until("document.querySelectorAll('.card').length === 1").await;
    // What is too late is said.
    browser.value::<bool>("(document.querySelector('.pick input').click(), true)").await;
    browser.click("#selection-bar button[value=delete]").await;
    browser.until_says("No photos yet").await;
    browser.until(SEEN).await;
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    browser.until("document.readyState === 'complete'").await;
    browser.press_key(Key::Escape).await;
    browser.press("z").await;
    browser.until_says("It is too late to undo this.").await;
    browser.assert_quiet(&["status of 404"]).await;
}

#[tokio::test]
async fn what_was_saved_is_said_where_one_looks() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(scene(1, 320)).await;
    app.device_of("alice").await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    /// Whether a toast with these words lies in the window.
    fn says(words: &str) -> String {
        format!(
            "[...document.querySelectorAll('#toasts .toast')].some((toast) => {{
                const {{ top, bottom }} = toast.getBoundingClientRect();
                return toast.innerText.includes('{words}') && top >= 0 && bottom <= innerHeight;
            }})"
        )
    }
    browser.resize(390, 844).await;
    browser.open("/account").await;
    browser.fill("#full-name", "Alice A.").await;
    browser.click("#profile .primary").await;
    browser.until(&says("Your profile is saved.")).await;
    browser.value::<bool>("(document.getElementById('sessions').scrollIntoView(), true)").await;
    browser.click("#sessions .devices button").await;
    browser.until(&says("1 device signed out.")).await;
    browser.fill("#current-password", crate::support::PASSWORD).await;
    browser.fill("#new-password", "another long password").await;
    browser.click("#password .primary").await;
    browser.until(&says("Your password is changed")).await;
    browser.until_path("/account").await;
    browser.open(&photo.page()).await;
    browser.fill("#title", "Ferry").await;
    browser.press_key(Key::Tab).await;
    browser.until(&says("Saved")).await;
    browser.open("/admin/registration").await;
    browser.fill("#quota", "500").await;
    browser.press_key(Key::Enter).await;
    browser.until(&says("Saved.")).await;
    browser.assert_quiet(&[]).await;
}
