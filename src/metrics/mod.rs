//! What Lumina measures of itself, for Prometheus: requests, uploads, image work, storage, database, the process.
//!
//! Each part of the house counts what it does itself, and keeps the counters ([`album`](crate::album::Instruments),
//! [`storage`](crate::storage::Calls)); here they get their names. What has a value at any time, such as the permits in use,
//! is looked at when somebody asks. There is no global registry: each running Lumina has its own.
//!
//! No label says anything about a person, and each has few values: routes are patterns, and what no route matches is one.

mod observed;
mod process;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::album::Album;
use crate::db::Db;
use crate::durations::{Durations, durations};
use crate::passwords::Passwords;
use crate::web::connections::Connections;

/// What [`Metrics::text`] is.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    route: String,
    method: &'static str,
    status: u16,
}

/// The instruments and their names.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Durations<Request>,
    /// Devices and programs that are logged in.
    pub sessions: Gauge,
    /// 1 while the database answers.
    pub database_up: Gauge,
    /// 1 while the storage answers.
    pub storage_up: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Those of a running Lumina.
    #[must_use]
    pub fn new(db: &Db, album: &Album, passwords: &Passwords, connections: &Connections) -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            requests: Family::default(),
            request_seconds: durations(),
            sessions: Gauge::default(),
            database_up: Gauge::default(),
            storage_up: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        let what = "Time until an answer begins, in seconds";
        registry.register("http_request_duration_seconds", what, metrics.request_seconds.clone());
        register_album(&mut registry, album);
        let what = "Devices and programs that are logged in, as of the last time the database answered";
        registry.register("lumina_sessions", what, metrics.sessions.clone());
        registry.register("lumina_database_up", "1 while the database takes writes", metrics.database_up.clone());
        registry.register("lumina_storage_up", "1 while the storage answers", metrics.storage_up.clone());
        let started = Gauge::<f64, AtomicU64>::default();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        started.set(now.as_secs_f64());
        registry.register("process_start_time_seconds", "When the process was started, in seconds since 1970", started);
        registry.register_collector(Box::new(observed::Observed::new(db, album, passwords, connections)));
        registry.register_collector(Box::new(process::Process));
        Self { registry, ..metrics }
    }

    /// A request was answered. `route` is a pattern of the router; `None` when none matched.
    pub fn answered(&self, route: Option<String>, method: &str, status: u16, took: Duration) {
        let route = route.unwrap_or_else(|| "none".to_owned());
        let labels = Request { route, method: known(method), status };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// All of them, in Prometheus's text format.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn register_album(registry: &mut Registry, album: &Album) {
    let own = album.instruments();
    registry.register("lumina_uploads", "Files that came, by what became of them", own.uploads.clone());
    registry.register("lumina_upload_bytes", "Bytes of the files that came", own.upload_bytes.clone());
    let what = "Decoding a photo and making its renditions, waiting for its turn included, in seconds";
    registry.register("lumina_rendition_duration_seconds", what, own.rendition_seconds.clone());
    registry.register("lumina_sweeps", "Rounds of the sweeper, by outcome", own.sweeps.clone());
    registry.register("lumina_swept_photos", "Deleted photos whose bytes the sweeper removed", own.swept.clone());
    let restarts = album.storage().supervisor().restarts.clone();
    registry.register("lumina_task_restarts", "Restarts of background tasks that panicked or ended", restarts);
    let calls = album.storage_calls();
    registry.register("lumina_storage_requests", "Requests to the storage, by outcome", calls.requests.clone());
    let what = "Requests to the storage, all tries included; of a read until its first byte, in seconds";
    registry.register("lumina_storage_request_duration_seconds", what, calls.seconds.clone());
}

/// Clients can make methods up.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
