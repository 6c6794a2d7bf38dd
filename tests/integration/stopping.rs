//! SIGTERM with fifty uploads in flight: each is finished or cleanly refused, and the program is gone within 30 seconds.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use reqwest::Body;
use tokio::sync::watch;

use crate::support::binary::Binary;
use crate::support::witness::{Objects, Told, Witness, files_below};
use crate::support::*;

/// Uploads whose bodies go on after the signal, and those whose never do.
const GOING_ON: usize = 40;
const STUCK: usize = 10;

/// Takes 25 s by design: that is how long those are waited for that are stuck.
#[tokio::test]
async fn fifty_uploads_in_flight_are_finished_or_refused() {
    let (folder, database) = (cluster::scratch(), Database::create());
    let data_dir = folder.path().join("data");
    let settings = [("DATABASE_URL".to_owned(), database.url())];
    let mut lumina = Binary::start_with(&data_dir, &settings);
    let alice = lumina.visitor();
    alice.register("alice").await.assert_status(303);
    let (go_on, waiting) = watch::channel(false);
    let sending: Vec<_> = (0..GOING_ON + STUCK)
        .map(|number| {
            let (alice, waiting) = (alice.clone(), waiting.clone());
            tokio::spawn(async move {
                let bytes = png();
                let body = in_two_parts(Upload::new().file("a.png", bytes.clone()), waiting, number < GOING_ON);
                let request = alice.upload_request(Upload::new()).header("hx-request", "true").body(body);
                (bytes, alice.try_send(request).await)
            })
        })
        .collect();
    let begin = Instant::now();
    while files_below(&data_dir.join("tmp")).len() < GOING_ON + STUCK {
        assert!(begin.elapsed() < Duration::from_secs(20), "the uploads did not begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lumina.terminate();
    let told_to_stop = Instant::now();
    go_on.send(true).unwrap();
    let told = Told::default();
    let mut finished = 0;
    for (bytes, answer) in join_all(sending).await.into_iter().map(Result::unwrap) {
        match answer {
            Ok(answer) if answer.status == 200 => {
                told.kept(&answer.photos()[0], &bytes);
                finished += 1;
            }
            Ok(answer) => assert!([400, 503].contains(&answer.status), "{answer:?}"),
            // Cut off, as nothing came.
            Err(_) => {}
        }
    }
    assert_eq!(finished, GOING_ON, "those that went on were waited for");
    assert!(lumina.wait().success());
    assert!(told_to_stop.elapsed() < Duration::from_secs(30), "{:?}", told_to_stop.elapsed());

    let witness = Witness::new(database.url(), Objects::Folder(data_dir.clone()));
    witness.lets_time_pass();
    let lumina = Binary::start_with(&data_dir, &settings);
    let alice = alice.moved_to_base(&lumina.base);
    witness.testifies(&told, &alice).await;
    while !witness.is_swept() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    witness.finds_nothing_left_over().await;
    assert!(files_below(&data_dir.join("tmp")).is_empty());
}

/// Its beginning at once, its end when that is waited for and comes.
fn in_two_parts(upload: Upload, mut waiting: watch::Receiver<bool>, goes_on: bool) -> Body {
    let whole = upload.into_bytes();
    let (head, tail) = whole.split_at(300);
    let (head, tail) = (head.to_vec(), tail.to_vec());
    let tail = futures_util::stream::once(async move {
        if !goes_on {
            std::future::pending::<()>().await;
        }
        let _ = waiting.wait_for(|go_on| *go_on).await;
        std::io::Result::Ok(tail)
    });
    Body::wrap_stream(futures_util::stream::iter([Ok(head)]).chain(tail))
}
