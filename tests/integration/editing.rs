//! Changing photos: one at a time, and a selection at once.

use crate::support::*;

#[tokio::test]
async fn fields_that_are_not_sent_stay() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let state = async || {
        let page = alice.get(&photo.page()).await.assert_status(200);
        (page.field("title"), page.field("hashtags"), app.ask("SELECT visibility FROM photos"))
    };
    let edit = async |fields: &[(&str, &str)]| {
        let answer = alice.post(&format!("{}?hashtag=sea", photo.page()), fields).await.assert_status(303);
        assert_eq!(answer.location(), format!("{}?hashtag=sea", photo.page()));
    };
    edit(&[("title", "  At <the> \"sea\"  ")]).await;
    alice.get(&photo.page()).await.assert_says("Saved");
    assert_eq!(state().await, ("At <the> \"sea\"".split('"').next().unwrap().into(), "#sea".into(), "private".into()));
    assert_eq!(app.ask("SELECT title FROM photos"), "At <the> \"sea\"");
    edit(&[("hashtags", "Crete, family")]).await;
    edit(&[("visibility", "link")]).await;
    assert_eq!(app.ask("SELECT title FROM photos"), "At <the> \"sea\"");
    assert_eq!(state().await.1, "#crete #family");
    edit(&[("title", ""), ("hashtags", ""), ("visibility", "private")]).await;
    assert_eq!(state().await, (String::new(), String::new(), "private".into()));
    edit(&[]).await;
}

#[tokio::test]
async fn a_bad_edit_changes_nothing_and_comes_back_as_it_was_typed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let fifty_one: String = (0..51).map(|number| format!("t{number} ")).collect();
    let long = "x".repeat(201);
    for (title, hashtags, visibility, message) in [
        (long.as_str(), "crete", "public", "Use at most 200 characters"),
        ("two\nlines", "crete", "public", "on one line"),
        ("nul\0", "crete", "public", "on one line"),
        ("Fine", "a/b", "public", "cannot be a hashtag"),
        ("Fine", &fifty_one, "public", "at most 50 hashtags"),
    ] {
        let fields = [("title", title), ("hashtags", hashtags), ("visibility", visibility)];
        let page = alice.post(&photo.page(), &fields).await.assert_status(422).assert_says(message);
        assert_eq!(page.field("hashtags"), hashtags);
        let fragment = alice.post_by_script(&photo.page(), &fields).await.assert_status(422).assert_says(message);
        assert!(fragment.html().contains("id=\"details\"") && !fragment.html().contains("<html"));
    }
    alice.post(&photo.page(), &[("title", "Fine"), ("visibility", "everyone")]).await.assert_status(422);
    assert_eq!(app.ask("SELECT title || '|' || visibility FROM photos"), "|private");
    assert_eq!(alice.get(&photo.page()).await.field("hashtags"), "#sea");
    let saved = alice.post_by_script(&photo.page(), &[("title", "Fine")]).await.assert_status(200);
    saved.assert_says("Saved").assert_says("value=\"Fine\"");
}

#[tokio::test]
async fn the_title_is_text_wherever_it_stands() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let evil = "\"><script>alert(1)</script><img src=x onerror=alert(1)> [a](b) &amp;";
    alice.post(&photo.page(), &[("title", evil)]).await.assert_status(303);
    let token = alice.share(&photo, "public").await.unwrap();
    let shared = format!("/s/{token}");
    for path in ["/photos", "/photos?hashtag=sea", &photo.page(), &shared, "/u/alice"] {
        let html = alice.get(path).await.assert_status(200).html();
        assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{path}");
    }
}

#[tokio::test]
async fn hashtags_of_a_selection_are_added_and_removed() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (first, second) = (alice.upload_tagged(jpeg(), "sea old").await, alice.upload_tagged(jpeg(), "old").await);
    let (untouched, foreign) = (alice.upload_tagged(jpeg(), "old").await, bob.upload_tagged(jpeg(), "old").await);
    let fields = [
        ("photo", first.id.as_str()),
        ("photo", &second.id),
        ("photo", &foreign.id),
        ("photo", "01a1fc12-baf3-76fe-baec-ddb41e978b19"),
        ("photo", "rubbish"),
        ("action", "hashtags"),
        ("add", "#New, sea"),
        ("remove", "old"),
        ("next", "/photos?hashtag=sea"),
    ];
    let answer = alice.post("/photos/selection", &fields).await.assert_status(303);
    assert_eq!(answer.location(), "/photos?hashtag=sea");
    let hashtags = async |client: &Client, photo: &Photo| client.get(&photo.page()).await.field("hashtags");
    assert_eq!(hashtags(&alice, &first).await, "#new #sea");
    assert_eq!(hashtags(&alice, &second).await, "#new #sea");
    assert_eq!(hashtags(&alice, &untouched).await, "#old");
    assert_eq!(hashtags(&bob, &foreign).await, "#old");
    let by_script = alice.post_by_script("/photos/selection", &fields).await.assert_status(204);
    assert!(by_script.bytes.is_empty());
    let off_site = [("photo", first.id.as_str()), ("action", "hashtags"), ("next", "//evil.example")];
    assert_eq!(alice.post("/photos/selection", &off_site).await.location(), "/photos");
}

#[tokio::test]
async fn a_selection_is_deleted_and_what_is_not_ones_own_passed_over() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (first, second, kept) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await, alice.upload(jpeg()).await);
    let foreign = bob.upload(jpeg()).await;
    bob.share(&foreign, "public").await;
    let fields = [
        ("photo", first.id.as_str()),
        ("photo", &second.id),
        ("photo", &foreign.id),
        ("photo", &first.id),
        ("action", "delete"),
    ];
    alice.post("/photos/selection", &fields).await.assert_status(303);
    let gallery = alice.get("/photos").await.assert_says("2 photos deleted");
    gallery.assert_photos(&[&kept]);
    bob.get(&foreign.page()).await.assert_status(200);
    alice.post("/photos/selection", &fields).await.assert_status(404);
    let only_foreign = [("photo", foreign.id.as_str()), ("action", "delete")];
    alice.post("/photos/selection", &only_foreign).await.assert_status(404);
}

#[tokio::test]
async fn a_selection_that_makes_no_sense_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), &(0..49).map(|number| format!("t{number} ")).collect::<String>()).await;
    let id = photo.id.as_str();
    for (fields, message) in [
        (&[("action", "delete")][..], "Select one or more photos"),
        (&[("photo", "rubbish"), ("action", "delete")], "Select one or more photos"),
        (&[("photo", id)], "Choose what to do"),
        (&[("photo", id), ("action", "explode")], "Choose what to do"),
        (&[("photo", id), ("action", "hashtags"), ("add", "a/b")], "cannot be a hashtag"),
        (&[("photo", id), ("action", "hashtags"), ("add", "one two")], "at most 50 hashtags"),
    ] {
        alice.post("/photos/selection", fields).await.assert_status(422).assert_says(message);
        let fragment = alice.post_by_script("/photos/selection", fields).await.assert_status(422).assert_says(message);
        assert!(!fragment.html().contains("<html"));
    }
    assert_eq!(app.ask("SELECT photos FROM hashtag_counts LIMIT 1"), "1");
    assert_eq!(app.ask("SELECT count(*) FROM photo_hashtags"), "49", "all or nothing");
}

#[tokio::test]
async fn two_tabs_may_edit_the_same_photo() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let path = photo.page();
    let (title, hashtags) = ([("title", "Mine")], [("hashtags", "sea crete")]);
    let (one, other) = tokio::join!(alice.post(&path, &title), alice.post(&path, &hashtags));
    assert_eq!((one.status, other.status), (303, 303));
    let page = alice.get(&photo.page()).await;
    assert_eq!((page.field("title").as_str(), page.field("hashtags").as_str()), ("Mine", "#crete #sea"));
    let tabs = (0..20).map(async |number| alice.post(&path, &[("hashtags", &format!("t{number} both"))]).await.status);
    let mut statuses = futures_util::future::join_all(tabs).await;
    statuses.dedup();
    assert_eq!(statuses, [303], "the last one wins, and none fails");
}
