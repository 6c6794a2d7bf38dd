//! One photo's page: neighbours, editing in place, sharing, deleting.

use thirtyfour::Key;

use super::scenes::scene;
use crate::support::browser::Browser;
use crate::support::{Client, Photo, TestApp};

async fn three(client: &Client) -> [Photo; 3] {
    [client.upload(scene(3, 320)).await, client.upload(scene(2, 320)).await, client.upload(scene(1, 320)).await]
}

#[tokio::test]
async fn a_photo_is_tagged_shared_and_deleted_on_its_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let [oldest, middle, newest] = three(&alice).await;
    let browser = Browser::start(&app).await;
    browser.log_in("alice").await;
    browser.allow_clipboard().await;

    // Arrow keys walk to the neighbours, older to the right; at the end they rest.
    browser.open(&middle.page()).await;
    browser.press_key(Key::Right).await;
    browser.until_path(&oldest.page()).await;
    browser.press_key(Key::Right).await;
    browser.press_key(Key::Left).await;
    browser.until_path(&middle.page()).await;
    browser.press_key(Key::Left).await;
    browser.until_path(&newest.page()).await;

    // Hashtags and title in place: leaving the field saves it.
    browser.value::<bool>("window.visit = true").await;
    browser.fill("#title", "Ferry").await;
    browser.press_key(Key::Tab).await;
    browser.press("#Crete sea").await;
    browser.press_key(Key::Tab).await;
    browser.until("document.querySelectorAll('#details .chips .chip').length === 2").await;
    browser.until("document.getElementById('toasts').textContent === 'Saved'").await;
    assert!(browser.value::<bool>("window.visit").await, "no reload");
    let page = alice.get(&newest.page()).await.assert_status(200);
    assert_eq!((page.field("title"), page.field("hashtags")), ("Ferry".into(), "#crete #sea".into()));
    // What cannot be a hashtag is said beside the field, and stays to be mended.
    browser.fill("#photo-hashtags", "#crete #s!a").await;
    browser.press_key(Key::Tab).await;
    browser.seen("#photo-hashtags[aria-invalid=true]").await;
    assert_eq!(browser.value::<String>("document.getElementById('photo-hashtags').value").await, "#crete #s!a");
    browser.fill("#photo-hashtags", "#crete #sea").await;
    browser.press_key(Key::Tab).await;
    browser.until("!document.querySelector('#photo-hashtags[aria-invalid]')").await;

    // A link in one click, and a word on who can see the photo now.
    browser.until_says("Only you can see this photo now.").await;
    browser.click("[data-share-form] button").await;
    browser.until_says("Link copied. Anyone who has the link can see this photo.").await;
    let link = browser.clipboard().await;
    let (origin, path) = link.split_at(app.origin().len());
    assert!(origin == app.origin() && path.starts_with("/s/"), "{link}");
    app.visitor().get(path).await.assert_status(200);
    browser.click(".formats summary").await;
    for (field, name) in [("image", "Image address"), ("markdown", "Markdown"), ("html", "HTML"), ("bbcode", "BBCode")]
    {
        browser.click(&format!("[data-copy='#share-{field}']")).await;
        browser.until_says(&format!("{name} copied.")).await;
        let copied = browser.clipboard().await;
        assert_eq!(copied, browser.value::<String>(&format!("document.getElementById('share-{field}').value")).await);
        assert!(copied.contains("/i/"), "{copied}");
    }
    browser.click("label:has(#visibility-public)").await;
    browser.until_says("Everyone can see this photo.").await;
    let public: Vec<_> = app.visitor().get("/u/alice").await.photos().into_iter().map(|photo| photo.id).collect();
    assert_eq!(public, [&path["/s/".len()..]], "by its link: its id is nobody else's business");
    browser.click("label:has(#visibility-private)").await;
    browser.until_says("Only you can see this photo now.").await;
    app.visitor().get(path).await.assert_status(404);

    // Deleted, and back.
    browser.click("[data-delete]").await;
    browser.until_path("/photos").await;
    browser.until_says("Photo deleted.").await;
    assert_eq!(browser.count(".card").await, 2);
    alice.get(&newest.page()).await.assert_status(404);
    browser.click("[data-notice] button").await;
    browser.until_says("The photo is back.").await;
    browser.until("document.querySelectorAll('.card').length === 3").await;
    browser.until_path("/photos").await;
    assert_eq!(alice.get("/photos").await.photos().len(), 3);
    browser.assert_quiet(&["status of 422"]).await;
}
