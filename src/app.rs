//! Starting and stopping. Production and tests start the same way: [`App::start`] with a [`Config`].

use std::any::Any;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::cookie::Key;
use actix_web::dev::ServerHandle;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::{Compress, from_fn};
#[cfg(target_os = "linux")]
use actix_web::rt::net::TcpStream;
use actix_web::rt::task::{JoinHandle, spawn_blocking};
use actix_web::{App as Site, HttpServer, web};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_actix_web::TracingLogger;

use crate::album::Album;
use crate::album::publish::public_key;
use crate::config::{Config, Secret, without_password};
use crate::db::private::{self, PrivatePostgres};
use crate::db::{self, Db, Gathered};
use crate::disk_space::ReserveFile;
use crate::error::AppError;
use crate::media::OutsideDecoder;
use crate::media::RenditionName;
use crate::metrics::Metrics;
use crate::models::admission::{self, AdmissionRules};
use crate::models::seen::{self, Asked, Seen};
use crate::models::{Photo, User, instance};
use crate::oidc::Oidc;
use crate::passwords::Passwords;
use crate::routes;
use crate::storage::{self, Storage};
use crate::supervisor::Supervisor;
use crate::threads::InFlight;
use crate::tokens::Tokens;
use crate::web::connections::Connections;
use crate::web::limits;
use crate::web::limits::guesses::Guesses;
use crate::web::limits::rates::{self, Rates};
use crate::web::registration::Offer;
use crate::web::request_log::RequestSpan;
use crate::web::{assets, bounds, cookies, cors, csrf, error_page, forms, headers, hosts, pace, page};

/// How long requests that run may take to finish after a signal, in seconds.
const LAST_REQUESTS: u64 = 25;

/// How long a client may take nothing of what is sent to it.
const UNTAKEN: Duration = Duration::from_secs(30);

/// Whatever keeps Lumina from starting; its text is for the person at the terminal.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// What handlers share.
pub struct AppState {
    /// The settings.
    pub config: Config,
    /// Rows.
    pub db: Db,
    /// Who sees which photo.
    pub seen: Gathered<Asked, Seen>,
    /// Whether the database takes writes.
    pub takes_writes: Gathered<(), ()>,
    /// Photos.
    pub album: Album,
    /// Pages and pictures that are asked for and not answered yet.
    pub pages: InFlight,
    /// bcrypt.
    pub passwords: Passwords,
    /// Access tokens of programs.
    pub tokens: Tokens,
    /// Those who are connected.
    pub connections: Connections,
    /// What is measured.
    pub metrics: Metrics,
    /// Who may make an account, as the configuration says.
    pub admission_rules: AdmissionRules,
    /// Whether pages offer to make an account.
    pub registration: Offer,
    /// The first signs session cookies, all verify them.
    pub cookie_keys: Vec<Key>,
    /// What pages may load and from where.
    pub page_policy: HeaderValue,
    /// The same for the cookies by which browsers are known again.
    pub device_keys: Vec<Key>,
    /// The same for what a browser keeps while its user is at the provider; these encrypt.
    pub oidc_keys: Vec<Key>,
    /// The provider people may log in with.
    pub oidc: Option<Oidc>,
    /// Counts guesses.
    pub guesses: Guesses,
    /// Counts requests and uploads.
    pub rates: Rates,
}

impl AppState {
    /// A link for use elsewhere.
    #[must_use]
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.config.public_url.origin())
    }

    /// Where anyone may fetch a rendition of a public photo past Lumina; `None` while nobody can.
    #[must_use]
    pub fn on_cdn(&self, photo: &Photo, name: RenditionName) -> Option<String> {
        let cdn = self.config.s3.as_ref()?.public_url.as_deref()?;
        Some(format!("{cdn}/{}", public_key(photo, name)?))
    }
}

/// A running Lumina.
pub struct App {
    address: SocketAddr,
    /// What its handlers share; tests look in here.
    pub state: web::Data<AppState>,
    setup_link: Option<String>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    tasks: Vec<JoinHandle<()>>,
    postgres: Option<PrivatePostgres>,
    /// The private Postgres locks the data folder itself; beside an outside one this does.
    _folder: Option<File>,
}

impl App {
    /// Starts the database (unless one is configured), waits for it, migrates it, and serves.
    ///
    /// # Errors
    /// When something configured cannot be used, or the address is taken.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, OutsideDecoder::find).await
    }

    /// As [`App::start`], where the running program is not Lumina: see [`OutsideDecoder::launched_by`].
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_with(
        mut config: Config,
        find_decoder: impl FnOnce() -> OutsideDecoder + Send + 'static,
    ) -> Result<Self, StartError> {
        let listener =
            TcpListener::bind(config.bind).map_err(|error| format!("cannot listen on {}: {error}", config.bind))?;
        let address = listener.local_addr()?;
        config.bound_to(address);
        config.create_data_dir()?;
        let finding = spawn_blocking(find_decoder);
        let folder = config.database_url.is_some().then(|| private::lock(&config.data_dir)).transpose()?;
        let secrets = config.secret_keys()?;
        let cookie_keys = cookies::keys(&secrets, "session");
        let device_keys = cookies::keys(&secrets, "device");
        let oidc_keys = cookies::keys(&secrets, "oidc");
        let oidc = config.oidc.clone().map(Oidc::new).transpose()?;
        let signing = cookie_keys.first().cloned().ok_or("no secret key")?;
        // A wrong setting is told before a database is started.
        let storage = Storage::open(&config).await?;
        storage.require_rights().await?;
        let (postgres, db) = open_database(&config).await?;
        storage.clear_temporary().await.map_err(|error| storage::in_folder(&config.data_dir, error))?;
        db.long(User::complete_email_keys).await?;
        let outside = finding.await?;
        if let Some(what) = outside.missing() {
            tracing::warn!("{what}");
        }
        let publishes = config.s3.as_ref().is_some_and(|s3| s3.public_url.is_some());
        let pages = InFlight::default();
        let album = Album::open(db.clone(), storage, config.limits, outside, publishes, &pages)?;
        if let Err(error) = album.check_public_copies().await {
            tracing::warn!(%error, "looking for public photos' copies");
        }
        refuse_wrong_storage(&album).await?;
        let setup_secret = setup_secret(&config, &secrets, &db).await?;
        let passwords = Passwords::start(config.bcrypt_cost, &pages)?;
        assets::warm_up();
        let registration = Offer::new(config.registration);
        let admission_rules = AdmissionRules::new(config.registration, setup_secret.as_deref());
        let (jwt, origin) = (&config.jwt, config.public_url.origin());
        let tokens = Tokens::new(&jwt.secret_key, &secrets, &origin, jwt.access_token_expire_minutes);
        let page_policy = headers::page_policy(&config);
        say_what_starts(&config, address, &db, album.storage()).await;
        let seen = Gathered::new(db.clone(), seen::look);
        let takes_writes = Gathered::new(db.clone(), instance::take_writes);
        let connections = Connections::new(&config.trusted_proxies);
        let metrics = Metrics::new(&db, &album, &passwords, &connections);
        let guesses = Guesses::new(config.limits_guesses, db.clone(), &secrets);
        let rates = Rates::new(&config.limits);
        let state = web::Data::new(AppState {
            config,
            db,
            seen,
            takes_writes,
            album,
            pages,
            passwords,
            tokens,
            admission_rules,
            registration,
            connections,
            metrics,
            cookie_keys,
            page_policy,
            device_keys,
            oidc_keys,
            oidc,
            guesses,
            rates,
        });
        let tasks = start_tasks(&state, postgres.is_some());
        let server = serve(state.clone(), signing, listener)?;
        let handle = server.handle();
        #[expect(clippy::disallowed_methods, reason = "it ends with the process, which waits for it")]
        let serving = actix_web::rt::spawn(server);
        let setup_link = match setup_secret {
            Some(secret) if state.db.read(User::is_first).await? => {
                Some(state.absolute(&routes::admin::invitation(&secret)))
            }
            _ => None,
        };
        Ok(Self { address, state, setup_link, server: handle, serving, tasks, postgres, _folder: folder })
    }

    /// Brings the database up to date without serving.
    ///
    /// # Errors
    /// When the database cannot be used or a migration fails.
    pub async fn migrate(config: Config) -> Result<(), StartError> {
        // A private database is made by `serve` alone; a configured one is there.
        if config.database_url.is_none() {
            config.existing_data_dir()?;
        }
        let (postgres, _) = open_database(&config).await?;
        spawn_blocking(move || postgres.map(PrivatePostgres::stop)).await?;
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the first account is made, while there is none and that takes a link. It is for the person at the terminal.
    #[must_use]
    pub fn setup_link(&self) -> Option<&str> {
        self.setup_link.as_deref()
    }

    /// Serves until one of these comes, then stops.
    pub async fn run(self, mut signals: StopSignals) {
        signals.any().await;
        tracing::info!("stopping: waiting for running requests");
        self.stop().await;
    }

    /// Finishes the requests that run, takes no new ones, and stops the private database last.
    pub async fn stop(self) {
        self.server.stop(true).await;
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "serving");
        }
        self.tasks.iter().for_each(JoinHandle::abort);
        if let Some(postgres) = self.postgres
            && let Err(error) = spawn_blocking(move || postgres.stop()).await
        {
            tracing::error!(%error, "stopping the database");
        }
    }
}

/// SIGTERM, Ctrl-C, and the end of the terminal. From the moment that this is there they no longer end the process at once.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl StopSignals {
    /// Hears them from now on.
    ///
    /// # Errors
    /// When they cannot be heard.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// The secret of the setup link, where strangers can reach the server and making the first account takes one.
async fn setup_secret(config: &Config, keys: &[Secret], db: &Db) -> Result<Option<String>, StartError> {
    if config.is_for_this_machine() {
        return Ok(None);
    }
    let instance = db.read(instance::id).await?;
    Ok(keys.first().map(|key| admission::setup_secret(key, instance)))
}

/// What goes on beside requests.
fn start_tasks(state: &web::Data<AppState>, private: bool) -> Vec<JoinHandle<()>> {
    let supervisor: &Supervisor = state.album.storage().supervisor();
    let on_album = |name, task: fn(Album) -> BoxFuture<'static, ()>| {
        let album = state.album.clone();
        supervisor.keep_running(name, move || task(album.clone()))
    };
    let limited = state.clone();
    let space = state.album.storage().disk_space().clone();
    // The private Postgres may need it.
    let reserve = private.then(|| ReserveFile::of(&state.config.data_dir));
    vec![
        on_album("sweeper", |album| album.keep_swept().boxed()),
        on_album("tidying", |album| album.keep_tidy().boxed()),
        on_album("public_copies", |album| album.keep_published().boxed()),
        supervisor.keep_running("disk_space", move || space.clone().watch(reserve.clone())),
        supervisor.keep_running("limits", move || limits::keep_swept(limited.clone())),
    ]
}

/// Ends the start where the storage is most likely not the one of this database.
async fn refuse_wrong_storage(album: &Album) -> Result<(), StartError> {
    match album.wrong_storage().await {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(found.into()),
        // On a full disk it starts, for photos to be deleted. The daily tidying looks again before it removes anything.
        Err(AppError::DiskFull) => {
            tracing::warn!("the storage is full: it is not written down whose it is");
            Ok(())
        }
        Err(error) => Err(format!("Which database {} belongs to cannot be read: {error}", album.storage()).into()),
    }
}

/// The configured database, or the private one; up to date.
async fn open_database(config: &Config) -> Result<(Option<PrivatePostgres>, Db), StartError> {
    let (data_dir, database_url) = (config.data_dir.clone(), config.database_url.clone());
    spawn_blocking(move || match database_url {
        Some(url) => Ok((None, Db::open(url.expose())?)),
        None => {
            let postgres = PrivatePostgres::start(&data_dir)?;
            let db = Db::open(postgres.url())?;
            postgres.serves(&db);
            Ok((Some(postgres), db))
        }
    })
    .await?
}

/// The line that tells which Lumina runs where and on what: the first thing to look at when it is not the one that was meant.
async fn say_what_starts(config: &Config, address: SocketAddr, db: &Db, storage: &Storage) {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let server = db.read(db::server_version).await.unwrap_or_else(|_| "Postgres".into());
    let place = match &config.database_url {
        Some(url) => without_password(url.expose()),
        None => absolute(&config.data_dir.join("postgres")),
    };
    let storage = match storage {
        Storage::Disk(_) => absolute(&config.data_dir),
        bucket @ Storage::S3(_) => bucket.to_string(),
    };
    let settings = config.file.as_deref().map_or("no configuration file".to_owned(), absolute);
    tracing::info!(
        "Lumina {} listens on {address}; database: {server} at {place}; photos: {storage}; settings: {settings}",
        crate::VERSION
    );
}

/// Middleware runs from the last `wrap` to the first: the log sees everything, and an error of any layer inside
/// `render_errors` becomes a page.
fn serve(state: web::Data<AppState>, signing: Key, listener: TcpListener) -> std::io::Result<actix_web::dev::Server> {
    let workers = available_parallelism().map_or(1, Into::into);
    let connections = state.connections.clone();
    let most = connections.max();
    let server = HttpServer::new(move || {
        Site::new()
            .app_data(state.clone())
            .configure(forms::configure)
            .wrap(cookies::sessions(&state.config, signing.clone()))
            .wrap(from_fn(csrf::refuse_cross_site))
            .wrap(from_fn(cookies::send_pending))
            .wrap(from_fn(headers::refuse_encoded_bodies))
            .wrap(from_fn(rates::count_requests))
            .wrap(from_fn(page::count))
            .wrap(from_fn(bounds::refuse_large_heads))
            .wrap(from_fn(hosts::refuse_other_hosts))
            // Outside whatever refuses a request without reading its body.
            .wrap(from_fn(pace::require_pace))
            .wrap(from_fn(error_page::render_errors))
            .wrap(from_fn(cookies::accept_older_keys))
            .wrap(from_fn(cors::answer_other_sites))
            .wrap(from_fn(headers::add_headers))
            .wrap(Compress::default())
            .wrap(from_fn(bounds::empty_large_heads))
            .wrap(TracingLogger::<RequestSpan>::new())
            .configure(routes::configure)
    })
    .workers(workers)
    .max_connections((most / workers).max(1))
    .shutdown_timeout(LAST_REQUESTS)
    .client_request_timeout(Duration::from_secs(5))
    // An answer given before the whole body was read, such as 413, needs this long to be seen.
    .client_disconnect_timeout(Duration::from_secs(5))
    // A compressed page goes out in several small writes, and without this each waits for the client's delayed
    // acknowledgement: 40 ms.
    .tcp_nodelay(true)
    .on_connect(move |connection, data| {
        give_up_on_silence(connection);
        connections.opened(connection, data);
    })
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

/// Lets the kernel close a connection whose client takes nothing of what was sent to it: while the socket is full nobody
/// here is asked for more, so nothing here could notice (RFC 5482; tcp(7), `TCP_USER_TIMEOUT`).
fn give_up_on_silence(connection: &dyn Any) {
    #[cfg(target_os = "linux")]
    if let Some(socket) = connection.downcast_ref::<TcpStream>() {
        let milliseconds = u32::try_from(UNTAKEN.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(socket, milliseconds) {
            tracing::debug!(%error, "no deadline for a client that takes nothing");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = connection;
}
