//! Image Hosting App: images in a bucket, each with an address that opens in any browser.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::s3::S3Server;
use crate::support::*;

/// The whole way, with a bucket: register, log in with the username, upload, see the grid with its thumbnails, copy the
/// image's address, which opens in any browser, and delete it from the database and the bucket.
#[tokio::test]
async fn image_hosting_app_register_login_upload_view_copy_delete() {
    let bucket = S3Server::start();
    let app = TestApp::start_with(|config| config.s3 = Some(bucket.config())).await;
    app.user("ida").await;
    let ida = app.device_of("ida").await;
    ida.post_upload(Upload::new().file("cat.png", png())).await.assert_status(303);
    let grid = ida.get("/photos").await.assert_status(200);
    let photo = grid.photos().remove(0);
    let thumbnail = grid.attributes("src").into_iter().find(|src| src.contains(&photo.id)).expect("a thumbnail");
    assert!(ida.get(&thumbnail).await.assert_status(200).header("content-type").starts_with("image/"));

    // One click makes the link, and the page holds the image's address to copy.
    let token = ida.share(&photo, "link").await.unwrap();
    let page = ida.get(&photo.page()).await.text();
    let address = format!("{}/i/{token}", app.origin());
    assert!(page.contains(&address), "the address to copy: {page}");
    let image = app.visitor().get(address.strip_prefix(&app.origin()).unwrap()).await.assert_status(200);
    assert!(image.header("content-type").starts_with("image/") && !image.bytes.is_empty());

    ida.post(&photo.at("delete"), &[]).await.assert_status(303);
    app.visitor().get(&format!("/i/{token}")).await.assert_status(404);
    app.execute("UPDATE removals SET due_at = now() - interval '1 second'");
    app.state().album.sweep().await.unwrap();
    assert_eq!(app.ask("SELECT count(*) FROM photos"), "0");
    assert!(bucket.objects().is_empty(), "{:?}", bucket.objects());
}

/// Usernames of 3 to 50 characters, passwords of at least 8.
#[tokio::test]
async fn image_hosting_app_names_and_passwords_have_their_lengths() {
    let app = TestApp::start().await;
    let (longest, too_long) = ("a".repeat(50), "a".repeat(51));
    for (username, password, status) in [
        ("ab", PASSWORD, 422),
        (too_long.as_str(), PASSWORD, 422),
        ("abc", "1234567", 422),
        ("abc", "12345678", 303),
        (longest.as_str(), PASSWORD, 303),
    ] {
        let form = [("username", username), ("email", &format!("{username}@example.org")), ("password", password)];
        let visitor = app.visitor();
        visitor.post("/register", &form).await.assert_status(status);
        if status == 303 {
            app.visitor().log_in(username, password).await.assert_status(303);
        }
    }
}

/// A list with a total; of each image filename, content type, size, public URL and date.
#[tokio::test]
async fn image_hosting_app_list_with_total() {
    let app = TestApp::start().await;
    let ida = app.user("ida").await;
    let program = app.program_of("ida").await;
    let bytes = png();
    program.upload(Upload::new().file("cat.png", bytes.clone())).await.assert_status(201);
    let photo = program.upload(Upload::new().file("dog.jpg", jpeg())).await.assert_status(201).json();
    ida.share(&Photo { id: photo["id"].as_str().unwrap().to_owned() }, "public").await.unwrap();
    let list = program.get("/api/v1/photos/?limit=1").await.assert_status(200).json();
    assert_eq!((&list["total"], list["photos"].as_array().unwrap().len()), (&json!(2), 1));
    let list = program.get("/api/v1/photos/").await.assert_status(200).json();
    let by_name =
        |name: &str| list["photos"].as_array().unwrap().iter().find(|photo| photo["filename"] == name).unwrap().clone();
    let (cat, dog) = (by_name("cat.png"), by_name("dog.jpg"));
    assert_eq!((&cat["content_type"], &cat["size_bytes"]), (&json!("image/png"), &json!(bytes.len())));
    assert_eq!(cat["public_url"], Value::Null);
    assert!(chrono::DateTime::parse_from_rfc3339(cat["created_at"].as_str().unwrap()).is_ok(), "{cat}");
    let public = dog["public_url"].as_str().unwrap().strip_prefix(&app.origin()).unwrap();
    app.visitor().get(public).await.assert_status(200);
}

/// Leveled logs by `LOG_LEVEL`, structured where asked for.
#[tokio::test]
async fn image_hosting_app_structured_logs_by_level() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::create();
    let url = database.url().replace("postgres:///", "postgres://lumina@/").replace("&user=lumina", "");
    for (level, lines) in [("info", true), ("error", false)] {
        let data_dir = folder.path().join(level);
        let settings = [("DATABASE_URL", url.as_str()), ("LOG_LEVEL", level), ("LOG_FORMAT", "json")];
        let mut server = Binary::start_with(&data_dir, &settings);
        server.visitor().get("/login").await.assert_status(200);
        server.terminate();
        assert!(server.wait().success());
        let log = std::fs::read_to_string(data_dir.with_extension("log")).unwrap();
        let parsed: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let answered = parsed.iter().find(|line| line["message"] == "answered");
        assert_eq!(answered.is_some(), lines, "{log}");
        if let Some(line) = answered {
            assert_eq!(
                (&line["level"], &line["status"], &line["span"]["route"]),
                (&json!("INFO"), &json!(200), &json!("/login"))
            );
        }
    }
}

/// Ask for an address, put the file straight into the bucket, confirm it.
#[tokio::test]
async fn image_hosting_app_presigned_upload_then_confirm() {
    let bucket = S3Server::start();
    let app = TestApp::start_with(|config| config.s3 = Some(bucket.config())).await;
    app.user("ida").await;
    let ida = app.program_of("ida").await;
    let bytes = png();
    let wanted = json!({ "filename": "cat.png", "content_type": "image/png", "size_bytes": bytes.len() });
    let ticket = ida.json(Method::POST, "/api/v1/photos/upload-url", &wanted).await.assert_status(200).json();
    let address = ticket["upload_url"].as_str().unwrap();
    assert!(!address.starts_with(&app.origin()), "it is the bucket's: {address}");
    let put = reqwest::Client::new().put(address).header("content-type", "image/png").body(bytes.clone());
    assert!(put.send().await.unwrap().status().is_success());
    assert_eq!(ida.get("/api/v1/photos/").await.json()["total"], 0, "not before it is confirmed");
    let confirm = json!({ "key": ticket["key"], "hashtags": "cats" });
    let photo = ida.json(Method::POST, "/api/v1/photos/confirm", &confirm).await.assert_status(201).json();
    assert_eq!((&photo["filename"], &photo["content_type"]), (&json!("cat.png"), &json!("image/png")));
    assert_eq!(ida.get("/api/v1/photos/?hashtag=cats").await.json()["total"], 1);
    let original = photo["url"].as_str().unwrap().strip_prefix(&app.origin()).unwrap().to_owned();
    assert_eq!(ida.get(&original).await.assert_status(200).bytes, bytes);
}
