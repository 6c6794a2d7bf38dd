//! Everything that can go wrong on the way to Postgres: an answer in time that is neither "not found" nor "signed out", and a
//! way back by itself.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lumina::config::Secret;

use crate::support::proxy::{Fault, Proxy, Upstream};
use crate::support::server::Server;
use crate::support::witness::{Told, Witness};
use crate::support::*;

/// The longest that anybody waits.
const DEADLINE: Duration = Duration::from_secs(20);

/// How soon all is well again.
const RECOVERY: Duration = Duration::from_secs(10);

/// All at once, each with a database of its own; the one that stalls takes its time by design.
#[tokio::test]
async fn whatever_the_way_to_the_database_does_there_is_an_answer_and_nothing_is_lost() {
    let folder = cluster::scratch();
    let server = Server::start(folder.path());
    let faults = [
        ("refuses", Fault::Refuses),
        ("closes", Fault::Closes),
        ("stalls", Fault::Stalls),
        ("cuts requests", Fault::CutsRequests(50)),
        ("cuts answers", Fault::CutsAnswers(50)),
        ("commits and loses the answer", Fault::LosesAnswers(&["COMMIT"])),
    ];
    join_all(faults.into_iter().map(|(name, fault)| suffer(&server, name, fault))).await;
}

async fn suffer(server: &Server, name: &str, fault: Fault) {
    let database = Database::create_on(&server.url("postgres"));
    let proxy = Proxy::start(Upstream::Unix(server.socket()));
    let url = format!("postgres://lumina@{}/{}", proxy.address(), database.name());
    let app = TestApp::start_on(database, |config| config.database_url = Some(Secret::new(url))).await;
    let (witness, told) = (Witness::of(&app), Told::default());
    let alice = app.user("alice").await;
    let (bytes, new) = (png(), png());
    let photo = alice.upload(bytes.clone()).await;
    told.kept(&photo, &bytes);

    proxy.becomes(fault);
    let begun = Instant::now();
    let looks = ["/photos".to_owned(), photo.page(), photo.at("original")];
    let looks = join_all(looks.iter().map(|path| alice.get(path)));
    let (looks, upload) = tokio::join!(looks, alice.post_upload(Upload::new().file("a.png", new.clone())));
    assert!(begun.elapsed() < DEADLINE, "{name}: {:?}", begun.elapsed());
    for answer in looks {
        // What changes nothing commits nothing.
        assert!([200, 503].contains(&answer.status), "{name}: {answer:?}");
        assert!(answer.headers.get("set-cookie").is_none(), "{name}: the cookie is left alone");
    }
    assert!(!upload.assert_status(503).header("retry-after").is_empty(), "{name}");

    proxy.becomes(Fault::None);
    let begun = Instant::now();
    while alice.get("/health").await.status != 200 || alice.get("/photos").await.status != 200 {
        assert!(begun.elapsed() < RECOVERY, "{name}: it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Sent again, as after any error: it is one photo.
    told.kept(&alice.upload(new.clone()).await, &new);
    witness.testifies(&told, &alice).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
}
