//! The gallery: pages, filters, what it says when there is nothing, and neighbours.

use crate::support::images::{Exif, with_exif};
use crate::support::*;

/// A photo taken on this day and minute.
fn taken(day: u32, minute: u32) -> Vec<u8> {
    let taken = format!("2026:07:{day:02} 10:{minute:02}:00");
    with_exif(&jpeg(), &Exif { orientation: 1, make: "Maker", taken: &taken })
}

/// 150 photos past the front door: twenty taken in each instant, so that pages end among equal times.
fn fill(app: &TestApp) {
    app.execute(
        "INSERT INTO photos (id, owner_id, filename, content_type, size_bytes, sha256, width, height, taken_at)
         SELECT gen_random_uuid(), (SELECT id FROM users WHERE username = 'alice'), 'n.jpg', 'image/jpeg', 1,
                decode(repeat('00', 32), 'hex'), 4, 3, timestamptz '2026-07-01 12:00Z' - make_interval(days => n / 20)
         FROM generate_series(1, 150) n;
         INSERT INTO hashtags (name) VALUES ('sea'), ('rare');
         INSERT INTO photo_hashtags (owner_id, hashtag_id, taken_at, photo_id)
         SELECT owner_id, hashtags.id, taken_at, photos.id FROM photos, hashtags WHERE name = 'sea'",
    );
}

#[tokio::test]
async fn pages_hold_every_photo_once_in_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app);
    let order = "SELECT string_agg(id::text, ' ' ORDER BY taken_at DESC, id DESC) FROM photos";
    let all: Vec<_> = app.ask(order).split(' ').map(str::to_owned).collect();
    for start in ["/photos", "/photos?hashtag=sea"] {
        for script in [false, true] {
            let (mut seen, mut sizes, mut path) = (Vec::new(), Vec::new(), start.to_owned());
            loop {
                let headers = if script { &[("HX-Request", "true")][..] } else { &[] };
                let page = alice.get_with(&path, headers).await.assert_status(200);
                assert_eq!(page.html().contains("<html"), !script);
                sizes.push(page.photos().len());
                seen.extend(page.photos().into_iter().map(|photo| photo.id));
                match page.html().split_once("class=\"more\" href=\"") {
                    Some((_, rest)) => path = rest.split('"').next().unwrap().replace("&#38;", "&"),
                    None => break,
                }
            }
            assert_eq!(sizes, [60, 60, 30]);
            assert!(seen == all, "none twice, none missing, in order");
        }
    }
}

#[tokio::test]
async fn photos_that_come_or_go_meanwhile_do_not_shift_the_next_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app);
    let first = alice.get("/photos").await;
    let next = first.attributes("hx-get").pop().unwrap();
    let expected = alice.get(&next).await.photos();
    alice.upload(jpeg()).await;
    alice.post(&first.photos()[3].at("delete"), &[]).await.assert_status(303);
    alice.post(&first.photos()[59].at("delete"), &[]).await.assert_status(303);
    assert_eq!(alice.get(&next).await.photos(), expected);
}

#[tokio::test]
async fn months_head_the_photos_and_go_on_over_pages() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    fill(&app);
    let first = alice.get("/photos").await.assert_says("July 2026").assert_says("June 2026");
    let next = first.attributes("hx-get").pop().unwrap();
    alice.get_with(&next, &[("HX-Request", "true")]).await.assert_silent_about("class=\"month\"");
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    alice.upload(jpeg()).await;
    for rubbish in [
        "x",
        "1.2",
        ".",
        "1783728000000000",
        "99999999999999999999.x",
        "1.%00",
        "%27%20OR%201=1",
        "1783728000000000.zz",
    ] {
        alice.get(&format!("/photos?after={rubbish}")).await.assert_status(400).assert_says("first page");
    }
    let id = "01a1fc12baf376febaecddb41e978b19";
    for far in [
        format!("{}.{id}", i64::MAX),
        format!("{}.{id}", i64::MIN),
        format!("-1.{id}"),
        format!("9223372036854775.{id}"),
    ] {
        let status = alice.get(&format!("/photos?after={far}")).await.status;
        assert!([200, 400].contains(&status), "{far}: {status}");
    }
    alice.get("/photos?after=").await.assert_status(200);
    alice.get("/photos?hashtag=").await.assert_status(200);
    alice.get("/photos?%ff=%ff&hashtag=%ff").await.assert_status(200);
}

#[tokio::test]
async fn the_page_says_why_it_is_empty() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    alice.get("/photos").await.assert_status(200).assert_says("No photos yet");
    alice.get("/photos?hashtag=sea").await.assert_status(200).assert_says("None of your photos carries this hashtag");
    alice.upload_tagged(jpeg(), "sea").await;
    alice.upload_tagged(jpeg(), "crete").await;
    let unknown = alice.get("/photos?hashtag=unknown").await.assert_status(200);
    unknown.assert_says("None of your photos carries this hashtag").assert_says("Show all photos");
    let both = alice.get("/photos?hashtag=sea&hashtag=crete").await.assert_status(200);
    both.assert_says("No photo carries all of these hashtags");
    alice.get("/photos?hashtag=a%2Fb").await.assert_status(200).assert_says("No photo matches");
    alice.get("/photos?hashtag=%3Cscript%3E").await.assert_status(200).assert_silent_about("<script>#");
    let many = (0..11).map(|number| format!("hashtag=t{number}")).collect::<Vec<_>>().join("&");
    alice.get(&format!("/photos?{many}")).await.assert_status(400).assert_says("at most 10");
}

#[tokio::test]
async fn filters_are_read_as_people_type_them_and_can_be_dropped() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let both = alice.upload_tagged(jpeg(), "crete family").await;
    alice.upload_tagged(jpeg(), "crete").await;
    for query in [
        "hashtag=crete&hashtag=family",
        "hashtag=crete+family",
        "hashtag=%23Crete%2CFAMILY",
        "hashtag=family&hashtag=&hashtag=crete&hashtag=Crete",
    ] {
        let page = alice.get(&format!("/photos?{query}")).await.assert_status(200).assert_photos(&[&both]);
        let mut filters = page.attributes("data-filter");
        filters.sort();
        assert_eq!(filters, ["crete", "family"], "{query}");
    }
    let page = alice.get("/photos?hashtag=crete&hashtag=family").await;
    for dropped in page
        .attributes("href")
        .iter()
        .filter(|href| ["/photos?hashtag=crete", "/photos?hashtag=family"].contains(&href.as_str()))
    {
        alice.get(dropped).await.assert_status(200);
    }
    assert!(page.attributes("href").contains(&"/photos?hashtag=family".to_owned()));
    let gallery = alice.get("/photos?hashtag=crete").await;
    assert!(gallery.attributes("href").contains(&"/photos?hashtag=crete&hashtag=family".to_owned()), "a chip narrows");
    assert!(gallery.attributes("href").contains(&format!("{}?hashtag=crete", both.page())), "a card keeps the filter");
}

#[tokio::test]
async fn neighbours_stay_within_the_filter() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let oldest = alice.upload_tagged(taken(1, 0), "sea").await;
    let between = alice.upload(taken(2, 0)).await;
    let middle = alice.upload_tagged(taken(3, 0), "sea").await;
    let newest = alice.upload_tagged(taken(3, 1), "sea").await;
    app.user("bob").await.upload_tagged(taken(2, 1), "sea").await;
    let neighbours = async |photo: &Photo, query: &str| {
        let page = alice.get(&format!("{}{query}", photo.page())).await.assert_status(200).html();
        let link = |rel: &str| {
            let tag = page.split("<a ").find(|tag| tag.contains(&format!("rel=\"{rel}\"")))?;
            tag.split("href=\"").nth(1)?.split('"').next().map(str::to_owned)
        };
        (link("prev"), link("next"))
    };
    let page = |photo: &Photo, query: &str| Some(format!("{}{query}", photo.page()));
    assert_eq!(neighbours(&middle, "").await, (page(&newest, ""), page(&between, "")));
    let sea = "?hashtag=sea";
    assert_eq!(neighbours(&middle, sea).await, (page(&newest, sea), page(&oldest, sea)));
    assert_eq!(neighbours(&newest, sea).await, (None, page(&middle, sea)));
    assert_eq!(neighbours(&oldest, sea).await, (page(&middle, sea), None));
    // Newest first.
    alice.get("/photos").await.assert_photos(&[&newest, &middle, &between, &oldest]);
}

#[tokio::test]
async fn everyone_sees_their_own_photos_only() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let hers = alice.upload_tagged(jpeg(), "sea").await;
    let his = bob.upload_tagged(jpeg(), "sea").await;
    alice.share(&hers, "public").await;
    for path in ["/photos", "/photos?hashtag=sea"] {
        alice.get(path).await.assert_photos(&[&hers]);
        bob.get(path).await.assert_photos(&[&his]);
    }
}
