//! Photos as they are kept, on disk or in a bucket: objects that can be damaged past the program, and the commands that look
//! after them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use lumina::config::S3Config;
use serde_json::Value;

use super::app::TestApp;
use super::binary::Binary;
use super::client::Photo;
use super::s3::S3Server;

/// A running Lumina and where its photos are.
pub struct Kept {
    pub app: TestApp,
    pub server: Option<S3Server>,
}

impl Kept {
    /// One with photos on disk, and one with photos in a bucket.
    pub async fn everywhere() -> [Self; 2] {
        [Self::on_disk().await, Self::in_bucket().await]
    }

    pub async fn on_disk() -> Self {
        Self { app: TestApp::start().await, server: None }
    }

    pub async fn in_bucket() -> Self {
        let server = S3Server::start();
        let app = TestApp::start_with(|config| config.s3 = Some(server.config())).await;
        Self { app, server: Some(server) }
    }

    /// For messages.
    pub fn name(&self) -> &'static str {
        if self.server.is_some() { "bucket" } else { "disk" }
    }

    /// Where its objects are files, named by their keys.
    pub fn root(&self) -> PathBuf {
        self.server.as_ref().map_or_else(|| self.app.data_dir().to_owned(), S3Server::bucket)
    }

    /// One of a photo's objects: `original`, `small.webp`….
    pub fn object(&self, photo: &Photo, name: &str) -> PathBuf {
        self.root().join("photos").join(&photo.id[photo.id.len() - 2..]).join(&photo.id).join(name)
    }

    /// The keys of all objects of photos, in order.
    pub fn objects(&self) -> Vec<String> {
        self.objects_in(&["photos"])
    }

    /// The keys of all objects in some folders, in order.
    pub fn objects_in(&self, folders: &[&str]) -> Vec<String> {
        let mut objects = Vec::new();
        let mut folders: Vec<_> = folders.iter().map(|name| self.root().join(name)).collect();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => objects.push(path.strip_prefix(self.root()).unwrap().display().to_string()),
                }
            }
        }
        objects.sort();
        objects
    }

    /// Puts something there that nothing names, of eight days ago.
    pub fn leave_behind(&self, key: &str) -> PathBuf {
        let path = self.root().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "left behind").unwrap();
        age(&path);
        path
    }

    /// The real program with this app's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments, self.app.data_dir(), self.server.as_ref().map(S3Server::config).as_ref());
        command.env("DATABASE_URL", self.app.database_url());
        command
    }

    /// Runs it to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        output(self.command(arguments)).await
    }

    /// What the doctor finds, and whether it is content.
    pub async fn doctor(&self, arguments: &[&str]) -> Examined {
        let output = self.run(&[&["doctor", "--json"], arguments].concat()).await;
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        Examined { report, well: output.status.success() }
    }
}

/// The real program with such settings, and no database yet.
pub fn command(arguments: &[&str], data_dir: &Path, s3: Option<&S3Config>) -> Command {
    let mut command = Binary::command();
    command.args(arguments).env("DATA_DIR", data_dir).env("LOG_LEVEL", "warn");
    if let Some(s3) = s3 {
        command.envs(s3_settings(s3));
    }
    command
}

/// As they stand in the environment.
pub fn s3_settings(s3: &S3Config) -> Vec<(&'static str, String)> {
    let settings = [
        ("S3__BUCKET_NAME", s3.bucket_name.clone()),
        ("S3__AWS_ACCESS_KEY_ID", s3.aws_access_key_id.expose().into()),
        ("S3__AWS_SECRET_ACCESS_KEY", s3.aws_secret_access_key.expose().into()),
        ("S3__ENDPOINT_URL", s3.endpoint()),
    ];
    settings.into_iter().chain(s3.public_url.clone().map(|url| ("S3__PUBLIC_URL", url))).collect()
}

/// Waits for its end without holding others up.
pub async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// The settings of a storage in a file: of a bucket, or of the disk below a folder.
pub fn write_settings(path: &Path, data_dir: &Path, s3: Option<&S3Config>) {
    let mut text = format!("data_dir: {data_dir:?}\n");
    if let Some(s3) = s3 {
        text.push_str("s3:\n");
        for (name, value) in s3_settings(s3) {
            text.push_str(&format!("  {}: {value:?}\n", name.trim_start_matches("S3__").to_lowercase()));
        }
    }
    std::fs::write(path, text).unwrap();
}

/// Makes a file eight days old.
pub fn age(path: &Path) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(8 * 24 * 3600)).unwrap();
}

/// The doctor's report.
#[derive(Debug)]
pub struct Examined {
    pub report: Value,
    pub well: bool,
}

impl Examined {
    /// Nothing is wrong.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.well && self.report["clean"] == true && self.findings().is_empty(), "{:#}", self.report);
    }

    /// What was found: `original_missing PHOTO`, in order.
    pub fn findings(&self) -> Vec<String> {
        let named = |finding: &Value| {
            let of = ["photo", "key", "owner"].into_iter().find_map(|name| finding.get(name)).unwrap();
            let of = of.as_str().map_or_else(|| of.to_string(), Into::into);
            format!("{} {of}", finding["what"].as_str().unwrap())
        };
        let mut findings: Vec<_> = self.report["findings"].as_array().unwrap().iter().map(named).collect();
        findings.sort();
        findings
    }

    /// The outcome of each finding.
    pub fn outcomes(&self) -> Vec<String> {
        let findings = self.report["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["outcome"].as_str().unwrap().to_owned()).collect()
    }

    /// The state of a check.
    pub fn check(&self, name: &str) -> (String, String) {
        let checks = self.report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {checks:?}"));
        (check["state"].as_str().unwrap().into(), check["detail"].as_str().unwrap().into())
    }
}
