//! Deleting a photo, and for a minute taking that back.

use futures_util::future::join_all;

use crate::support::*;

/// Every address under which a photo was seen, by whom.
async fn everywhere(app: &TestApp, alice: &Client, photo: &Photo, token: &str) -> Vec<(String, u16)> {
    let visitor = app.visitor();
    let mut seen = Vec::new();
    for path in [photo.page(), photo.at("original"), photo.at("small"), photo.at("large")] {
        seen.push((path.clone(), alice.get(&path).await.status));
    }
    for path in
        [format!("/s/{token}"), format!("/i/{token}"), format!("/i/{token}.jpg"), photo.at("small"), photo.at("large")]
    {
        seen.push((path.clone(), visitor.get(&path).await.status));
    }
    seen
}

#[tokio::test]
async fn a_deleted_photo_is_gone_at_once_in_every_representation() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let token = alice.share(&photo, "public").await.unwrap();
    assert!(everywhere(&app, &alice, &photo, &token).await.iter().all(|(_, status)| *status == 200));
    let answer = alice.post(&format!("{}?hashtag=sea", photo.at("delete")), &[]).await.assert_status(303);
    assert_eq!(answer.location(), "/photos?hashtag=sea", "back to where one was");
    let gallery = alice.get("/photos").await.assert_says("Photo deleted").assert_says("No photos yet");
    assert!(gallery.attributes("action").contains(&photo.at("restore")), "undo is offered");
    for (path, status) in everywhere(&app, &alice, &photo, &token).await {
        assert_eq!(status, 404, "{path}");
    }
    let tag = [("if-none-match", "*"), ("range", "bytes=0-1")];
    alice.get_with(&photo.at("small"), &tag).await.assert_status(404);
    app.visitor().get("/u/alice").await.assert_status(404);
    alice.get("/hashtags").await.assert_silent_about("#sea");
    alice.post(&photo.at("delete"), &[]).await.assert_status(404);
    alice.post(&photo.page(), &[("title", "still here?")]).await.assert_status(404);
}

#[tokio::test]
async fn undo_brings_everything_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let photo = alice.upload_tagged(bytes.clone(), "sea family").await;
    alice.post(&photo.page(), &[("title", "At the sea")]).await.assert_status(303);
    let token = alice.share(&photo, "link").await.unwrap();
    let row = || app.ask("SELECT t FROM photos t");
    let before = row();
    for _ in 0..2 {
        alice.post(&photo.at("delete"), &[]).await.assert_status(303);
        assert_eq!(row(), "");
        assert_eq!(alice.post(&photo.at("restore"), &[]).await.assert_status(303).location(), photo.page());
        assert_eq!(row(), before);
    }
    let page = alice.get(&photo.page()).await.assert_status(200).assert_says("The photo is back");
    assert_eq!(page.field("title"), "At the sea");
    assert_eq!(page.field("hashtags"), "#family #sea");
    app.visitor().get(&format!("/s/{token}")).await.assert_status(200);
    alice.get("/photos?hashtag=sea&hashtag=family").await.assert_photos(&[&photo]);
    app.state().album.sweep().await.unwrap();
    assert_eq!(alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
    alice.post(&photo.at("restore"), &[]).await.assert_status(404);
}

#[tokio::test]
async fn nobody_deletes_or_restores_anothers_photo() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let photo = alice.upload(jpeg()).await;
    alice.share(&photo, "public").await;
    bob.post(&photo.at("delete"), &[]).await.assert_status(404);
    assert_eq!(alice.get(&photo.page()).await.status, 200);
    alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    bob.post(&photo.at("restore"), &[]).await.assert_status(404);
    alice.post(&photo.at("restore"), &[]).await.assert_status(303);
}

#[tokio::test]
async fn when_it_is_too_late_the_bytes_go_too() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let (gone, kept) = (alice.upload(jpeg()).await, alice.upload(bytes.clone()).await);
    alice.post(&gone.at("delete"), &[]).await.assert_status(303);
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.stored_files().len(), 8, "not before the minute is over");
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    alice.post(&gone.at("restore"), &[]).await.assert_status(404);
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.ask("SELECT count(*) FROM removals"), "0");
    assert!(app.stored_files().iter().all(|path| path.contains(&kept.id)) && app.stored_files().len() == 4);
    assert_eq!(alice.get(&kept.at("original")).await.assert_status(200).bytes, bytes);
}

#[tokio::test]
async fn one_photo_deleted_and_restored_by_many_at_once_has_a_clear_end() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea").await;
    let statuses = |answers: Vec<Answer>| {
        let won = answers.iter().filter(|answer| answer.status == 303).count();
        let late = answers.iter().filter(|answer| answer.status == 404).count();
        assert_eq!(won + late, answers.len(), "{answers:?}");
        won
    };
    let delete = || async { alice.post(&photo.at("delete"), &[]).await };
    let restore = || async { alice.post(&photo.at("restore"), &[]).await };
    assert_eq!(statuses(join_all((0..20).map(|_| delete())).await), 1);
    assert_eq!(statuses(join_all((0..20).map(|_| restore())).await), 1);
    let mixed = (0..20).map(|number| async move { if number % 2 == 0 { delete().await } else { restore().await } });
    statuses(join_all(mixed).await);
    let (photos, removals) = (app.ask("SELECT count(*) FROM photos"), app.ask("SELECT count(*) FROM removals"));
    assert!([("1", "0"), ("0", "1")].contains(&(photos.as_str(), removals.as_str())), "{photos} {removals}");
    assert_eq!(app.ask("SELECT sum(photos) FROM hashtag_counts"), photos);
    assert_eq!(app.stored_files().len(), 4);
}

#[tokio::test]
async fn a_photo_is_swept_once_by_several_sweepers() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for _ in 0..5 {
        let photo = alice.upload(jpeg()).await;
        alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    }
    app.execute("UPDATE removals SET due_at = now()");
    for swept in join_all((0..4).map(|_| app.state().album.sweep())).await {
        swept.unwrap();
    }
    assert_eq!((app.stored_files().len(), app.ask("SELECT count(*) FROM removals").as_str()), (0, "0"));
}
