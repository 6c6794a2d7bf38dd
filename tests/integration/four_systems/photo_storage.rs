//! Photo Storage API: photos with hashtags.

use reqwest::Method;
use serde_json::json;

use crate::support::binary::Binary;
use crate::support::*;

/// Comma-separated hashtags at upload, and the list filtered by one.
#[tokio::test]
async fn photo_storage_hashtags_at_upload_then_filter() {
    let app = TestApp::start().await;
    app.user("pia").await;
    let pia = app.program_of("pia").await;
    let form = Upload::new().hashtags("nature,sunset, travel").file("one.jpg", jpeg());
    let one = pia.upload(form).await.assert_status(201).json();
    assert_eq!(one["hashtags"], json!(["nature", "sunset", "travel"]));
    pia.upload(Upload::new().hashtags("travel").file("two.jpg", jpeg())).await.assert_status(201);
    for (filter, total) in [("sunset", 1), ("travel", 2), ("nature&hashtag=travel", 1), ("sea", 0)] {
        let list = pia.get(&format!("/api/v1/photos/?hashtag={filter}")).await.assert_status(200).json();
        assert_eq!((&list["total"], list["photos"].as_array().unwrap().len()), (&json!(total), total), "{filter}");
    }
    let path = format!("/api/v1/photos/{}", one["id"].as_str().unwrap());
    assert_eq!(pia.get(&path).await.assert_status(200).json()["id"], one["id"]);
    pia.delete(&path).await.assert_status(204);
    assert_eq!(pia.get("/api/v1/photos/?hashtag=sunset").await.json()["total"], 0);
}

/// Hashtags are created by those who are signed in; anyone lists and searches them.
#[tokio::test]
async fn photo_storage_hashtags_create_list_search() {
    let app = TestApp::start().await;
    app.user("pia").await;
    let (pia, anyone) = (app.program_of("pia").await, app.visitor());
    for name in ["sunset", "sunrise", "travel"] {
        let made =
            pia.json(Method::POST, "/api/v1/hashtags/", &json!({ "name": name })).await.assert_status(201).json();
        assert_eq!(made["name"], name);
    }
    pia.json(Method::POST, "/api/v1/hashtags/", &json!({ "name": "Sunset" })).await.assert_status(200);
    let create = anyone.json(Method::POST, "/api/v1/hashtags/", &json!({ "name": "sea" }));
    anyone.send(create).await.assert_status(401);
    let names = |answer: Answer| {
        let list = answer.assert_status(200).json();
        list["hashtags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(anyone.get("/api/v1/hashtags/").await), ["sunrise", "sunset", "travel"]);
    assert_eq!(names(anyone.get("/api/v1/hashtags/search?q=sun").await), ["sunrise", "sunset"]);
    assert!(names(anyone.get("/api/v1/hashtags/search?q=sea").await).is_empty());
}

/// `GET /health` says ok, and 503 when what it needs is away.
#[tokio::test]
async fn photo_storage_health() {
    let app = TestApp::start().await;
    assert_eq!(app.visitor().get("/health").await.assert_status(200).json(), json!({ "status": "ok" }));
}

/// `config.yaml` in the working folder, environment variables on top with `__` between nested keys, any S3.
#[test]
fn photo_storage_config_yaml_with_environment_on_top() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "bind: 127.0.0.1:4000\nlog_level: debug\ns3:\n  bucket_name: from-the-file\n  endpoint_url: http://127.0.0.1:3900\n  \
                aws_access_key_id: key\n  aws_secret_access_key: very-secret\n  region_name: garage\n";
    std::fs::write(folder.path().join("config.yaml"), yaml).unwrap();
    let effective = |environment: &[(&str, &str)]| {
        let mut command = Binary::command();
        let output =
            command.current_dir(folder.path()).arg("config").envs(environment.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let file = effective(&[]);
    for line in ["127.0.0.1:4000", "from-the-file", "http://127.0.0.1:3900", "garage"] {
        assert!(file.contains(line), "{line}: {file}");
    }
    assert!(!file.contains("very-secret"), "{file}");
    let both = effective(&[("S3__BUCKET_NAME", "from-the-environment"), ("LOG_LEVEL", "warn")]);
    assert!(both.contains("from-the-environment") && !both.contains("from-the-file"), "{both}");
    assert!(both.contains("warn") && both.contains("127.0.0.1:4000"), "{both}");
}
