//! The settings, as the person at the terminal meets them.

use crate::support::binary::Binary;
use crate::support::{Database, TestApp, jpeg};

#[test]
fn the_effective_settings_are_shown_without_their_secrets() {
    let output = Binary::command()
        .arg("config")
        .env("DATABASE_URL", "postgres://lumina:topsecret@db.example/lumina?sslpassword=topsecret")
        .env("SECRET_KEY", format!("{0}topsecret,{0}topsecret", "x".repeat(32)))
        .env("LIMITS__UPLOAD_MIB", "7")
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("topsecret") && said.contains("***"), "{said}");
    assert!(said.contains("db.example") && said.contains("upload_mib: 7") && said.contains("127.0.0.1:8080"), "{said}");
}

#[test]
fn everything_wrong_is_listed_at_once_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lumina.yaml");
    std::fs::write(&file, "bind: nonsense\nunknown_key: 1\nlimits:\n  upload_mib: 0\n  upload_mb: 5\n").unwrap();
    for command in ["serve", "config", "migrate"] {
        let output = Binary::command()
            .args([command, "--config"])
            .arg(&file)
            .env("DATA_DIR", folder.path().join("data"))
            .env("SECRET_KEY", "topsecret")
            .env("REGISTRATION", "sometimes")
            .env("LIMITS__MEGAPIXEL", "5")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        for key in [
            "bind",
            "unknown_key",
            "limits.upload_mib",
            "limits.upload_mb",
            "secret_key",
            "registration",
            "LIMITS__MEGAPIXEL",
        ] {
            assert!(said.contains(key), "{key} is missing in:\n{said}");
        }
        assert!(said.contains("nonsense") && said.contains("sometimes"), "what was found is shown: {said}");
        assert!(!said.contains("topsecret"), "but no secret: {said}");
        assert!(!folder.path().join("data").exists(), "nothing was begun");
    }
}

#[test]
fn migrate_brings_an_outside_database_up_to_date_and_stops() {
    let database = Database::empty();
    let folder = tempfile::tempdir().unwrap();
    let output = Binary::command()
        .arg("migrate")
        .env("DATABASE_URL", database.url().replace("postgres:///", "postgres://lumina@/").replace("&user=lumina", ""))
        .env("DATA_DIR", folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tables = crate::support::db::ask(&mut database.connect(), "SELECT count(*) FROM photos");
    assert_eq!(tables, "0");
}

#[tokio::test]
async fn secrets_and_photos_are_closed_to_other_users_of_the_machine() {
    use std::os::unix::fs::PermissionsExt;
    let app = TestApp::start().await;
    app.user("alice").await.upload(jpeg()).await;
    let mode = |path: &str| std::fs::metadata(app.data_dir().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("secret_key")), (0o700, 0o600));
    for file in app.stored_files() {
        assert_eq!(mode(&file), 0o600, "{file}");
    }
}
