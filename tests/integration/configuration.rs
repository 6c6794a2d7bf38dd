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

/// As the service's user would meet it: root may do everything.
#[test]
fn an_error_about_a_file_names_it_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "a file").unwrap();
    let inside = file.join("data");
    let data_dir = folder.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    std::fs::create_dir(data_dir.join("secret_key")).unwrap();
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("secret_key"), "0123456789abcdef".repeat(4)).unwrap();
    std::fs::write(other.join("photos"), "a file").unwrap();
    let third = folder.path().join("third");
    std::fs::create_dir(&third).unwrap();
    std::fs::write(third.join("tmp"), "a file").unwrap();
    let absent = folder.path().join("absent.yaml");
    let database = Database::create();
    for (data_dir, file, named, advice) in [
        (&file, None, &file, "has to be"),
        (&inside, None, &inside, "has to be"),
        (&data_dir, None, &data_dir.join("secret_key"), ""),
        (&other, None, &other.join("photos"), "has to be"),
        (&third, None, &third.join("tmp"), "has to be"),
        (&other, Some(&absent), &absent, ""),
        (&other, Some(folder.path().to_owned()).as_ref(), &folder.path().to_owned(), ""),
    ] {
        let mut command = Binary::command();
        command.env("DATABASE_URL", database.url()).env("DATA_DIR", data_dir).env("BIND", "127.0.0.1:0");
        if let Some(file) = file {
            command.arg("--config").arg(file);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{said}");
        let said = said.lines().filter(|line| !line.contains(" INFO ")).collect::<Vec<_>>().join("\n");
        assert!(said.contains(&*named.to_string_lossy()) && said.contains(advice), "{named:?}: {said}");
    }
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
