//! The gallery: further pages, the way back, selecting, hashtags, keys.

use thirtyfour::Key;

use super::scenes::scene;
use crate::support::browser::Browser;
use crate::support::{Client, TestApp, Upload};

/// Uploads scenes, with the hashtag `sea` on all but every tenth.
async fn upload(client: &Client, count: u32) {
    let numbers: Vec<_> = (1..=count).collect();
    for (on_sea, hashtags) in [(true, "sea"), (false, "land")] {
        for batch in numbers.iter().filter(|number| (*number % 10 != 0) == on_sea).collect::<Vec<_>>().chunks(50) {
            let form = Upload::new().hashtags(hashtags);
            let form = batch.iter().fold(form, |form, number| form.file(&format!("{number}.jpg"), scene(**number, 96)));
            client.post_upload(form).await.assert_status(303);
        }
    }
}

/// The photo whose card is in the middle of the window.
const MIDDLE: &str = "document.elementFromPoint(innerWidth / 3, innerHeight / 2)?.closest('.card')?.id";

#[tokio::test]
async fn back_and_forward_keep_filter_and_place() {
    let app = TestApp::start().await;
    upload(&app.user("alice").await, 150).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;

    browser.click(".narrow a[href='/photos?hashtag=sea']").await;
    browser.until_path("/photos?hashtag=sea").await;
    // Scrolling brings page after page, in the order of the whole.
    browser.until("(scrollTo(0, document.body.scrollHeight), document.querySelectorAll('.card').length === 135)").await;
    browser.until("!document.querySelector('.grid .more')").await;
    assert_eq!(browser.shifts().await, Vec::<String>::new());
    let months: Vec<String> =
        browser.value("[...document.querySelectorAll('.grid .month')].map((month) => month.textContent)").await;
    assert!(
        months.len() >= 4 && months.iter().collect::<std::collections::HashSet<_>>().len() == months.len(),
        "{months:?}"
    );
    browser
        .value::<bool>(
            "(document.querySelectorAll('.card')[100].scrollIntoView({ block: 'center', behavior: 'instant' }), true)",
        )
        .await;
    browser.until(&format!("{MIDDLE} !== undefined")).await;
    let photo: String = browser.value(MIDDLE).await;
    let page =
        browser.value::<String>(&format!("document.querySelector('#{photo} .card-link').getAttribute('href')")).await;
    assert!(page.ends_with("?hashtag=sea"), "{page}");
    let place = format!("document.getElementById('{photo}')?.getBoundingClientRect().top");
    let before: f64 = browser.value(&place).await;

    browser.click(&format!("#{photo} .card-link")).await;
    browser.until_path(&page).await;
    browser.back().await.unwrap();
    browser.until_path("/photos?hashtag=sea").await;
    browser.until(&format!("Math.abs({place} - {before}) < 3")).await;
    assert_eq!(browser.count(".filters a.remove").await, 1);
    browser.forward().await.unwrap();
    browser.until_path(&page).await;
    // The page's own way back leads to the same place.
    browser.click("[data-back]").await;
    browser.until_path("/photos?hashtag=sea").await;
    browser.until(&format!("Math.abs({place} - {before}) < 3")).await;

    // Whoever wanders on comes back to the photo seen last.
    browser.click(&format!("#{photo} .card-link")).await;
    browser.until_path(&page).await;
    for _ in 0..8 {
        let here = browser.path().await;
        browser.press_key(Key::Right).await;
        browser
            .until(&format!("location.pathname + location.search !== '{here}' && document.readyState === 'complete'"))
            .await;
    }
    let last = browser.value::<String>("document.querySelector('[data-photo]').dataset.photo").await;
    browser.press_key(Key::Escape).await;
    browser.until_path("/photos?hashtag=sea").await;
    let seen = format!(
        "(({{ top, bottom }}) => top >= 0 && bottom <= innerHeight)(document.getElementById('photo-{last}').getBoundingClientRect())"
    );
    browser.until(&seen).await;

    // Narrowing goes on from the filter; taking a chip away widens again.
    browser.press_key(Key::Home).await;
    browser.until("scrollY === 0").await;
    browser.click(".filters a.remove").await;
    browser.until_path("/photos").await;
    browser.open("/photos?hashtag=sea&hashtag=land").await;
    browser.until_says("No photo matches").await;
    assert_eq!(browser.count(".filters a.remove").await, 2);
    browser.assert_quiet(&[]).await;
}

#[tokio::test]
async fn photos_are_selected_tagged_and_found_by_keys() {
    let app = TestApp::start().await;
    upload(&app.user("alice").await, 6).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    let cards: Vec<String> = browser.value("[...document.querySelectorAll('.card')].map((card) => card.id)").await;

    // A range with shift, hashtags for all of it.
    assert_eq!(browser.count(".selection-bar:not([hidden])").await, 1);
    let pick = |number: usize| format!("#{} .pick", cards[number]);
    browser.hover(&format!("#{}", cards[0])).await;
    browser.click(&pick(0)).await;
    let third = browser.seen(&pick(2)).await;
    browser.action_chain().key_down(Key::Shift).click_element(&third).key_up(Key::Shift).perform().await.unwrap();
    browser.until("document.querySelector('[data-count]').textContent === '3'").await;
    browser.fill("#selection-add", "#boat").await;
    browser.fill("#selection-remove", "sea").await;
    browser.click("#selection-bar button[value=hashtags]").await;
    browser.until("document.querySelectorAll(\".card[data-hashtags='boat']\").length === 3").await;

    // The keys; in a field they are letters.
    browser.press("?").await;
    browser.seen("#keys").await;
    browser.press_key(Key::Escape).await;
    browser.until("!document.getElementById('keys').open").await;
    browser.press("u").await;
    browser.seen("#upload").await;
    browser.press_key(Key::Escape).await;
    browser.until("!document.getElementById('upload').open").await;
    browser.press_key(Key::Right).await;
    browser.until("document.activeElement.matches('.card-link')").await;
    browser.press("x").await;
    browser.until("document.querySelectorAll('.pick input:checked').length === 1").await;
    browser.press_key(Key::Escape).await;
    browser.until("document.querySelectorAll('.pick input:checked').length === 0").await;

    // Suggestions while typing, chosen with the arrows.
    browser.press("/").await;
    browser.until("document.activeElement.id === 'search'").await;
    browser.press("bo").await;
    browser.seen("[role=listbox] [role=option]").await;
    assert_eq!(browser.path().await, "/photos", "letters in a field are no keys");
    browser.press_key(Key::Down).await;
    let active = "document.getElementById(document.getElementById('search').getAttribute('aria-activedescendant'))?.dataset.name";
    assert_eq!(browser.value::<String>(active).await, "boat");
    assert!(browser.axe(None).await.is_empty(), "{:#?}", browser.axe(None).await);
    browser.press_key(Key::Enter).await;
    browser.until_path("/photos?hashtag=boat").await;
    assert_eq!(browser.count(".card").await, 3);

    // Deleting a selection can be taken back.
    browser.hover(".card").await;
    browser.click(".card .pick").await;
    browser.click("#selection-bar button[value=delete]").await;
    browser.until("document.querySelectorAll('.card').length === 2").await;
    browser.until_path("/photos?hashtag=boat").await;
    browser.click("[data-notice] button").await;
    browser.until_says("The photo is back.").await;
    browser.open("/photos?hashtag=boat").await;
    assert_eq!(browser.count(".card").await, 3);
    browser.assert_quiet(&[]).await;
}
