//! Photos over the API: taken in, listed, changed, gone.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::images::{another, broken_jpeg};
use crate::support::*;

const PHOTOS: &str = "/api/v1/photos/";

fn ids(list: &Value) -> Vec<String> {
    list["photos"].as_array().unwrap().iter().map(|photo| photo["id"].as_str().unwrap().to_owned()).collect()
}

fn path_of(photo: &Value) -> String {
    format!("{PHOTOS}{}", photo["id"].as_str().unwrap())
}

/// The Photo Storage API's: hashtags at the upload, filter by one, look at one, delete it.
#[tokio::test]
async fn photo_storage_upload_with_hashtags_then_filter() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let bytes = jpeg();
    let upload = Upload::new().hashtags("Sea, #Crete").file("día <b>.jpg", bytes.clone());
    let answer = alice.upload(upload).await.assert_status(201);
    let photo = answer.json();
    let here = answer.header("location").to_owned();
    assert_eq!(here, format!("{}{}", app.origin(), path_of(&photo)));
    assert_eq!(photo["hashtags"], json!(["crete", "sea"]));
    assert_eq!(photo["filename"], "día <b>.jpg");
    assert_eq!((&photo["content_type"], &photo["visibility"]), (&json!("image/jpeg"), &json!("private")));
    assert_eq!(photo["size_bytes"], bytes.len());
    assert_eq!(photo["sha256"].as_str().unwrap().len(), 64);
    assert_eq!((&photo["title"], &photo["public_url"]), (&json!(""), &Value::Null));
    assert!(photo["created_at"].as_str().unwrap().ends_with('Z'));
    let path = |url: &Value| url.as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
    assert_eq!(alice.get(&path(&photo["url"])).await.assert_status(200).bytes, bytes);
    for (name, rendition) in photo["renditions"].as_object().unwrap() {
        let answer = alice.get(&path(&rendition["url"])).await.assert_status(200);
        assert_eq!(answer.header("content-type"), rendition["content_type"], "{name}");
    }
    assert_eq!(photo["renditions"].as_object().unwrap().len(), 3);

    let other = alice.upload(Upload::new().file("b.png", png())).await.assert_status(201).json();
    let list = async |query: &str| alice.get(&format!("{PHOTOS}{query}")).await.assert_status(200).json();
    assert_eq!(list("?hashtag=%23SEA").await["photos"], json!([photo]));
    assert_eq!(list("?hashtag=sea&hashtag=crete").await["total"], 1);
    assert_eq!(list("?hashtag=nothing").await, json!({ "photos": [], "total": 0, "next": null }));
    assert_eq!(list("").await["total"], 2);
    assert_eq!(alice.get(&path_of(&photo)).await.assert_status(200).json(), photo);

    let again = alice.upload(Upload::new().hashtags("again").file("c.jpg", bytes)).await.assert_status(200).json();
    assert_eq!(again["id"], photo["id"], "the same bytes are the same photo");
    assert_eq!(again["hashtags"], json!(["again", "crete", "sea"]));

    alice.delete(&path_of(&photo)).await.assert_status(204);
    alice.delete(&path_of(&photo)).await.assert_status(404);
    alice.get(&path_of(&photo)).await.assert_status(404);
    alice.get(&path(&photo["url"])).await.assert_status(404);
    assert_eq!(ids(&list("").await), [other["id"].as_str().unwrap()]);
    assert_eq!(list("").await["total"], 1);
}

#[tokio::test]
async fn a_list_goes_on_by_its_next_link_and_counts_all() {
    let app = TestApp::start().await;
    let browser = app.user("alice").await;
    let alice = app.program_of("alice").await;
    let mut sent = Vec::new();
    for n in 0..7 {
        sent.push(browser.upload_tagged(another(jpeg()), if n % 2 == 0 { "even all" } else { "all" }).await.id);
    }
    app.user("bob").await.upload(another(jpeg())).await;
    sent.reverse();
    for (query, expected) in [
        ("?limit=3", sent.clone()),
        ("?limit=2&hashtag=even&hashtag=all", sent.iter().step_by(2).cloned().collect::<Vec<_>>()),
        ("?limit=7", sent.clone()),
    ] {
        let mut found = Vec::new();
        let mut next = Some(format!("{PHOTOS}{query}"));
        while let Some(path) = next {
            let page = alice.get(&path).await.assert_status(200).json();
            assert_eq!(page["total"], expected.len());
            found.extend(ids(&page));
            next = page["next"].as_str().map(|url| url.strip_prefix(&app.origin()).unwrap().to_owned());
        }
        assert_eq!(found, expected, "{query}");
    }
    for (query, status) in [
        ("?limit=0", 422),
        ("?limit=201", 422),
        ("?limit=x", 422),
        ("?limit=-1", 422),
        ("?after=x", 400),
        ("?limit=200", 200),
    ] {
        alice.get(&format!("{PHOTOS}{query}")).await.assert_status(status);
    }
}

#[tokio::test]
async fn the_count_stays_true_whatever_door_changes_it() {
    let app = TestApp::start().await;
    let browser = app.user("alice").await;
    let alice = app.program_of("alice").await;
    let total = async |query: &str| alice.get(&format!("{PHOTOS}{query}")).await.json()["total"].clone();
    assert_eq!(total("").await, 0);
    let photo = browser.upload_tagged(jpeg(), "sea").await;
    browser.upload(another(jpeg())).await;
    assert_eq!((total("").await, total("?hashtag=sea").await), (json!(2), json!(1)));
    browser.post(&photo.at("delete"), &[]).await.assert_status(303);
    assert_eq!((total("").await, total("?hashtag=sea").await), (json!(1), json!(0)));
    browser.post(&photo.at("restore"), &[]).await.assert_status(303);
    assert_eq!((total("").await, total("?hashtag=sea").await), (json!(2), json!(1)));
}

#[tokio::test]
async fn a_list_that_is_known_already_is_not_sent_again() {
    let app = TestApp::start().await;
    let browser = app.user("alice").await;
    let alice = app.program_of("alice").await;
    let tag = alice.get(PHOTOS).await.assert_status(200).header("etag").to_owned();
    let ask = async |tag: &str| alice.send(alice.request(Method::GET, PHOTOS).header("if-none-match", tag)).await;
    let known = ask(&tag).await.assert_status(304);
    assert!(known.bytes.is_empty() && known.header("etag") == tag);
    browser.upload(jpeg()).await;
    let fresh = ask(&tag).await.assert_status(200);
    assert_ne!(fresh.header("etag"), tag);
}

#[tokio::test]
async fn a_photo_is_changed_field_by_field_or_not_at_all() {
    let app = TestApp::start().await;
    let browser = app.user("alice").await;
    let alice = app.program_of("alice").await;
    let photo = browser.upload_tagged(jpeg(), "old").await;
    let path = format!("{PHOTOS}{}", photo.id);
    let patch = async |body: Value| alice.json(Method::PATCH, &path, &body).await;
    let changed = patch(json!({ "title": " A title ", "hashtags": ["#Sea", "crete"] })).await.assert_status(200).json();
    assert_eq!((&changed["title"], &changed["hashtags"]), (&json!("A title"), &json!(["crete", "sea"])));
    let changed = patch(json!({ "visibility": "link" })).await.assert_status(200).json();
    assert_eq!((&changed["title"], &changed["hashtags"]), (&json!("A title"), &json!(["crete", "sea"])));
    let public = changed["public_url"].as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
    app.visitor().get(&public).await.assert_status(200);
    let changed = patch(json!({ "visibility": "private", "hashtags": "new, newer" })).await.assert_status(200).json();
    assert_eq!((&changed["public_url"], &changed["hashtags"]), (&Value::Null, &json!(["new", "newer"])));
    app.visitor().get(&public).await.assert_status(404);
    patch(json!({ "hashtags": [] })).await.assert_status(200);
    for (body, field) in [
        (json!({ "title": "x".repeat(201) }), "title"),
        (json!({ "title": "fine", "visibility": "all" }), "visibility"),
        (json!({ "title": "fine", "hashtags": ["a/b"] }), "hashtags"),
        (json!({ "title": 5 }), "body"),
        (json!({ "hashtags": 5 }), "body"),
        (json!({ "owner": "bob" }), "body"),
    ] {
        let problem = patch(body).await.assert_status(422).json();
        assert_eq!(problem["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
    let now = alice.get(&path).await.json();
    assert_eq!((&now["title"], &now["hashtags"]), (&json!("A title"), &json!([])));
    app.user("bob").await;
    let bob = app.program_of("bob").await;
    bob.json(Method::PATCH, &path, &json!({ "title": "mine" })).await.assert_status(404);
}

#[tokio::test]
async fn an_upload_that_is_refused_says_why_and_leaves_nothing() {
    let app = TestApp::start_with(|config| config.limits.upload_mib = 1).await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let large = jpeg();
    for (upload, status) in [
        (Upload::new(), 422),
        (Upload::new().file("", Vec::new()), 422),
        (Upload::new().file("a.txt", "no photo"), 415),
        (Upload::new().file("a.jpg", broken_jpeg()), 422),
        (Upload::new().file("a.jpg", jpeg()).file("b.jpg", another(jpeg())), 422),
        (Upload::new().large_file("a.jpg", &large, 2 << 20), 413),
        (Upload::new().hashtags("a/b").file("a.jpg", jpeg()), 422),
    ] {
        let answer = alice.upload(upload).await.assert_status(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["errors"].is_object(), status == 422, "{answer:?}");
    }
    assert_eq!(alice.get(PHOTOS).await.json()["total"], 0);
    assert!(app.stored_files().is_empty());
}

#[tokio::test]
async fn an_upload_by_the_cookie_needs_proof_that_a_page_of_ours_sent_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let send = async |origin: Option<String>| {
        let request = alice.request(Method::POST, PHOTOS).header("content-type", Upload::content_type());
        let request = request.body(Upload::new().file("a.jpg", jpeg()).into_body());
        alice.send(origin.into_iter().fold(request, |request, origin| request.header("origin", origin))).await
    };
    send(None).await.assert_status(403);
    send(Some("https://evil.example".to_owned())).await.assert_status(403);
    send(Some(app.origin())).await.assert_status(201);
}
