//! The same bytes again: for one owner they are one photo, and the answer says so; for another they are nothing at all.

use std::collections::HashSet;

use futures_util::future::join_all;

use crate::support::*;

/// Sends an upload as the gallery's script does.
async fn by_script(client: &Client, upload: Upload) -> Answer {
    client.send(client.upload_request(upload).header("HX-Request", "true")).await
}

fn file(bytes: &[u8]) -> Upload {
    Upload::new().file("again.jpg", bytes)
}

/// `tag1 tag2 …`
fn tags(numbers: std::ops::RangeInclusive<u32>) -> String {
    numbers.map(|number| format!("tag{number} ")).collect()
}

/// Whether the answer has a card that says the photo was here before.
fn says_already_here(answer: &Answer) -> bool {
    answer.html().contains("data-already-here")
}

#[tokio::test]
async fn a_form_leads_to_the_photo_that_is_there() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (first, second) = (jpeg(), jpeg());
    let (one, two) = (alice.upload(first.clone()).await, alice.upload(second.clone()).await);
    let sent = async |upload: Upload| {
        assert_eq!(alice.post_upload(upload).await.assert_status(303).location(), "/photos");
        alice.get("/photos").await.assert_status(200)
    };
    let page = sent(file(&first)).await.assert_says("This photo is already here.").assert_photos(&[&two, &one]);
    assert!(page.html().contains(&format!("<a class=\"text-button\" href=\"{}\">Show it</a>", one.page())), "{page:?}");
    alice.get("/photos").await.assert_silent_about("already here");
    sent(file(&first).file("b.jpg", &*second)).await.assert_says("2 photos are already here.");
    // Some new, some known, and one new one twice in the same form.
    sent(file(&first).file("new.jpg", jpeg())).await.assert_says("1 photo added, 1 is already here.");
    let twice = jpeg();
    let both = file(&first).file("a.jpg", &*twice).file("b.jpg", &*twice).file("c.jpg", jpeg());
    sent(both).await.assert_says("2 photos added, 2 are already here.");
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "5");
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files().len(), 5 * 4);
}

#[tokio::test]
async fn what_the_owner_made_of_the_photo_stays_and_hashtags_are_added() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let photo = alice.upload_tagged(&*bytes, "sea sun").await;
    alice.post(&photo.page(), &[("title", "At the sea")]).await.assert_status(303);
    let token = alice.share(&photo, "public").await;
    let row = || app.ask("SELECT t FROM photos t");
    let (before, files) = (row(), app.stored_files());

    let answer = by_script(&alice, Upload::new().hashtags("#Sun crete").file("another-name.png", &*bytes)).await;
    let answer = answer.assert_status(200).assert_photos(&[&photo]).assert_says("At the sea");
    assert!(says_already_here(&answer) && !answer.html().contains("<html"));
    assert_eq!(answer.attributes("data-hashtags"), ["crete sea sun"]);
    let answer = by_script(&alice, file(&bytes)).await.assert_status(200);
    assert_eq!(answer.attributes("data-hashtags"), ["crete sea sun"], "none is taken away");

    assert_eq!(row(), before, "title, visibility, link, name and dates are as they were");
    assert_eq!(alice.share(&photo, "public").await, token);
    assert_eq!(app.stored_files(), files);
    assert_eq!(app.ask("SELECT count(*) FROM removals"), "0");
    assert_eq!(app.ask("SELECT string_agg(photos::text, ' ') FROM hashtag_counts"), "1 1 1");
    alice.get("/photos?hashtag=crete&hashtag=sea").await.assert_photos(&[&photo]);
    // Everything else in an answer to an upload is new.
    assert!(!says_already_here(&by_script(&alice, file(&jpeg())).await));
}

#[tokio::test]
async fn more_hashtags_than_a_photo_may_carry_change_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (bytes, new) = (jpeg(), jpeg());
    let photo = alice.upload_tagged(&*bytes, &tags(1..=48)).await;
    let carried =
        || app.ask("SELECT string_agg(name, ' ' ORDER BY id) FROM photo_hashtags JOIN hashtags ON id = hashtag_id");
    let (before, files) = (carried(), app.stored_files());

    let refused = by_script(&alice, file(&bytes).hashtags(&tags(48..=51))).await.assert_status(422);
    assert!(refused.photos().is_empty());
    let refused = refused.assert_says("already here, and would have 51 hashtags").assert_says("at most 50");
    assert_eq!(refused.attributes("data-filename"), ["again.jpg"]);
    let page = alice.post_upload(file(&bytes).hashtags(&tags(49..=51))).await.assert_status(422);
    page.assert_says("would have 51 hashtags");
    assert_eq!((carried(), app.stored_files()), (before, files));
    assert_eq!(app.ask("SELECT count(*) FROM hashtags"), "48", "none came into being");

    // The other file of the batch is kept.
    alice.post_upload(file(&bytes).file("new.jpg", new).hashtags(&tags(49..=51))).await.assert_status(422);
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "2");

    // Exactly fifty are fine, also when all of them are sent once more.
    for numbers in [49..=50, 1..=50] {
        by_script(&alice, file(&bytes).hashtags(&tags(numbers))).await.assert_status(200).assert_photos(&[&photo]);
    }
}

#[tokio::test]
async fn fifty_at_once_are_one_photo_with_all_their_hashtags() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let uploads = (1..=50).map(|number| by_script(&alice, file(&bytes).hashtags(&format!("tag{number}"))));
    let answers: Vec<_> = join_all(uploads).await.into_iter().map(|answer| answer.assert_status(200)).collect();
    let photos: HashSet<_> = answers.iter().flat_map(Answer::photos).collect();
    assert_eq!(photos.len(), 1);
    assert_eq!(answers.iter().filter(|answer| !says_already_here(answer)).count(), 1, "it was added once");
    assert_eq!(app.ask("SELECT count(*) FROM photo_hashtags"), "50");
    app.state().album.sweep().await.unwrap();
    let photo = photos.into_iter().next().unwrap();
    assert_eq!(app.stored_files().len(), 4);
    assert!(app.stored_files().iter().all(|path| path.contains(&photo.id)), "{:?}", app.stored_files());
    assert_eq!(app.ask("SELECT count(*) FROM removals"), "0");
    assert_eq!(alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
}

#[tokio::test]
async fn nobody_learns_that_somebody_else_has_a_file() {
    let app = TestApp::start().await;
    let (alice, bob, carol) = (app.user("alice").await, app.user("bob").await, app.user("carol").await);
    let (bytes, never_seen) = (jpeg(), jpeg());
    let theirs = alice.upload_tagged(&*bytes, "secret").await;
    alice.share(&theirs, "public").await;

    // The answer to a known file and to an unknown one are the same but for what is the photo's own.
    let plain = |answer: Answer| {
        let photo = answer.photos().remove(0);
        let placeholder = answer.attributes("hash").concat();
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        (answer.status, names, answer.html().replace(&photo.id, "ID").replace(&placeholder, "HASH"))
    };
    let same = plain(by_script(&bob, file(&bytes)).await);
    assert_eq!(same, plain(by_script(&carol, file(&never_seen)).await));
    assert!(!same.2.contains("already") && !same.2.contains("secret"));

    let own = bob.get("/photos").await.photos().remove(0);
    assert_ne!(own, theirs);
    bob.post(&own.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert_eq!(alice.get(&theirs.at("original")).await.assert_status(200).bytes, bytes, "each has bytes of their own");
    assert!(says_already_here(&by_script(&alice, file(&bytes)).await.assert_photos(&[&theirs])));
}

#[tokio::test]
async fn a_deleted_photo_that_comes_again_is_a_new_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let old = alice.upload_tagged(&*bytes, "old").await;
    alice.post(&old.at("delete"), &[]).await.assert_status(303);
    let answer = by_script(&alice, file(&bytes).hashtags("new")).await.assert_status(200);
    assert!(!says_already_here(&answer), "it does not seem to be there");
    let new = answer.photos().remove(0);
    assert_ne!(new, old);
    assert_eq!(answer.attributes("data-hashtags"), ["new"]);

    // Undone, both are there; what comes then belongs to the older.
    alice.post(&old.at("restore"), &[]).await.assert_status(303);
    assert_eq!(
        alice.get("/photos").await.photos().into_iter().collect::<HashSet<_>>(),
        [old.clone(), new.clone()].into()
    );
    let again = by_script(&alice, file(&bytes)).await.assert_status(200).assert_photos(&[&old]);
    assert!(says_already_here(&again));
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files().len(), 8);

    // One of them deleted for good, the other is whole.
    alice.post(&old.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files().len(), 4);
    assert_eq!(alice.get(&new.at("original")).await.assert_status(200).bytes, bytes);
}

#[tokio::test]
async fn sending_and_deleting_at_once_keeps_rows_and_files_together() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let mut photo = alice.upload(&*bytes).await;
    for _ in 0..5 {
        let delete = async { assert_eq!(alice.post(&photo.at("delete"), &[]).await.status, 303) };
        let uploads = join_all((0..4).map(|_| alice.upload(&*bytes)));
        let ((), sent) = futures_util::future::join(delete, uploads).await;
        // Whoever came before the deletion was told of the old photo, the others of one new one.
        let there = alice.get("/photos").await.photos();
        assert!(there.len() <= 1 && sent.iter().all(|one| *one == photo || there.contains(one)), "{sent:?} {there:?}");
        photo = alice.upload(&*bytes).await;
    }
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files().len(), 4);
    assert!(app.stored_files().iter().all(|path| path.contains(&photo.id)));
}
