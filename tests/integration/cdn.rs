//! Public photos shown from a CDN in front of the bucket.

use std::time::Duration;

use lumina::models::public_copy;

use crate::support::images::another;
use crate::support::s3::S3Server;
use crate::support::*;

const CDN: &str = "https://cdn.example/photos";

async fn app_with_cdn(server: &S3Server) -> TestApp {
    TestApp::start_with(|config| {
        let mut s3 = server.config();
        s3.public_url = Some(CDN.into());
        config.s3 = Some(s3);
    })
    .await
}

/// The keys of all copies, when those of so many photos are made and all others are gone. The sweeper works along.
async fn copies(app: &TestApp, server: &S3Server, photos: usize) -> Vec<String> {
    for _ in 0..200 {
        app.state().album.publish().await.unwrap();
        let named = app.ask("SELECT count(*) FROM public_copies WHERE due_at IS NULL");
        let all = app.ask("SELECT count(*) FROM public_copies");
        if named == photos.to_string() && all == named {
            let copies: Vec<_> = server.objects().into_iter().filter(|key| key.starts_with("public/")).collect();
            assert_eq!(copies.len(), 3 * photos, "{copies:?}");
            return copies;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not copied, or not removed")
}

#[tokio::test]
async fn what_is_public_is_shown_from_the_cdn_and_what_is_taken_back_goes_from_there() {
    let server = S3Server::start();
    let app = app_with_cdn(&server).await;
    let alice = app.user("alice").await;
    let (photo, linked) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await);
    alice.share(&linked, "link").await.unwrap();
    let token = alice.share(&photo, "public").await.unwrap();
    let stored = copies(&app, &server, 1).await;
    assert!(stored.iter().all(|key| !key.contains(&photo.id)), "nothing leads to the original: {stored:?}");

    let visitor = app.visitor();
    let (page, shared) = ("/u/alice".to_owned(), format!("/s/{token}"));
    let small = stored.iter().find(|key| key.ends_with("small.webp")).unwrap();
    for page in [&page, &shared] {
        let answer = visitor.get(page).await.assert_status(200).assert_says(&format!("{CDN}/{small}"));
        assert!(answer.header("content-security-policy").contains("img-src 'self' https://cdn.example blob:"));
    }
    visitor.get(&format!("/i/{token}")).await.assert_status(200);
    alice.get("/photos").await.assert_silent_about(CDN);

    let mut public = 1;
    for (away, back) in [
        (
            "UPDATE photos SET visibility = 'link' WHERE visibility = 'public'",
            "UPDATE photos SET visibility = 'public'",
        ),
        ("UPDATE users SET active = false", "UPDATE users SET active = true"),
    ] {
        let before = copies(&app, &server, public).await;
        app.execute(away);
        visitor.get(&page).await.assert_silent_about(CDN);
        copies(&app, &server, 0).await;
        app.execute(back);
        public = 2;
        let after = copies(&app, &server, public).await;
        assert!(before.iter().all(|key| !after.contains(key)), "other names");
    }
    alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    alice.post(&linked.at("delete"), &[]).await.assert_status(303);
    copies(&app, &server, 0).await;
    alice.post(&photo.at("restore"), &[]).await.assert_status(303);
    visitor.get(&page).await.assert_status(200);
    copies(&app, &server, 1).await;
    visitor.get(&page).await.assert_status(200).assert_says(CDN);
}

#[tokio::test]
async fn copies_are_made_anew_in_another_bucket() {
    let (server, other) = (S3Server::start(), S3Server::start());
    let mut app = app_with_cdn(&server).await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    alice.share(&photo, "public").await.unwrap();
    copies(&app, &server, 1).await;
    for key in server.objects().into_iter().filter(|key| key.starts_with("photos/")) {
        let to = other.bucket().join(&key);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(server.bucket().join(&key), to).unwrap();
    }
    let config = other.config();
    app.restart_with(|settings| {
        settings.s3 = Some(lumina::config::S3Config { public_url: Some(CDN.into()), ..config })
    })
    .await;
    copies(&app, &other, 1).await;
}

/// Those that were to be withdrawn first may be copied again before the others are: what is asked at the start is not one of
/// them.
#[tokio::test]
async fn withdrawing_all_goes_on_where_it_was_stopped() {
    let server = S3Server::start();
    let app = app_with_cdn(&server).await;
    let alice = app.user("alice").await;
    for _ in 0..3 {
        let photo = alice.upload(another(jpeg())).await;
        alice.share(&photo, "public").await.unwrap();
    }
    let before = copies(&app, &server, 3).await;
    let db = app.state().db.clone();
    db.write(|conn| public_copy::withdraw_some(conn, 1)).await.unwrap();
    copies(&app, &server, 3).await;
    let any = db.read(public_copy::any).await.unwrap().unwrap().to_string();
    assert!(before.iter().any(|key| key.contains(&any)), "{any} was copied anew");
    assert_eq!(db.write(|conn| public_copy::withdraw_some(conn, 10)).await.unwrap(), 3);
}
