//! No password, token, cookie or link secret in logs, addresses, errors or `Debug` output.

use reqwest::Method;
use serde_json::json;

use crate::support::binary::Binary;
use crate::support::program::credentials;
use crate::support::{Client, Database, PASSWORD, Upload, jpeg};

/// What nobody may read anywhere, with what it is.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn keep(&mut self, what: &'static str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= 8, "{what}: {secret}");
        self.0.push((what, secret.clone()));
        secret
    }

    fn assert_not_in(&self, place: &str, text: &str) {
        for (what, secret) in &self.0 {
            assert!(!text.contains(secret.as_str()), "{what} stands in {place}:\n{text}");
        }
    }
}

/// Everything that is done with secrets, well and badly.
async fn story(root: &Client, visitor: impl Fn() -> Client, secrets: &mut Secrets) {
    secrets.keep("a password", PASSWORD);
    root.register("root").await.assert_status(303);
    secrets.keep("a cookie", root.cookie("lumina").unwrap());
    let wrong = secrets.keep("a wrong password", "almost the right one");
    let refused = visitor().log_in("root", &wrong).await.assert_status(422);
    secrets.assert_not_in("a refusal", &format!("{:?}{}", refused.headers, refused.html()));
    let short = secrets.keep("a refused password", "kurz7zei\0");
    let form = [("username", "x"), ("email", "x"), ("password", short.as_str())];
    secrets.assert_not_in("a form that comes back", &visitor().post("/register", &form).await.html());
    let changed = secrets.keep("a new password", "another horse battery");
    let form = [("current_password", PASSWORD), ("password", changed.as_str())];
    root.post("/account/password", &form).await.assert_status(303);
    secrets.keep("the cookie after that", root.cookie("lumina").unwrap());

    let program = visitor();
    let login = program.json(Method::POST, "/api/v1/auth/token", &credentials("root", &changed));
    let pair = program.send(login).await.assert_status(200).json();
    let access = secrets.keep("an access token", pair["access_token"].as_str().unwrap());
    let refresh = secrets.keep("a refresh token", pair["refresh_token"].as_str().unwrap());
    let bearer = format!("Bearer {access}");
    program.get_with("/api/v1/auth/me", &[("authorization", &bearer)]).await.assert_status(200);
    for _ in 0..2 {
        let answer = program
            .send(program.json(Method::POST, "/api/v1/auth/refresh", &json!({ "refresh_token": refresh })))
            .await;
        if answer.status == 200 {
            for name in ["access_token", "refresh_token"] {
                secrets.keep("a token after refreshing", answer.json()[name].as_str().unwrap());
            }
        } else {
            secrets.assert_not_in("a problem", &answer.html());
        }
    }
    let answer = program.get_with("/api/v1/auth/me", &[("authorization", &bearer)]).await.assert_status(401);
    secrets.assert_not_in("a problem", &answer.html());
    let odd = json!({ "username": 1, "password": changed, "refresh_token": [refresh] });
    for path in ["/api/v1/auth/register", "/api/v1/auth/token", "/api/v1/auth/refresh"] {
        secrets.assert_not_in("a problem", &program.send(program.json(Method::POST, path, &odd)).await.html());
    }

    root.post_upload(Upload::new().hashtags("sea").file("a.jpg", jpeg())).await.assert_status(303);
    let photo = root.get("/photos").await.photos().remove(0);
    let link = secrets.keep("a link", root.share(&photo, "link").await.unwrap());
    for path in
        [format!("/s/{link}"), format!("/i/{link}.jpg"), format!("/s/{link}/small"), format!("/s/{link}/download")]
    {
        visitor().get(&path).await.assert_status(200);
    }
    root.share(&photo, "private").await;
    visitor().get(&format!("/s/{link}")).await.assert_status(404);

    root.post("/admin/registration", &[("registration", "invitation")]).await.assert_status(303);
    let made = root.post("/admin/invitations", &[("uses", "1"), ("days", "1")]).await.assert_status(201).text();
    let secret = made.split_once("?invitation=").unwrap().1;
    let invitation =
        secrets.keep("an invitation", secret.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
    visitor().get(&format!("/register?invitation={invitation}")).await.assert_status(200);
    for name in ["alice", "bob"] {
        let email = format!("{name}@example.org");
        let form = [("username", name), ("email", &email), ("password", PASSWORD), ("invitation", &invitation)];
        let answer = visitor().post("/register", &form).await;
        secrets.assert_not_in("an address", answer.location());
    }
    root.post("/logout", &[]).await.assert_status(303);
}

#[tokio::test]
async fn nothing_secret_is_in_the_log_at_its_most_talkative() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let url = database.url().replace("postgres:///", "postgres://lumina@/").replace("&user=lumina", "");
    let signing = "the key that signs all cookies and tokens";
    let settings = [("DATABASE_URL", url.as_str()), ("LOG_LEVEL", "trace"), ("SECRET_KEY", signing)];
    let mut server = Binary::start_with(&data_dir, &settings);
    let mut secrets = Secrets::default();
    secrets.keep("the signing key", signing);
    story(&server.visitor(), || server.visitor(), &mut secrets).await;
    let hashes = crate::support::db::ask(&mut database.connect(), "SELECT string_agg(password_hash, ' ') FROM users");
    hashes.split(' ').for_each(|hash| drop(secrets.keep("a password's hash", hash)));
    server.terminate();
    assert!(server.wait().success());
    let log = std::fs::read_to_string(data_dir.with_extension("log")).unwrap();
    assert!(log.contains("route=\"/s/{token}\""), "{log}");
    for (what, secret) in &secrets.0 {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{what} is in the log");
    }
}

#[test]
fn no_command_prints_a_secret_that_it_cannot_use() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lumina.yaml");
    for (name, value) in [
        ("METRICS_TOKEN", "topSec"),
        ("SECRET_KEY", "topSec,topSec"),
        ("JWT__SECRET_KEY", "topSec"),
        ("S3__AWS_SECRET_ACCESS_KEY", "topSec topSec"),
        ("S3__AWS_ACCESS_KEY_ID", "topSec topSec"),
        ("S3__ENDPOINT_URL", "https://me:topSec@s3.example"),
        ("PUBLIC_URL", "https://me:topSec@photos.example"),
        ("OIDC__CLIENT_SECRET", "topSec\u{1}"),
        ("DATABASE_URL", "postgres://me:topSec@topSec/topSec?topSec@db.example/lumina"),
        ("DATABASE_URL", "postgres://me:topSec%@db.example/lumina"),
        ("DATABASE_URL", "postgres://me:topSec@db.example:topSec/lumina"),
        ("DATABASE_URL_FILE", "topSec"),
    ] {
        let key = name.to_lowercase().replace("__", ".");
        let in_file = match key.split_once('.') {
            Some((group, key)) => format!("{group}:\n  {key}: {value:?}\n"),
            None => format!("{key}: {value:?}\n"),
        };
        for (arguments, by_file) in
            [(&["config"][..], true), (&["config"], false), (&["serve"], false), (&["doctor", "--json"], false)]
        {
            let mut command = Binary::command();
            command.args(arguments).env("DATA_DIR", folder.path().join("data")).env("LOG_LEVEL", "trace");
            if by_file {
                std::fs::write(&file, &in_file).unwrap();
                command.arg("--config").arg(&file);
            } else {
                command.env(name, value);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(!said.contains("topSec"), "{name} {arguments:?}: {said}");
            assert!(!output.status.success(), "{name} {arguments:?}: {said}");
        }
    }
}

#[tokio::test]
async fn debug_output_tells_no_secret() {
    use diesel::prelude::*;
    use lumina::config::Secret;
    use lumina::db::schema::{photos, users};
    use lumina::models::{Photo, User};

    let app = crate::support::TestApp::start_with(|config| config.secret_key = vec![Secret::new("x".repeat(40))]).await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg()).await;
    let link = alice.share(&photo, "link").await.unwrap();
    let (user, row): (User, Photo) = users::table
        .inner_join(photos::table)
        .select((User::as_select(), Photo::as_select()))
        .first(&mut app.connect())
        .unwrap();
    let said = format!("{user:?} {row:?} {:?}", app.state().config);
    for secret in [link.as_str(), user.password_hash.as_deref().unwrap(), &"x".repeat(40), "alice@example.org"] {
        assert!(!said.contains(secret), "{secret} is in {said}");
    }
}
