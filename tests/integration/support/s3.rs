//! A bucket of a test's own: the S3 protocol spoken by a server in this process, which checks signatures, behind a proxy that
//! can be told to misbehave.

#[path = "proxy.rs"]
pub mod proxy;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, TryStreamExt};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use lumina::config::{Config, S3Config};
use proxy::{Fault, Proxy, Upstream};
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::dto::StreamingBlob;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const KEY_ID: &str = "GKtest0123456789";
const KEY: &str = "a-secret-that-must-not-be-seen";

/// Requests that change something.
pub const CHANGES: &[&str] = &["PUT ", "POST ", "DELETE "];

/// What becomes of requests: what buckets usually suffer from. See [`S3Server::suffers`] for everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// What they ask for.
    Well,
    /// Closes the connection without a word.
    Away,
    /// Says that it is overloaded.
    Overloaded,
    /// Does what they ask for, then closes the connection without a word: one change, then it is well.
    Forgetful,
    /// Takes them and never answers. They are cut off when it awakes.
    Asleep,
    /// Refuses them, and says that it is an hour later.
    Ahead,
    /// Does all but delete.
    NoDelete,
}

/// A running server with the bucket `photos`. Gone with its objects when dropped.
pub struct S3Server {
    proxy: Proxy,
    folder: TempDir,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<Infallible>,
}

struct Shared {
    /// Answers whose bodies are still being read.
    open: AtomicUsize,
    /// Bytes of bodies that were taken.
    sent: AtomicUsize,
    service: S3Service,
}

impl S3Server {
    /// Starts one on a thread of its own, so that a test's own work never holds it up.
    pub fn start() -> Self {
        Self::start_in(&std::env::temp_dir())
    }

    /// The same with its objects below this folder.
    pub fn start_in(parent: &Path) -> Self {
        let folder = tempfile::tempdir_in(parent).unwrap();
        std::fs::create_dir(folder.path().join("photos")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, KEY));
        let (open, sent) = Default::default();
        let shared = Arc::new(Shared { open, sent, service: service.build() });
        let (stop, stopped) = oneshot::channel();
        let (listening, address) = std::sync::mpsc::channel();
        let serving = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = accept(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        let proxy = Proxy::start(Upstream::Tcp(address.recv().unwrap()));
        Self { proxy, folder, shared, _stop: stop }
    }

    /// What Lumina is told about it.
    pub fn config(&self) -> S3Config {
        config(&self.settings())
    }

    /// The same as the environment gives it.
    pub fn settings(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.proxy.address());
        let settings = [
            ("S3__BUCKET_NAME", "photos"),
            ("S3__AWS_ACCESS_KEY_ID", KEY_ID),
            ("S3__AWS_SECRET_ACCESS_KEY", KEY),
            ("S3__ENDPOINT_URL", &endpoint),
        ];
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The bucket, asked by another client than Lumina's.
    pub fn client(&self) -> Box<s3::Bucket> {
        let endpoint = format!("http://{}", self.proxy.address());
        let region = s3::Region::Custom { region: "us-east-1".into(), endpoint };
        let key = s3::creds::Credentials::new(Some(KEY_ID), Some(KEY), None, None, None);
        s3::Bucket::new("photos", region, key.unwrap()).unwrap().with_path_style()
    }

    /// From now on.
    pub fn becomes(&self, mood: Mood) {
        match mood {
            Mood::Forgetful => self.proxy.becomes_for(1, mood.into()),
            mood => self.proxy.becomes(mood.into()),
        }
    }

    /// From now on, or for so many connections.
    pub fn suffers(&self, fault: Fault, connections: Option<usize>) {
        match connections {
            Some(connections) => self.proxy.becomes_for(connections, fault),
            None => self.proxy.becomes(fault),
        }
    }

    /// Requests so far, whatever became of them.
    pub fn requests(&self) -> usize {
        self.proxy.requests()
    }

    /// Answers whose bodies are still being read.
    pub fn open_answers(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Bytes that were taken from it so far.
    pub fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// The folder in which its objects are files, named by their keys.
    pub fn bucket(&self) -> PathBuf {
        self.folder.path().join("photos")
    }

    /// The keys of all photos' objects, and of what may lie half there, in order.
    pub fn objects(&self) -> Vec<String> {
        let mut objects = files_below(&self.bucket());
        objects.retain(|key| key != "instance");
        // Parts of uploads that are not finished.
        objects.extend(files_below(self.folder.path()).into_iter().filter(|path| path.starts_with(".upload")));
        objects.sort();
        objects
    }
}

/// Settings as they come from the environment.
pub fn config(environment: &[(String, String)]) -> S3Config {
    Config::load(Some(Path::new("/dev/null")), environment.to_vec()).unwrap().s3.unwrap()
}

fn files_below(root: &Path) -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => files.push(path.strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    files
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let shared = shared.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| pass_on(shared.clone(), request));
            // An error is what a closed connection is to it.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}

impl From<Mood> for Fault {
    fn from(mood: Mood) -> Self {
        match mood {
            Mood::Well => Self::None,
            Mood::Away => Self::Closes,
            Mood::Asleep => Self::Stalls,
            Mood::Overloaded => refusal("503 Service Unavailable", "SlowDown", ""),
            Mood::NoDelete => refusal_of(&["DELETE "], "403 Forbidden", "AccessDenied", ""),
            Mood::Ahead => {
                let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
                let date = later.format("Date: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string();
                refusal("403 Forbidden", "AccessDenied", &date)
            }
            Mood::Forgetful => Self::LosesAnswers(CHANGES),
        }
    }
}

/// An answer as a bucket gives it when it does not do what it is asked.
pub fn refusal(status: &str, code: &str, headers: &str) -> Fault {
    refusal_of(&[""], status, code, headers)
}

fn refusal_of(requests: &'static [&'static str], status: &str, code: &str, headers: &str) -> Fault {
    let body = format!("<Error><Code>{code}</Code><Message>Not now.</Message></Error>");
    answer_with(requests, status, headers, &body)
}

/// Requests that begin like one of these are answered so, and others go well.
pub fn answer_to(requests: &'static [&'static str], status: &str, body: &str) -> Fault {
    answer_with(requests, status, "", body)
}

fn answer_with(requests: &'static [&'static str], status: &str, headers: &str, body: &str) -> Fault {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    Fault::Answers(requests, format!("{head}{body}"))
}

async fn pass_on(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, String> {
    let answer = shared.service.call(request.map(Body::from)).await.map_err(|error| format!("{error:?}"))?;
    let reading = Reading::begin(&shared);
    let count = move |chunk: &Result<bytes::Bytes, _>| {
        let _ = &reading;
        shared.sent.fetch_add(chunk.as_ref().map_or(0, bytes::Bytes::len), Ordering::SeqCst);
    };
    Ok(answer.map(|body| Body::from(StreamingBlob::wrap(body.map_err(std::io::Error::other).inspect(count)))))
}

/// One answer being read, until it is dropped.
struct Reading(Arc<Shared>);

impl Reading {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(shared.clone())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
