//! A bucket of a test's own: the S3 protocol spoken by a server in this process, which checks signatures and can be told to
//! misbehave.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, TryStreamExt};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use lumina::config::{Config, S3Config};
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

/// What the server does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// What they ask for.
    Well,
    /// Closes the connection without a word.
    Away,
    /// Says that it is overloaded.
    Overloaded,
    /// Does what they ask for, then closes the connection without a word: once, then it is well.
    Forgetful,
    /// Takes them and never answers.
    Asleep,
    /// Refuses them, and says that it is an hour later.
    Ahead,
    /// Does all but delete.
    NoDelete,
}

/// A running server with the bucket `photos`. Gone with its objects when dropped.
pub struct S3Server {
    address: SocketAddr,
    folder: TempDir,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<Infallible>,
}

struct Shared {
    mood: Mutex<Mood>,
    requests: AtomicUsize,
    /// Answers whose bodies are still being read.
    open: AtomicUsize,
    /// Bytes of bodies that were taken.
    sent: AtomicUsize,
    service: S3Service,
}

impl S3Server {
    /// Starts one on a thread of its own, so that a test's own work never holds it up.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("photos")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, KEY));
        let (mood, service) = (Mutex::new(Mood::Well), service.build());
        let (requests, open, sent) = Default::default();
        let shared = Arc::new(Shared { mood, requests, open, sent, service });
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
        Self { address: address.recv().unwrap(), folder, shared, _stop: stop }
    }

    /// What Lumina is told about it.
    pub fn config(&self) -> S3Config {
        config(&[
            ("S3__BUCKET_NAME", "photos"),
            ("S3__AWS_ACCESS_KEY_ID", KEY_ID),
            ("S3__AWS_SECRET_ACCESS_KEY", KEY),
            ("S3__ENDPOINT_URL", &format!("http://{}", self.address)),
        ])
    }

    /// From now on.
    pub fn becomes(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
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
pub fn config(environment: &[(&str, &str)]) -> S3Config {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(Path::new("/dev/null")), environment).unwrap().s3.unwrap()
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
            let answer = service_fn(move |request| answer(shared.clone(), request));
            // An error is what a closed connection is to it.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, String> {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let mood = *shared.mood.lock().unwrap();
    match mood {
        Mood::Well => shared.pass_on(request).await,
        Mood::Away => Err("away".into()),
        Mood::Asleep => std::future::pending().await,
        Mood::Overloaded => Ok(error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown")),
        Mood::NoDelete if request.method() == Method::DELETE => Ok(error(StatusCode::FORBIDDEN, "AccessDenied")),
        Mood::NoDelete => shared.pass_on(request).await,
        Mood::Ahead => {
            let mut answer = error(StatusCode::FORBIDDEN, "AccessDenied");
            let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
            let date = later.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            answer.headers_mut().insert("date", date.parse().unwrap());
            Ok(answer)
        }
        Mood::Forgetful => {
            let changes = request.method() != Method::GET;
            let answer = shared.pass_on(request).await?;
            if !changes {
                return Ok(answer);
            }
            *shared.mood.lock().unwrap() = Mood::Well;
            Err("forgotten".into())
        }
    }
}

fn error(status: StatusCode, code: &str) -> Response<Body> {
    let body = format!("<Error><Code>{code}</Code><Message>Not now.</Message></Error>");
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer
}

impl Shared {
    async fn pass_on(self: &Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, String> {
        let answer = self.service.call(request.map(Body::from)).await.map_err(|error| format!("{error:?}"))?;
        let (counted, reading) = (self.clone(), Reading::begin(self));
        let count = move |chunk: &Result<bytes::Bytes, _>| {
            let _ = &reading;
            counted.sent.fetch_add(chunk.as_ref().map_or(0, bytes::Bytes::len), Ordering::SeqCst);
        };
        Ok(answer.map(|body| Body::from(StreamingBlob::wrap(body.map_err(std::io::Error::other).inspect(count)))))
    }
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
