//! Hashtags for all to see.

use futures_util::future::join_all;
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

async fn create(program: &Program, name: &str) -> Answer {
    program.json(Method::POST, HASHTAGS, &json!({ "name": name })).await
}

#[tokio::test]
async fn one_person_creates_no_more_than_500_hashtags_however_many_come_at_once() {
    let app = TestApp::start().await;
    app.user("alice").await;
    app.user("bob").await;
    let (alice, bob) = (app.program_of("alice").await, app.program_of("bob").await);
    app.execute(
        "INSERT INTO hashtags (name, listed, listed_by) SELECT 'of-alice-' || n, true, id \
         FROM users, generate_series(1, 497) AS n WHERE username = 'alice'",
    );
    let names: Vec<_> = (0..10).map(|number| format!("new{number}")).collect();
    let answers = join_all(names.iter().map(|name| create(&alice, name))).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (3, 7));
    for answer in refused {
        let problem = answer.assert_status(422).json();
        assert!(problem["errors"]["name"][0].as_str().unwrap().contains("500"), "{problem}");
    }
    create(&alice, "of-alice-1").await.assert_status(200);
    create(&bob, "bobs").await.assert_status(201);
    create(&alice, "bobs").await.assert_status(200);
}

#[tokio::test]
async fn one_person_creates_200_hashtags_an_hour_and_those_that_are_there_do_not_count() {
    let app = TestApp::start_with(|config| config.limits_guesses = true).await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    create(&alice, "new0").await.assert_status(201);
    for _ in 0..3 {
        create(&alice, "new0").await.assert_status(200);
    }
    let names: Vec<_> = (1..200).map(|number| format!("new{number}")).collect();
    for some in names.chunks(20) {
        let made = join_all(some.iter().map(|name| create(&alice, name))).await;
        assert!(made.iter().all(|answer| answer.status == 201), "{made:?}");
    }
    let refused = create(&alice, "one-too-many").await.assert_status(429);
    assert_eq!(refused.header("ratelimit-policy"), "\"public-hashtags\";q=200;w=3600");
}

/// Follows `next` to the end.
async fn pages(app: &TestApp, first: &str) -> Vec<Vec<(String, i64)>> {
    let (mut path, mut pages) = (first.to_owned(), Vec::new());
    loop {
        pages.push(names(app, &path).await);
        let list = app.visitor().get(&path).await.json();
        let Some(next) = list["next"].as_str() else { return pages };
        next.strip_prefix(&app.origin()).unwrap().clone_into(&mut path);
    }
}

#[tokio::test]
async fn the_public_list_and_the_search_go_page_by_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.execute(
        "INSERT INTO hashtags (name, listed) SELECT 'sea' || to_char(n, 'FM00'), true FROM generate_series(1, 11) AS n",
    );
    app.execute("INSERT INTO hashtags (name, listed) SELECT 'a-sea' || n, true FROM generate_series(1, 4) AS n");
    app.execute("INSERT INTO hashtags (name) SELECT 'sea-private' || n FROM generate_series(1, 50) AS n");
    let photo = alice.upload_tagged(jpeg(), "sea05 sea-shown ægean").await;
    alice.share(&photo, "public").await;
    let all = names(&app, HASHTAGS).await;
    assert_eq!(all.len(), 17);
    assert!(all.contains(&("sea05".to_owned(), 1)) && all.contains(&("sea-shown".to_owned(), 1)));
    let by_five = pages(&app, "/api/v1/hashtags/?limit=5").await;
    assert_eq!(by_five.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5, 2]);
    assert_eq!(by_five.concat(), all);
    let found = names(&app, "/api/v1/hashtags/search?q=sea").await;
    assert_eq!(found.len(), 16);
    assert!(found[..12].iter().all(|(name, _)| name.starts_with("sea")) && found[12].0 == "a-sea1", "{found:?}");
    assert_eq!(pages(&app, "/api/v1/hashtags/search?q=sea&limit=3").await.concat(), found);
    for (query, status) in
        [("limit=0", 422), ("limit=1001", 422), ("limit=x", 422), ("after=a%20b", 200), ("after=%00", 200)]
    {
        app.visitor().get(&format!("/api/v1/hashtags/?{query}")).await.assert_status(status);
    }
}

#[tokio::test]
async fn an_admin_takes_a_hashtag_off_the_public_list_and_nobody_else_puts_it_back() {
    let app = TestApp::start().await;
    app.user("root").await;
    let bob = app.user("bob").await;
    let (root, program) = (app.program_of("root").await, app.program_of("bob").await);
    create(&program, "nasty").await.assert_status(201);
    let photo = bob.upload_tagged(jpeg(), "nasty nice").await;
    bob.share(&photo, "public").await;
    for path in ["/api/v1/hashtags/nasty", "/api/v1/hashtags/nothing", "/api/v1/hashtags/a%20b"] {
        program.delete(path).await.assert_status(404);
    }
    root.delete("/api/v1/hashtags/nothing").await.assert_status(404);
    root.delete("/api/v1/hashtags/%23Nasty").await.assert_status(204);
    root.delete("/api/v1/hashtags/nasty").await.assert_status(404);
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("nice", 1)]));
    assert_eq!(names(&app, "/api/v1/hashtags/search?q=nas").await, owned(&[]));
    bob.get("/photos?hashtag=nasty").await.assert_photos(&[&photo]);
    let refused = create(&program, "nasty").await.assert_status(422).json();
    assert!(refused["errors"]["name"][0].as_str().unwrap().contains("An admin"), "{refused}");
    create(&root, "nasty").await.assert_status(200);
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("nasty", 1), ("nice", 1)]));
}

#[tokio::test]
async fn names_that_are_public_no_more_are_looked_at_no_more() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "sea crete").await;
    let marked = || app.ask("SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM hashtags WHERE shown");
    let sweep = async || {
        let db = &app.state().db;
        db.write(lumina::models::PublicHashtag::forget_unshown).await.unwrap();
    };
    assert_eq!(marked(), "");
    alice.share(&photo, "public").await;
    sweep().await;
    assert_eq!(marked(), "crete sea");
    alice.post(&photo.page(), &[("hashtags", "sea")]).await.assert_status(303);
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("sea", 1)]));
    sweep().await;
    assert_eq!(marked(), "sea");
    alice.share(&photo, "private").await;
    sweep().await;
    assert_eq!(marked(), "");
    alice.share(&photo, "public").await;
    assert_eq!(names(&app, HASHTAGS).await, owned(&[("sea", 1)]));
}
