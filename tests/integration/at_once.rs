//! The same thing asked for fifty times at once has one clear outcome, wherever photos are kept.

use futures_util::future::join_all;

use crate::support::s3::S3Server;
use crate::support::witness::{Told, Witness};
use crate::support::*;

const TIMES: usize = 50;

#[tokio::test]
async fn the_same_file_and_the_same_deletion_fifty_times_on_disk() {
    let app = TestApp::start().await;
    fifty_times(&app, &Witness::of(&app)).await;
}

#[tokio::test]
async fn the_same_file_and_the_same_deletion_fifty_times_in_a_bucket() {
    let server = S3Server::start();
    let app = TestApp::start_with(|config| config.s3 = Some(server.config())).await;
    fifty_times(&app, &Witness::of_bucket(&app, &server)).await;
}

async fn fifty_times(app: &TestApp, witness: &Witness) {
    let (alice, told, bytes) = (app.user("alice").await, Told::default(), jpeg());
    let photos = join_all((0..TIMES).map(|_| alice.upload(bytes.clone()))).await;
    assert!(photos.iter().all(|photo| *photo == photos[0]), "one photo: {photos:?}");
    told.kept(&photos[0], &bytes);
    witness.testifies(&told, &alice).await;

    let delete = photos[0].at("delete");
    let answers = join_all((0..TIMES).map(|_| alice.post(&delete, &[]))).await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(303), with(404)), (1, TIMES - 1), "{answers:?}");
    told.deleted(&photos[0]);
    witness.testifies(&told, &alice).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
}
