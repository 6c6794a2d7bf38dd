//! Lumina with its photos in a bucket, as people and operators meet it.

use std::time::{Duration, Instant};

use lumina::config::S3Config;

use crate::support::binary::Binary;
use crate::support::s3::{Mood, S3Server, answer_to};
use crate::support::witness::{Told, Witness};
use crate::support::*;

async fn app_on(server: &S3Server) -> TestApp {
    TestApp::start_with(|config| config.s3 = Some(server.config())).await
}

#[tokio::test]
async fn a_photo_lives_and_dies_in_the_bucket() {
    let server = S3Server::start();
    let app = app_on(&server).await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let photo = alice.upload(bytes.clone()).await;
    assert_eq!(server.objects().len(), 4, "the original and three renditions: {:?}", server.objects());
    assert!(app.files_on_disk().is_empty(), "nothing stays on this machine");

    let original = photo.at("original");
    let whole = alice.get(&original).await.assert_status(200);
    assert_eq!((whole.header("content-length"), &whole.bytes), (bytes.len().to_string().as_str(), &bytes));
    let head = alice.send(alice.request(reqwest::Method::HEAD, &original)).await.assert_status(200);
    assert_eq!((head.header("content-length"), head.bytes.len()), (bytes.len().to_string().as_str(), 0));
    for (range, part) in
        [("bytes=2-5", &bytes[2..=5]), ("bytes=7-", &bytes[7..]), ("bytes=-3", &bytes[bytes.len() - 3..])]
    {
        let answer = alice.get_with(&original, &[("range", range)]).await.assert_status(206);
        assert_eq!(answer.bytes, part, "{range}");
        assert!(answer.header("content-range").ends_with(&format!("/{}", bytes.len())));
    }
    let past = format!("bytes={}-", bytes.len());
    let past = alice.get_with(&original, &[("range", &past)]).await.assert_status(416);
    assert_eq!(past.header("content-range"), format!("bytes */{}", bytes.len()));
    let asked = server.requests();
    alice.get_with(&original, &[("if-none-match", whole.header("etag"))]).await.assert_status(304);
    assert_eq!(server.requests(), asked, "the bucket is not asked for what the browser has");
    alice.get(&photo.at("small")).await.assert_status(200);

    alice.post(&photo.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert!(server.objects().is_empty(), "{:?}", server.objects());
    assert_eq!(app.ask("SELECT count(*) FROM removals"), "0");
}

#[tokio::test]
async fn a_visitors_copy_comes_from_the_bucket_too() {
    let server = S3Server::start();
    let app = app_on(&server).await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let token = alice.share(&photo, "link").await.unwrap();
    let visitor = app.visitor();
    visitor.get(&format!("/i/{token}")).await.assert_status(200);
    assert!(!visitor.get(&format!("/s/{token}/download")).await.assert_status(200).bytes.is_empty());
}

#[tokio::test]
async fn while_the_bucket_is_away_pages_go_on_and_uploads_wait() {
    let server = S3Server::start();
    let app = app_on(&server).await;
    let alice = app.user("alice").await;
    let bytes = jpeg();
    let photo = alice.upload_tagged(bytes.clone(), "sea").await;
    let gone = alice.upload(jpeg()).await;
    server.becomes(Mood::Away);

    for n in 0..4 {
        let asked = Instant::now();
        let answer = alice.post_upload(Upload::new().file("a.jpg", jpeg())).await.assert_status(503);
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
        assert!(asked.elapsed() < Duration::from_secs(if n == 0 { 5 } else { 1 }), "at once: {:?}", asked.elapsed());
    }
    alice.get(&photo.at("original")).await.assert_status(503).assert_says("Your photos are safe");
    let health = app.visitor().get("/health").await.assert_status(503);
    assert_eq!(health.json()["storage"], "away");
    for page in ["/photos", "/photos?hashtag=sea", "/hashtags", "/account", &photo.page()] {
        alice.get(page).await.assert_status(200);
    }
    alice.post(&gone.at("delete"), &[]).await.assert_status(303);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert!(app.ask("SELECT count(*) FROM removals").parse::<u32>().unwrap() >= 1, "kept for later");
    assert!(app.files_on_disk().is_empty());

    server.becomes(Mood::Well);
    let back = Instant::now();
    while alice.get("/health").await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10), "recovers by itself");
    }
    assert_eq!(alice.get(&photo.at("original")).await.assert_status(200).bytes, bytes);
    alice.upload(jpeg()).await;
    app.state().album.sweep().await.unwrap();
    assert_eq!(server.objects().len(), 8, "{:?}", server.objects());
    let (witness, told) = (Witness::of_bucket(&app, &server), Told::default());
    told.kept(&photo, &bytes);
    told.deleted(&gone);
    witness.testifies(&told, &alice).await;
    witness.finds_nothing_left_over().await;
}

#[tokio::test]
async fn a_bucket_that_takes_nothing_does_not_keep_a_large_form_waiting() {
    let server = S3Server::start();
    let app = app_on(&server).await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    server.suffers(answer_to(&["PUT "], "503 Service Unavailable", "<Error><Code>SlowDown</Code></Error>"), None);
    let asked = Instant::now();
    let form = (0..30).fold(Upload::new(), |form, n| form.file(&format!("{n}.jpg"), jpeg()));
    let answer = alice.send(alice.upload_request(form).header("hx-request", "true")).await.assert_status(503);
    assert!(asked.elapsed() < Duration::from_secs(15), "one after the other: {:?}", asked.elapsed());
    for n in 0..30 {
        assert!(answer.text().contains(&format!("{n}.jpg")), "{answer:?}");
    }
    server.becomes(Mood::Well);
    let back = Instant::now();
    while alice.get(&photo.at("original")).await.status != 200 {
        assert!(back.elapsed() < Duration::from_secs(10), "recovers by itself");
    }
    let (witness, told) = (Witness::of_bucket(&app, &server), Told::default());
    witness.testifies(&told, &alice).await;
    witness.lets_time_pass();
    app.state().album.sweep().await.unwrap();
    witness.finds_nothing_left_over().await;
}

/// What the real program says at the start with these settings.
async fn start_with(s3: S3Config) -> String {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::create();
    let output = tokio::task::spawn_blocking(move || {
        Binary::command()
            .env("DATA_DIR", folder.path())
            .env("BIND", "127.0.0.1:0")
            .env("LOG_LEVEL", "off")
            .env("DATABASE_URL", database.url())
            .env("S3__BUCKET_NAME", &s3.bucket_name)
            .env("S3__AWS_ACCESS_KEY_ID", s3.aws_access_key_id.expose())
            .env("S3__AWS_SECRET_ACCESS_KEY", s3.aws_secret_access_key.expose())
            .env("S3__ENDPOINT_URL", s3.endpoint())
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "it started");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!said.contains("must-not-be-seen") && !said.contains("X-Amz"), "{said}");
    said
}

#[tokio::test]
async fn a_start_says_what_is_wrong_with_the_bucket_and_what_to_do() {
    let server = S3Server::start();
    let with = |change: fn(&mut S3Config)| {
        let mut config = server.config();
        change(&mut config);
        config
    };
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let other = TestApp::start().await;
    let mut elsewhere = [server.config(), server.config()];
    elsewhere[0].endpoint_url = Some(format!("http://{nowhere}"));
    elsewhere[1].endpoint_url = Some(other.base().to_owned());
    let [silent, no_storage] = elsewhere;
    let cases = [
        (with(|s3| s3.bucket_name = "fotos".into()), "There is no bucket \"fotos\"", "s3.bucket_name"),
        (with(|s3| s3.aws_access_key_id = secret("GKother")), "does not know the key", "s3.aws_access_key_id"),
        (with(|s3| s3.aws_secret_access_key = secret("other")), "refuses the key", "s3.aws_secret_access_key"),
        (silent, "Nothing answers at", "s3.endpoint_url"),
        (no_storage, "is no S3 storage", "s3.endpoint_url"),
    ];
    for (settings, what, key) in cases {
        let said = start_with(settings).await;
        assert!(said.contains(what) && said.contains(key), "{what}: {said}");
    }
}

#[tokio::test]
async fn a_key_that_lacks_a_right_stops_the_start_which_names_it() {
    for (requests, what) in [
        (&["PUT ", "DELETE "][..], "delete"),
        (&["PUT "], "put"),
        (&["GET /photos/photos/"], "get"),
        (&["DELETE "], "delete"),
    ] {
        let server = S3Server::start();
        let denied = "<Error><Code>AccessDenied</Code><Message>Not you.</Message></Error>";
        server.suffers(answer_to(requests, "403 Forbidden", denied), None);
        for _ in 0..2 {
            let said = start_with(server.config()).await;
            assert!(said.contains(&format!(": {what} does not work there")), "{requests:?}: {said}");
            assert!(said.contains("AccessDenied") && said.contains("s3:PutObject"), "{said}");
        }
        assert!(server.objects().is_empty(), "{requests:?} leaves {:?}", server.objects());
    }
}

#[tokio::test]
async fn a_bucket_that_is_full_lets_the_server_start() {
    let server = S3Server::start();
    let full = "<Error><Code>QuotaExceeded</Code><Message>No room.</Message></Error>";
    server.suffers(answer_to(&["PUT "], "507 Insufficient Storage", full), None);
    let app = app_on(&server).await;
    app.user("alice").await.get("/photos").await.assert_status(200);
}

fn secret(text: &str) -> lumina::config::Secret {
    lumina::config::Secret::new(text)
}

/// What is being answered is counted while it takes a core, so that image work leaves one to it; who waits for the bucket, or
/// uploads, is not.
#[tokio::test]
async fn what_waits_for_a_bucket_counts_as_a_page_for_a_moment_only() {
    let server = S3Server::start();
    let app = app_on(&server).await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let pages = &app.state().pages;
    let becomes = async |count: usize| {
        let begun = Instant::now();
        while pages.count() != count {
            assert!(begun.elapsed() < Duration::from_secs(5), "{} are counted, not {count}", pages.count());
            tokio::task::yield_now().await;
        }
        begun.elapsed()
    };
    becomes(0).await;
    server.becomes(Mood::Asleep);
    let path = photo.at("original");
    tokio::select! {
        _ = alice.get(&path) => panic!("the bucket sleeps"),
        _ = becomes(1) => {}
    }
    becomes(0).await; // She has left.
    tokio::select! {
        _ = alice.get(&path) => panic!("the bucket sleeps"),
        _ = async { becomes(1).await; becomes(0).await } => {}
    }
    let requests = server.requests();
    tokio::select! {
        _ = alice.upload(png()) => panic!("the bucket sleeps"),
        () = async {
            while server.requests() == requests {
                assert_eq!(pages.count(), 0);
                tokio::task::yield_now().await;
            }
        } => {}
    }
}
