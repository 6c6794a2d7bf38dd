//! Hashtags for all to see.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const HASHTAGS: &str = "/api/v1/hashtags/";

async fn names(app: &TestApp, path: &str) -> Vec<(String, i64)> {
    let list = app.visitor().get(path).await.assert_status(200).json();
    let pair = |it: &Value| (it["name"].as_str().unwrap().to_owned(), it["photos"].as_i64().unwrap());
    list["hashtags"].as_array().unwrap().iter().map(pair).collect()
}

fn owned(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    pairs.iter().map(|(name, photos)| ((*name).to_owned(), *photos)).collect()
}

#[tokio::test]
async fn photo_storage_hashtags_created_listed_and_searched_by_anyone() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let create = async |name: &str| alice.json(Method::POST, HASHTAGS, &json!({ "name": name })).await;
    assert_eq!(create("#Sunset").await.assert_status(201).json(), json!({ "name": "sunset", "photos": 0 }));
    create("SUNSET").await.assert_status(200);
    for name in ["sea", "seaside", "undersea"] {
        create(name).await.assert_status(201);
    }
    for bad in ["", "#", "a b", "a/b", &"x".repeat(65)] {
        let problem = create(bad).await.assert_status(422).json();
        assert!(problem["errors"]["name"].is_array(), "{problem}");
    }
    alice.json(Method::POST, HASHTAGS, &json!({})).await.assert_status(422);
    let all = owned(&[("sea", 0), ("seaside", 0), ("sunset", 0), ("undersea", 0)]);
    assert_eq!(names(&app, HASHTAGS).await, all);
    let found = owned(&[("sea", 0), ("seaside", 0), ("undersea", 0)]);
    assert_eq!(names(&app, "/api/v1/hashtags/search?q=%23SEA").await, found);
    assert_eq!(names(&app, "/api/v1/hashtags/search/?q=%25").await, owned(&[]));
    assert_eq!(names(&app, "/api/v1/hashtags/search").await, all);
    let tag = app.visitor().get(HASHTAGS).await.header("etag").to_owned();
    app.visitor().get_with(HASHTAGS, &[("if-none-match", &tag)]).await.assert_status(304);
}

#[tokio::test]
async fn a_name_on_private_photos_is_told_to_nobody_and_one_on_public_photos_to_all() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "secret shown").await;
    let second = alice.upload_tagged(jpeg(), "secret").await;
    assert_eq!(names(&app, HASHTAGS).await, owned(&[]));
    alice.share(&photo, "link").await;
    assert_eq!(names(&app, HASHTAGS).await, owned(&[]));
    alice.share(&photo, "public").await;
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("secret", 1), ("shown", 1)]), "the private one is not counted");
    app.user("bob").await;
    let bob = app.program_of("bob").await;
    let create = async |name: &str| bob.json(Method::POST, HASHTAGS, &json!({ "name": name })).await;
    create("shown").await.assert_status(200);
    alice.share(&photo, "private").await;
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("shown", 0)]), "somebody created it");
    let new = create("secret").await.assert_status(201).json();
    assert_eq!(new["photos"], 0, "as new as any: that it is on private photos shows in nothing");
    alice.share(&second, "public").await;
    assert_eq!(names(&app, "/api/v1/hashtags/search?q=ecr").await, owned(&[("secret", 1)]));
    app.execute("UPDATE users SET active = false WHERE username = 'alice'");
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("secret", 0), ("shown", 0)]));
}

/// What the triggers counted is what there is, whichever way photos and hashtags came and went.
#[tokio::test]
async fn public_hashtags_are_counted_right_whatever_happens_to_their_photos() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let recounted = "SELECT coalesce(string_agg(concat_ws(' ', name, owner, photos), ', ' ORDER BY name, owner), '') FROM ( \
         SELECT hashtags.name, photos.owner_id AS owner, count(*) AS photos FROM photos \
         JOIN photo_hashtags ON photo_id = photos.id JOIN hashtags ON hashtags.id = hashtag_id \
         WHERE visibility = 'public' GROUP BY 1, 2) AS counts";
    let kept = "SELECT coalesce(string_agg(concat_ws(' ', name, owner_id, photos), ', ' ORDER BY name, owner_id), '') \
         FROM public_hashtag_counts JOIN hashtags ON hashtags.id = hashtag_id WHERE photos > 0";
    let check = |what: &str| assert_eq!(app.ask(kept), app.ask(recounted), "{what}");
    let photo = alice.upload_tagged(jpeg(), "sea crete").await;
    let other = bob.upload_tagged(jpeg(), "sea").await;
    alice.share(&photo, "public").await;
    bob.share(&other, "public").await;
    check("shared");
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("crete", 1), ("sea", 2)]));
    alice.post(&photo.page(), &[("hashtags", "sea lake")]).await.assert_status(303);
    check("other hashtags");
    alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    check("deleted");
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("sea", 1)]));
    alice.post(&photo.at("restore"), &[]).await.assert_status(303);
    check("restored");
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("lake", 1), ("sea", 2)]));
    alice.share(&photo, "link").await;
    check("by link");
    alice.share(&photo, "public").await;
    app.execute("UPDATE photos SET taken_at = taken_at - interval '1 day'");
    check("moved");
    alice.share(&photo, "private").await;
    bob.post(&other.at("delete"), &[]).await.assert_status(303);
    check("all gone");
    assert_eq!(names(&app, HASHTAGS).await, owned(&[]));
}
