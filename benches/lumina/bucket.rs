//! A bucket for S4: that of a Garage which runs (`LUMINA_GARAGE`, see `tests/integration/support`), or files behind the S3
//! protocol, spoken by this process.

use std::net::SocketAddr;
use std::path::Path;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3::creds::Credentials;
use s3::{Bucket, Region};
use s3s::Body;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

const NAME: &str = "photos";
const KEY_ID: &str = "GKbench0123456789";
const KEY: &str = "a-secret-of-the-benchmark";

/// How long a link is good, in seconds.
const LONG: u32 = 3600;

/// Where it is and how it is entered: as Lumina's settings.
pub struct BucketServer {
    endpoint: String,
}

impl BucketServer {
    /// Serves a bucket whose objects are files below `folder`, until this process ends.
    pub fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder.join(NAME)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, KEY));
        let service = service.build();
        let (listening, address) = std::sync::mpsc::channel::<SocketAddr>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                accept(listener, service).await;
            });
        });
        Self { endpoint: format!("http://{}", address.recv().unwrap()) }
    }

    /// Where it answers.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What Lumina is told.
    pub fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("S3__ENDPOINT_URL", self.endpoint.clone()),
            ("S3__BUCKET_NAME", NAME.to_owned()),
            ("S3__AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("S3__AWS_SECRET_ACCESS_KEY", KEY.to_owned()),
        ]
    }

    /// The path and query by which anyone may read this object for an hour.
    pub async fn link(&self, key: &str) -> String {
        let region = Region::Custom { region: "us-east-1".to_owned(), endpoint: self.endpoint.clone() };
        let credentials = Credentials::new(Some(KEY_ID), Some(KEY), None, None, None).unwrap();
        let bucket = Bucket::new(NAME, region, credentials).unwrap().with_path_style();
        let url = bucket.presign_get(format!("/{key}"), LONG, None).await.unwrap();
        url.strip_prefix(&self.endpoint).unwrap().to_owned()
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        // Else the head of an answer waits for what the other side has to say to it: 40 ms.
        socket.set_nodelay(true).unwrap();
        let service = service.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(service.clone(), request));
            // An error is what a closed connection is to it.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}

async fn answer(service: S3Service, request: Request<Incoming>) -> Result<Response<Body>, String> {
    service.call(request.map(Body::from)).await.map_err(|error| format!("{error:?}"))
}
