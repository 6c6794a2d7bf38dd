//! What nobody names in the storage: found and removed, but never the photos of another database.

use chrono::{TimeDelta, Utc};
use lumina::media::RenditionName;
use lumina::storage::{Kind, ObjectKey};
use uuid::Uuid;

use crate::support::s3::S3Server;
use crate::support::*;

/// A Lumina whose bytes lie in a folder, and one whose bytes lie in a bucket.
async fn both() -> Vec<(TestApp, Option<S3Server>)> {
    let server = S3Server::start();
    let config = server.config();
    vec![
        (TestApp::start().await, None),
        (TestApp::start_with(|settings| settings.s3 = Some(config)).await, Some(server)),
    ]
}

fn objects(app: &TestApp, server: Option<&S3Server>) -> Vec<String> {
    server.map_or_else(|| app.stored_files(), S3Server::objects)
}

/// Puts an object in that no row names.
async fn litter(app: &TestApp, kind: Kind) -> String {
    let key = ObjectKey::new(Uuid::new_v4(), kind);
    app.state().album.storage().put_bytes(key, b"litter".to_vec()).await.unwrap();
    key.to_string()
}

#[tokio::test]
async fn what_no_row_names_goes_after_a_while_and_nothing_else() {
    for (app, server) in both().await {
        let alice = app.user("alice").await;
        alice.upload(jpeg()).await;
        let bytes = png();
        let deleted = alice.upload(bytes.clone()).await;
        alice.post(&deleted.at("delete"), &[]).await.assert_status(303);
        let named = objects(&app, server.as_ref());
        let litter = [
            litter(&app, Kind::Original).await,
            litter(&app, Kind::Upload).await,
            litter(&app, Kind::Rendition(RenditionName::Small)).await,
            litter(&app, Kind::Public(RenditionName::Small)).await,
        ];
        let album = &app.state().album;
        assert_eq!(album.remove_all_unnamed(Utc::now() - TimeDelta::hours(1)).await.unwrap(), 0, "all of it is new");
        assert_eq!(app.ask("SELECT count(*) FROM strays"), "4");
        let with_litter = objects(&app, server.as_ref());
        assert!(litter.iter().all(|key| with_litter.contains(key)), "{with_litter:?}");
        assert_eq!(album.remove_all_unnamed(Utc::now() + TimeDelta::hours(1)).await.unwrap(), 4);
        app.execute("UPDATE strays SET seen_at = now() - interval '1 day'");
        assert_eq!(album.remove_all_unnamed(Utc::now() + TimeDelta::hours(1)).await.unwrap(), 0);
        assert_eq!(app.ask("SELECT count(*) FROM strays"), "0", "what is gone is known no more");
        assert_eq!(objects(&app, server.as_ref()), named, "also what can be restored is still there");
        alice.post(&deleted.at("restore"), &[]).await.assert_status(303);
        assert_eq!(alice.get(&deleted.at("original")).await.assert_status(200).bytes, bytes);
    }
}

#[tokio::test]
async fn the_photos_of_another_database_are_left_alone() {
    let server = S3Server::start();
    let on_it = async |database| TestApp::start_on(database, |config| config.s3 = Some(server.config())).await;
    let first = on_it(Database::create()).await;
    let photo = first.user("alice").await.upload(jpeg()).await;
    let stored = server.objects();
    let second = on_it(Database::create()).await;
    // All tests' databases are copies of one. It does not start where it is another one's.
    second.execute("UPDATE instance SET id = gen_random_uuid()");
    assert!(first.state().album.owns_storage().await.unwrap());
    assert!(!second.state().album.owns_storage().await.unwrap());
    second.execute(
        "UPDATE chores SET due_at = now(), part = ('x' || right('{}', 2))::bit(8)::int"
            .replace("{}", &photo.id)
            .as_str(),
    );
    second.state().album.tidy().await.unwrap();
    assert_eq!(server.objects(), stored);
}

#[tokio::test]
async fn a_part_is_tidied_by_one_and_the_next_comes_later() {
    let app = TestApp::start().await;
    app.execute("UPDATE chores SET due_at = now()");
    let album = &app.state().album;
    for done in futures_util::future::join_all((0..4).map(|_| album.tidy())).await {
        done.unwrap();
    }
    assert_eq!(app.ask("SELECT part FROM chores WHERE name = 'unnamed objects'"), "1", "one of them did it");
    album.tidy().await.unwrap();
    assert_eq!(app.ask("SELECT part FROM chores WHERE name = 'unnamed objects'"), "1", "it is not due");
    app.execute("UPDATE chores SET due_at = now(), taken_until = now() + interval '1 minute'");
    album.tidy().await.unwrap();
    assert_eq!(app.ask("SELECT part FROM chores WHERE name = 'unnamed objects'"), "1", "somebody is at it");
    app.execute("UPDATE chores SET part = 255, taken_until = now()");
    album.tidy().await.unwrap();
    assert_eq!(app.ask("SELECT part FROM chores WHERE name = 'unnamed objects'"), "0", "and all over again");
}
