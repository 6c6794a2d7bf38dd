//! Everything that can go wrong on the way to a bucket, as those see it who upload, look and delete: an answer in time,
//! nothing lost, nothing left, nothing twice, and a way back by itself.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};

use crate::support::images::noise;
use crate::support::proxy::Fault;
use crate::support::s3::{CHANGES, S3Server, refusal};
use crate::support::witness::{Told, Witness};
use crate::support::*;

/// The longest that anybody waits: a bucket that stands still is waited for 20 s.
const DEADLINE: Duration = Duration::from_secs(25);

/// How soon all is well again.
const RECOVERY: Duration = Duration::from_secs(10);

/// Cases.
const AT_ONCE: usize = 6;

/// Each on a bucket of its own, some at once: the one that stalls takes its 20 s by design, and the others do not wait for it.
#[tokio::test]
async fn whatever_the_bucket_does_there_is_an_answer_and_nothing_is_lost_or_left() {
    let faults = [
        ("closes", Fault::Closes),
        ("stalls", Fault::Stalls),
        ("answers 500", refusal("500 Internal Server Error", "InternalError", "")),
        ("answers 503", refusal("503 Service Unavailable", "SlowDown", "")),
        ("answers nonsense", Fault::Answers(&[""], "SSH-2.0-OpenSSH_9.2\r\n".to_owned())),
        ("cuts requests at once", Fault::CutsRequests(0)),
        ("cuts requests in their head", Fault::CutsRequests(100)),
        ("cuts requests in their body", Fault::CutsRequests(20_000)),
        ("cuts answers in their head", Fault::CutsAnswers(40)),
        ("cuts answers in their body", Fault::CutsAnswers(20_000)),
        ("does it and loses the answer", Fault::LosesAnswers(CHANGES)),
    ];
    let cases = faults.into_iter().flat_map(|(name, fault)| [Some(1), None].map(|times| (name, fault.clone(), times)));
    let lasting = [
        ("refuses", Fault::Refuses, None),
        // A right that is missing is not there when one asks again.
        ("answers 403", refusal("403 Forbidden", "AccessDenied", ""), None),
    ];
    let cases = cases.chain(lasting);
    let cases = stream::iter(cases.map(|(name, fault, connections)| suffer(name, fault, connections)));
    cases.buffer_unordered(AT_ONCE).collect::<()>().await;
}

/// One fault, for so many connections or until it is taken back.
async fn suffer(name: &str, fault: Fault, connections: Option<usize>) {
    let server = S3Server::start();
    let app = TestApp::start_with(|config| config.s3 = Some(server.config())).await;
    let (witness, told) = (Witness::of_bucket(&app, &server), Told::default());
    let alice = app.user("alice").await;
    let photo = || noise(310);
    let (before, new) = (photo(), photo());
    assert!(new.len() > 60_000, "it is cut in its middle");
    let there = alice.upload(before.clone()).await;
    let gone = alice.upload(photo()).await;
    told.kept(&there, &before);

    server.suffers(fault.clone(), connections);
    let begun = Instant::now();
    let upload = alice.upload_request(Upload::new().file("a.jpg", new.clone())).header("hx-request", "true");
    let answer = alice.try_send(upload).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert!(begun.elapsed() < DEADLINE, "{name}: {:?}", begun.elapsed());
    match answer.status {
        200 => told.kept(&answer.photos()[0], &new),
        503 => assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1, "{name}: {answer:?}"),
        _ => panic!("{name}: {answer:?}"),
    }
    // One that stands still has used up the time there is.
    if connections.is_some() && !matches!(fault, Fault::Stalls) {
        assert_eq!(answer.status, 200, "{name}: one failure is got over");
    }
    let begun = Instant::now();
    // What is cut is not taken for the whole.
    if let Ok(answer) = alice.try_send(alice.request(reqwest::Method::GET, &there.at("original"))).await {
        match answer.status {
            200 => assert!(answer.bytes == before, "{name}: other bytes"),
            status => assert_eq!(status, 503, "{name}: {answer:?}"),
        }
    }
    assert!(begun.elapsed() < DEADLINE, "{name}: {:?}", begun.elapsed());
    alice.get("/photos").await.assert_status(200);
    alice.post(&gone.at("delete"), &[]).await.assert_status(303);
    told.deleted(&gone);
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();

    server.suffers(Fault::None, None);
    let begun = Instant::now();
    while app.visitor().get("/health").await.status != 200 {
        assert!(begun.elapsed() < RECOVERY, "{name}: it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Sent again, as after any error: it is one photo.
    told.kept(&alice.upload(new.clone()).await, &new);
    witness.testifies(&told, &alice).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
    assert!(app.files_on_disk().is_empty(), "{name}: {:?}", app.files_on_disk());
}
