//! Many ask for photos' bytes at once, and are answered by one look into the database: each by what it is then.

use std::cell::Cell;

use futures_util::future::{join, join_all};

use crate::support::*;

#[tokio::test]
async fn each_of_many_gets_their_own_answer() {
    let app = TestApp::start().await;
    let (alice, bob, visitor) = (app.user("alice").await, app.user("bob").await, app.visitor());
    let program = app.program_of("alice").await;
    let (private, public) = (alice.upload(jpeg()).await, alice.upload(jpeg()).await);
    let (link, other) = (alice.upload(jpeg()).await, bob.upload(jpeg()).await);
    let token = alice.share(&link, "link").await.unwrap();
    alice.share(&public, "public").await;
    let shared = format!("/s/{token}/small");
    let cases = [
        (&alice, private.at("small"), 200),
        (&alice, private.at("original"), 200),
        (&alice, other.at("small"), 404),
        (&alice, other.at("original"), 404),
        (&bob, private.at("small"), 404),
        (&bob, public.at("small"), 200),
        (&bob, public.at("original"), 404),
        (&bob, other.at("original"), 200),
        (&visitor, private.at("small"), 404),
        (&visitor, link.at("small"), 404),
        (&visitor, public.at("large"), 200),
        (&visitor, private.at("original"), 303),
        (&visitor, other.at("original"), 303),
        (&visitor, shared.clone(), 200),
        (&visitor, format!("/i/{token}.jpg"), 200),
        // What no link can be, or what no text in Postgres can be, is nobody else's misfortune.
        (&visitor, format!("/i/{}", &token[1..]), 404),
        (&visitor, "/i/%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00".to_owned(), 404),
        (&visitor, "/photos/none/small".to_owned(), 404),
    ];
    let all = (0..10).flat_map(|_| &cases).map(async |(client, path, expected)| {
        let answer = client.get(path).await;
        assert_eq!(answer.status, *expected, "{path}: {answer:?}");
    });
    let programs = (0..10).map(async |_| {
        assert_eq!(program.get(&private.at("original")).await.status, 200);
        assert_eq!(program.get(&other.at("small")).await.status, 404);
    });
    join(join_all(all), join_all(programs)).await;
}

/// Rows are changed past the program, as another instance would: nothing tells this one.
#[tokio::test]
async fn what_was_changed_elsewhere_holds_at_the_next_request() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    let photo = alice.upload(jpeg()).await;
    let done = Cell::new(false);
    let busy = join_all((0..8).map(async |_| {
        while !done.get() {
            alice.get(&photo.at("medium")).await;
        }
    }));
    let changes = async {
        for _ in 0..5 {
            let device = app.device_of("alice").await;
            let token = alice.share(&photo, "link").await.unwrap();
            let shared = format!("/s/{token}/small");
            device.get(&photo.at("small")).await.assert_status(200);
            visitor.get(&shared).await.assert_status(200);
            let newest = "(SELECT id FROM sessions ORDER BY created_at DESC LIMIT 1)";
            app.execute(&format!("DELETE FROM sessions WHERE id = {newest}"));
            device.get(&photo.at("small")).await.assert_status(404);
            app.execute("UPDATE photos SET visibility = 'private', share_token = NULL");
            visitor.get(&shared).await.assert_status(404);
            app.execute("UPDATE photos SET visibility = 'public', share_token = 'anothersecretofthelink'");
            visitor.get(&photo.at("small")).await.assert_status(200);
            app.execute("UPDATE users SET active = false");
            visitor.get(&photo.at("small")).await.assert_status(404);
            visitor.get("/i/anothersecretofthelink").await.assert_status(404);
            alice.get(&photo.at("small")).await.assert_status(404);
            app.execute("UPDATE users SET active = true");
        }
        done.set(true);
    };
    join(busy, changes).await;
}
