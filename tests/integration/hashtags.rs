//! Hashtags: their one form, their counts, and whose they are.

use crate::support::*;

/// The names and counts on `/hashtags`, sorted.
async fn listed(client: &Client, query: &str) -> Vec<String> {
    let html = client.get(&format!("/hashtags{query}")).await.assert_status(200).text();
    let cards = html.split("<b dir=\"auto\">#").skip(1).map(|card| {
        let (name, rest) = card.split_once("</b>").unwrap();
        let count = rest.split("class=\"count\">").nth(1).unwrap().split(' ').next().unwrap();
        format!("{name} {count}")
    });
    let mut cards: Vec<_> = cards.collect();
    cards.sort();
    cards
}

/// The same, counted from the rows.
fn counted(app: &TestApp, username: &str) -> Vec<String> {
    let counts = app.ask(&format!(
        "SELECT string_agg(name || ' ' || photos, ',') FROM (SELECT name, count(*) AS photos FROM photo_hashtags
         JOIN hashtags ON hashtags.id = hashtag_id JOIN photos ON photos.id = photo_id JOIN users ON users.id = photos.owner_id
         WHERE username = '{username}' GROUP BY name) AS counts"
    ));
    let mut counts: Vec<_> = counts.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
    counts.sort();
    counts
}

#[tokio::test]
async fn every_way_to_type_a_hashtag_finds_the_same_photos() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload_tagged(jpeg(), "#Sunset, ＮＡＴＵＲＥ Straße cafe\u{301};日本、東京 #a-b_c").await;
    let page = alice.get(&photo.page()).await;
    assert_eq!(page.field("hashtags"), "#a-b_c #café #nature #strasse #sunset #日本 #東京");
    for typed in [
        "sunset",
        "%23SunSet",
        "SUNSET",
        "nature",
        "STRASSE",
        "stra%C3%9Fe",
        "caf%C3%A9",
        "%E6%9D%B1%E4%BA%AC",
        "sun%C2%ADset",
    ] {
        alice.get(&format!("/photos?hashtag={typed}")).await.assert_photos(&[&photo]);
    }
    let link = page.attributes("href").into_iter().find(|href| href.contains("%E6%9D%B1")).unwrap();
    alice.get(&link).await.assert_status(200).assert_photos(&[&photo]);
}

#[tokio::test]
async fn counts_are_right_after_every_change() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let right = async |expected: &[&str], when: &str| {
        assert_eq!(listed(&alice, "").await, expected, "{when}");
        assert_eq!(counted(&app, "alice"), expected, "{when}, by the rows");
    };
    right(&[], "nothing yet").await;
    alice.get("/hashtags").await.assert_says("No hashtags yet");
    let first = alice.upload_tagged(jpeg(), "sea crete").await;
    let second = alice.upload_tagged(jpeg(), "sea").await;
    right(&["crete 1", "sea 2"], "uploads").await;
    alice.post(&second.page(), &[("hashtags", "sea family family")]).await.assert_status(303);
    right(&["crete 1", "family 1", "sea 2"], "an edit").await;
    alice.post(&first.page(), &[("hashtags", "sea")]).await.assert_status(303);
    right(&["family 1", "sea 2"], "one taken away").await;
    let (one, two) = (first.id.as_str(), second.id.as_str());
    let fields = [("photo", one), ("photo", two), ("action", "hashtags"), ("add", "new sea"), ("remove", "family")];
    alice.post("/photos/selection", &fields).await.assert_status(303);
    right(&["new 2", "sea 2"], "a selection").await;
    alice.post(&first.at("delete"), &[]).await.assert_status(303);
    right(&["new 1", "sea 1"], "a deletion").await;
    alice.post(&first.at("restore"), &[]).await.assert_status(303);
    right(&["new 2", "sea 2"], "undo").await;
    alice.post("/photos/selection", &[("photo", one), ("photo", two), ("action", "delete")]).await.assert_status(303);
    right(&[], "all deleted").await;
}

#[tokio::test]
async fn counts_stay_right_when_many_write_at_once() {
    let app = TestApp::start().await;
    let clients = [app.user("alice").await, app.user("bob").await];
    let work = (0..40).map(|number| {
        let client = &clients[number % 2];
        async move {
            // The same new names from all sides, in crossing orders.
            let photo = client.upload_tagged(jpeg(), ["a b c", "c b a d"][number % 2]).await;
            match number % 4 {
                0 | 1 => client.post(&photo.page(), &[("hashtags", "c e")]).await.assert_status(303),
                _ => client.post(&photo.at("delete"), &[]).await.assert_status(303),
            };
        }
    });
    futures_util::future::join_all(work).await;
    for (client, name) in clients.iter().zip(["alice", "bob"]) {
        assert_eq!(listed(client, "").await, counted(&app, name));
        assert_eq!(listed(client, "").await, ["c 10", "e 10"]);
    }
}

/// A new name is made by one and waited for by the other; a photo is saved while it is deleted. Taken in another order
/// than the owner's lock, these would stop each other for good, and Postgres would end one of them.
#[tokio::test]
async fn uploads_selections_edits_and_deletions_never_stop_each_other() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for round in 0..12 {
        let (kept, edited) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await);
        let name = format!("new{round}");
        let selection = [("photo", kept.id.as_str()), ("action", "hashtags"), ("add", name.as_str())];
        let (title, page, delete) =
            ([("title", "Ferry"), ("hashtags", name.as_str())], edited.page(), edited.at("delete"));
        let (_, tagged, saved, deleted) = tokio::join!(
            alice.upload_tagged(jpeg(), &name),
            alice.post("/photos/selection", &selection),
            alice.post(&page, &title),
            alice.post(&delete, &[]),
        );
        tagged.assert_status(303);
        deleted.assert_status(303);
        assert!([303, 404].contains(&saved.status), "saved before or not at all");
    }
    assert_eq!(listed(&alice, "").await, counted(&app, "alice"));
}

#[tokio::test]
async fn others_hashtags_are_never_shown() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    alice.upload_tagged(jpeg(), "secret shared").await;
    bob.upload_tagged(jpeg(), "shared").await;
    assert_eq!(listed(&bob, "").await, ["shared 1"]);
    assert_eq!(listed(&bob, "?q=sec").await, [""; 0]);
    for path in ["/hashtags", "/hashtags?q=s", "/photos", "/photos?hashtag=shared"] {
        bob.get(path).await.assert_silent_about("#secret");
        bob.get_with(path, &[("HX-Request", "true")]).await.assert_silent_about("#secret");
    }
    bob.get("/photos?hashtag=secret").await.assert_says("None of your photos carries this hashtag");
}

#[tokio::test]
async fn searching_finds_parts_and_takes_signs_for_themselves() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    alice.upload_tagged(jpeg(), "crete creta_2026 secret 100").await;
    assert_eq!(listed(&alice, "?q=CRET").await, ["creta_2026 1", "crete 1", "secret 1"]);
    assert_eq!(listed(&alice, "?q=%23crete").await, ["crete 1"]);
    assert_eq!(listed(&alice, "?q=_").await, ["creta_2026 1"]);
    for nothing in ["%25", "%5C", "%27", "nothing", "%00x"] {
        assert_eq!(listed(&alice, &format!("?q={nothing}")).await, [""; 0], "{nothing}");
    }
    alice.get("/hashtags?q=nothing").await.assert_says("No hashtag found");
    alice.get(&format!("/hashtags?q={}", "x".repeat(5000))).await.assert_status(200);
}

#[tokio::test]
async fn suggestions_come_as_a_list_and_the_page_as_a_block() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let many: String = (0..12).map(|number| format!("crete{number:02} ")).collect();
    alice.upload_tagged(jpeg(), &many).await;
    let suggestions = alice.get_with("/hashtags?q=cre", &[("HX-Request", "true")]).await.assert_status(200);
    assert_eq!(suggestions.attributes("data-name").len(), 8);
    assert!(!suggestions.html().contains("hashtag-list"));
    let target = [("HX-Request", "true"), ("HX-Target", "hashtag-list")];
    let block = alice.get_with("/hashtags?q=cre", &target).await.assert_status(200);
    assert!(block.html().contains("id=\"hashtag-list\"") && !block.html().contains("<html"));
    assert_eq!(block.html().matches("<b dir").count(), 12);
    let restored = [("HX-Request", "true"), ("HX-History-Restore-Request", "true")];
    assert!(alice.get_with("/hashtags", &restored).await.html().contains("<html"), "history needs the whole page");
}
