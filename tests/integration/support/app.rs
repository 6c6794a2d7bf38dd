//! A Lumina of a test's own, started as production starts it: a port, a database and a data folder that nobody shares.

use std::path::Path;
use std::sync::{OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::web::Data;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use lumina::app::{App, AppState};
use lumina::config::{Config, Secret};
use lumina::media::OutsideDecoder;
use tempfile::TempDir;

use super::client::Client;
use super::cluster;
use super::db::{Database, ask};

/// Every test user's password.
pub const PASSWORD: &str = "correct horse battery";

/// A running Lumina. Dropping it stops it and takes its database and files along.
pub struct TestApp {
    running: Option<Running>,
    config: Config,
    outside: OutsideDecoder,
    database: Database,
    _folder: TempDir,
}

/// The server runs on a thread of its own, so that a test's own work never holds it up.
struct Running {
    base: String,
    state: Data<AppState>,
    setup_link: Option<String>,
    stop: tokio::sync::oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl TestApp {
    /// With the default settings.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With settings of one's own over the defaults.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Database::create(), change).await
    }

    /// On a database of one's own.
    pub async fn start_on(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_configured(&[], database, decoder().clone(), change).await
    }

    /// Where another program, or none, decodes HEIC and AVIF.
    pub async fn start_with_decoder(outside: OutsideDecoder) -> Self {
        Self::start_configured(&[], Database::create(), outside, |_| {}).await
    }

    /// As browsers reach it through a proxy.
    pub async fn start_at(public_url: &str) -> Self {
        Self::start_configured(&[("PUBLIC_URL", public_url)], Database::create(), decoder().clone(), |_| {}).await
    }

    async fn start_configured(
        environment: &[(&str, &str)],
        database: Database,
        outside: OutsideDecoder,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = cluster::scratch();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        // An empty file, so that no config.yaml of the one who tests is read.
        let mut config = Config::load(Some(Path::new("/dev/null")), environment).unwrap();
        config.data_dir = folder.path().join("data");
        config.bind = ([127, 0, 0, 1], 0).into();
        config.database_url = Some(Secret::new(database.url()));
        config.bcrypt_cost = 4;
        config.limits_guesses = false;
        config.log_level = std::env::var("LUMINA_TEST_LOG").unwrap_or_else(|_| "off".into());
        change(&mut config);
        lumina::telemetry::init(&config);
        let running = Some(Running::start(config.clone(), outside.clone()).await);
        Self { running, config, outside, database, _folder: folder }
    }

    /// Stops it and starts it again on the same rows and files, with changed settings.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Config)) {
        self.running.take().unwrap().stop();
        change(&mut self.config);
        self.running = Some(Running::start(self.config.clone(), self.outside.clone()).await);
    }

    /// What its handlers share.
    pub fn state(&self) -> &Data<AppState> {
        &self.running.as_ref().unwrap().state
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn base(&self) -> &str {
        &self.running.as_ref().unwrap().base
    }

    /// What browsers would send as `Origin`.
    pub fn origin(&self) -> String {
        self.state().config.public_url.origin()
    }

    /// Its data folder.
    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }

    /// Somebody who is not signed in.
    pub fn visitor(&self) -> Client {
        Client::new(self.base(), &self.origin())
    }

    /// The same from one of this machine's addresses.
    pub fn visitor_at(&self, address: std::net::IpAddr) -> Client {
        Client::at(Some(address), self.base(), &self.origin())
    }

    /// Somebody who has just registered, as `name@example.org` with [`PASSWORD`], and is signed in.
    pub async fn user(&self, name: &str) -> Client {
        let client = self.visitor();
        client.register_with(name, &self.setup_secret()).await.assert_status(303);
        client
    }

    /// Where the first account was to be made when it started, if that took a link.
    pub fn setup_link(&self) -> Option<&str> {
        self.running.as_ref().unwrap().setup_link.as_deref()
    }

    /// The secret of that link, or nothing.
    pub fn setup_secret(&self) -> String {
        let secret = |link: &str| link.split_once("invitation=").unwrap().1.to_owned();
        self.setup_link().map(secret).unwrap_or_default()
    }

    /// Somebody with an account who signs in on another device.
    pub async fn device_of(&self, name: &str) -> Client {
        let client = self.visitor();
        client.log_in(name, PASSWORD).await.assert_status(303);
        client
    }

    /// A program that logs in as somebody with an account.
    pub async fn program_of(&self, name: &str) -> super::program::Program {
        super::program::Program::log_in(self, name).await
    }

    /// A connection to its database, past the program.
    pub fn connect(&self) -> PgConnection {
        self.database.connect()
    }

    /// What `SELECT ({expression})` answers, as text.
    pub fn ask(&self, expression: &str) -> String {
        ask(&mut self.connect(), expression)
    }

    /// Changes rows past the program.
    pub fn execute(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }

    /// The address of its database.
    pub fn database_url(&self) -> String {
        self.database.url()
    }

    /// The paths of all files in its data folder, below `photos`, `uploads` and `tmp`.
    pub fn stored_files(&self) -> Vec<String> {
        self.files_below(&["photos", "uploads", "public", "tmp"])
    }

    /// As [`Self::stored_files`], where photos are in a bucket: what lies on this machine.
    pub fn files_on_disk(&self) -> Vec<String> {
        assert!(!self.data_dir().join("photos").exists());
        self.files_below(&["tmp"])
    }

    fn files_below(&self, folders: &[&str]) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders: Vec<_> = folders.iter().map(|folder| self.data_dir().join(folder)).collect();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => files.push(path.strip_prefix(self.data_dir()).unwrap().display().to_string()),
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

impl Running {
    async fn start(config: Config, outside: OutsideDecoder) -> Self {
        let (started, address) = tokio::sync::oneshot::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = App::start_with(config, || outside).await.unwrap_or_else(|error| panic!("{error}"));
                let _ = started.send((app.address(), app.state.clone(), app.setup_link().map(str::to_owned)));
                let _ = stopped.await;
                // A client that is still there would be waited for.
                let _ = tokio::time::timeout(Duration::from_secs(2), app.stop()).await;
            });
        });
        let (address, state, setup_link) = address.await.expect("Lumina did not start");
        Self { base: format!("http://{address}"), state, setup_link, stop, thread }
    }

    fn stop(self) {
        let _ = self.stop.send(());
        let (joined, end) = mpsc::channel();
        drop(self.state);
        std::thread::spawn(move || joined.send(self.thread.join().is_ok()));
        assert_ne!(end.recv_timeout(Duration::from_secs(30)), Ok(false), "the server panicked");
    }
}

/// What decodes HEIC and AVIF for Lumina inside this program: started by the real one.
pub fn decoder() -> &'static OutsideDecoder {
    static FOUND: OnceLock<OutsideDecoder> = OnceLock::new();
    FOUND.get_or_init(|| OutsideDecoder::launched_by(Path::new(env!("CARGO_BIN_EXE_lumina"))))
}
