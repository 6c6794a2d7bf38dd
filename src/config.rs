//! The settings: defaults, then `config.yaml`, then environment variables, each over the one before.
//!
//! Everything wrong is reported at once, with its key, where it came from and what is allowed, so that nobody mends a
//! file one restart at a time. A setting that nothing honours is not accepted: what is not in `KEYS` is unknown. Only
//! a YAML parser is used: the configuration crates stop at the first bad value and forget its source, and laying one
//! map over another takes a few lines.
//!
//! Loading is a pure function of a file and a list of pairs; only [`environment`] looks at the process.

mod data_dir;
mod database_url;
mod near_miss;
mod oidc;
mod public_url;
mod s3;
mod secret;
mod sources;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde_json::json;

pub use data_dir::NoInstance;
pub(crate) use data_dir::create_private_dir;
pub use oidc::{OidcConfig, WELL_KNOWN};
pub use public_url::{PublicUrl, is_loopback_name};
pub use s3::S3Config;
pub use secret::Secret;
pub use sources::{Problems, environment};

use crate::telemetry;
pub(crate) use secret::without_password;
use sources::Settings;

/// All settings by name. In the environment they are upper-case, with `__` for the dot.
const KEYS: [&str; 33] = [
    "bind",
    "public_url",
    "data_dir",
    "database_url",
    "secret_key",
    "s3.bucket_name",
    "s3.aws_access_key_id",
    "s3.aws_secret_access_key",
    "s3.region_name",
    "s3.endpoint_url",
    "s3.path_style",
    "s3.public_url",
    "oidc.client_id",
    "oidc.client_secret",
    "oidc.server_metadata_url",
    "oidc.name",
    "oidc.link_verified_email",
    "jwt.secret_key",
    "jwt.algorithm",
    "jwt.access_token_expire_minutes",
    "cors.allowed_origins",
    "registration",
    "metrics_token",
    "log_level",
    "log_format",
    "limits.upload_mib",
    "limits.megapixels",
    "limits.files_per_upload",
    "limits.staged_mib",
    "limits.requests_per_minute",
    "limits.uploads_per_minute",
    "limits.disk_reserve_mib",
    "trusted_proxies",
];

/// The effective settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 takes any free one; see [`Config::bound_to`].
    pub bind: SocketAddr,
    /// Where browsers find us: links, `Secure` on cookies, trusted origin. Unless set, it follows `bind`.
    pub public_url: PublicUrl,
    /// The folder of everything Lumina keeps. Private to its user when Lumina makes it.
    pub data_dir: PathBuf,
    /// The Postgres to use; `None`: a private one in `data_dir`. Its password makes it a secret.
    pub database_url: Option<Secret>,
    /// The configured keys, none when one is to be generated: ask [`Config::secret_keys`].
    pub secret_key: Vec<Secret>,
    /// The bucket for photos' bytes; `None`: they are kept on disk in `data_dir`.
    pub s3: Option<S3Config>,
    /// The provider people may log in with.
    pub oidc: Option<OidcConfig>,
    /// Access tokens of programs.
    pub jwt: Jwt,
    /// Other sites whose scripts may use the API as whoever is signed in.
    pub cors_origins: Vec<PublicUrl>,
    /// Who may create an account; `None`: as an admin chose while it runs, at first anyone.
    pub registration: Option<Registration>,
    /// What Prometheus has to show for `/metrics`; `None`: anyone may read them.
    pub metrics_token: Option<Secret>,
    /// What is logged: a level, or `tracing` directives such as `info,lumina=debug`.
    pub log_level: String,
    /// How it is written.
    pub log_format: LogFormat,
    /// The proxies that may speak for a client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds on uploads and requests.
    pub limits: Limits,
    /// Whether guessing passwords is limited. No setting: true for people, false for most tests.
    pub limits_guesses: bool,
    /// For how long a request's body may stop. No setting: half a minute for people, less for tests.
    pub body_silence: Duration,
    /// bcrypt's cost (its work doubles with each step). No setting: 12 for people, less for tests.
    pub bcrypt_cost: u32,
    /// The file that was read; `None`: none, or no file at all. No setting.
    pub file: Option<PathBuf>,
    url_follows_bind: bool,
}

/// Access tokens of programs. They are signed by HMAC-SHA-256, whatever else the world knows.
#[derive(Debug, Clone)]
pub struct Jwt {
    /// The first signs, all verify; none: they follow from [`Config::secret_keys`].
    pub secret_key: Vec<Secret>,
    /// How long one is good.
    pub access_token_expire_minutes: u32,
}

/// Bounds on uploads and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in MiB.
    pub upload_mib: u32,
    /// The largest picture, in millions of pixels.
    pub megapixels: u32,
    /// The most files in one request.
    pub files_per_upload: u32,
    /// How much of what one person sends may be on its way in at a time, in MiB.
    pub staged_mib: u32,
    /// The most requests to the API in a minute, from one address and by one account.
    pub requests_per_minute: u32,
    /// The most uploads in a minute, likewise.
    pub uploads_per_minute: u32,
    /// What uploads leave free of a disk, in MiB; `None`: 1024, or a twentieth of a small disk.
    pub disk_reserve_mib: Option<u32>,
}

impl Limits {
    /// Takes each setting that is there over the default.
    fn take_from(&mut self, settings: &mut Settings) {
        settings.set(
            &mut self.requests_per_minute,
            "limits.requests_per_minute",
            "a whole number from 1 to 10000000",
            within(1..=10_000_000),
        );
        settings.set(
            &mut self.uploads_per_minute,
            "limits.uploads_per_minute",
            "a whole number from 1 to 10000000",
            within(1..=10_000_000),
        );
        settings.set(&mut self.upload_mib, "limits.upload_mib", "a whole number from 1 to 10000", within(1..=10_000));
        settings.set(&mut self.megapixels, "limits.megapixels", "a whole number from 1 to 1000", within(1..=1000));
        settings.set(
            &mut self.files_per_upload,
            "limits.files_per_upload",
            "a whole number from 1 to 10000",
            within(1..=10_000),
        );
        settings.set(
            &mut self.staged_mib,
            "limits.staged_mib",
            "a whole number from 1 to 1000000",
            within(1..=1_000_000),
        );
        settings.set(
            &mut self.disk_reserve_mib,
            "limits.disk_reserve_mib",
            "a whole number from 0 to 100000000",
            |text| within(0..=100_000_000)(text).map(Some),
        );
    }

    /// The largest file, in bytes.
    pub fn upload_bytes(&self) -> u64 {
        u64::from(self.upload_mib) << 20
    }

    /// How much of what one person sends may be on its way in at a time, in bytes: at least the largest file.
    pub fn staged_bytes(&self) -> u64 {
        u64::from(self.staged_mib.max(self.upload_mib)) << 20
    }

    /// The largest picture, in pixels.
    pub fn pixels(&self) -> u64 {
        u64::from(self.megapixels) * 1_000_000
    }
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anyone who reaches the page.
    Open,
    /// Who has an invitation link.
    Invitation,
    /// Nobody.
    Closed,
}

impl Registration {
    /// What goes by this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Invitation, Self::Closed].into_iter().find(|known| known.as_str() == name)
    }

    /// As settings, rows and forms have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invitation => "invitation",
            Self::Closed => "closed",
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For reading.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads `file` (which must exist; `None` reads `config.yaml` in the working folder when there is one) and lays
    /// `env` over it.
    ///
    /// # Errors
    /// [`Problems`]: everything that is wrong.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, Problems> {
        let mut settings = Settings::read(&KEYS, file, env);
        let mut config = Self::in_folder("./data");
        config.take_from(&mut settings);
        config.file = settings.file().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
        settings.finish(config)
    }

    /// The defaults, with everything kept in `data_dir`.
    pub fn in_folder(data_dir: impl Into<PathBuf>) -> Self {
        let bind = SocketAddr::from(([127, 0, 0, 1], 8080));
        Self {
            bind,
            public_url: PublicUrl::of(bind),
            data_dir: data_dir.into(),
            database_url: None,
            secret_key: Vec::new(),
            s3: None,
            oidc: None,
            jwt: Jwt { secret_key: Vec::new(), access_token_expire_minutes: 30 },
            cors_origins: Vec::new(),
            registration: None,
            metrics_token: None,
            log_level: "info".into(),
            log_format: LogFormat::Text,
            trusted_proxies: Vec::new(),
            limits: Limits {
                upload_mib: 100,
                megapixels: 100,
                files_per_upload: 1000,
                staged_mib: 4096,
                requests_per_minute: 30_000,
                uploads_per_minute: 6000,
                disk_reserve_mib: None,
            },
            limits_guesses: true,
            body_silence: Duration::from_secs(30),
            bcrypt_cost: 12,
            file: None,
            url_follows_bind: true,
        }
    }

    /// Takes each setting that is there over the default.
    fn take_from(&mut self, settings: &mut Settings) {
        settings.set(&mut self.bind, "bind", "an IP address and port, such as 127.0.0.1:8080 or [::]:8080", |text| {
            text.parse().ok()
        });
        self.url_follows_bind = !settings.has("public_url");
        self.public_url = PublicUrl::of(self.bind);
        settings.set(
            &mut self.public_url,
            "public_url",
            "http://HOST or https://HOST, with :PORT where needed, without a path",
            PublicUrl::parse,
        );
        settings.set(&mut self.data_dir, "data_dir", "a folder", |text| Some(text.into()));
        settings.set_secret(&mut self.database_url, "database_url", database_url::ALLOWED, database_url::is_one);
        self.take_keys_from(settings);
        settings.set_list(
            &mut self.cors_origins,
            "cors.allowed_origins",
            "http://HOST or https://HOST each, with :PORT where needed",
            PublicUrl::parse,
        );
        self.s3 = S3Config::take_from(settings);
        self.oidc = OidcConfig::take_from(settings);
        settings.set(&mut self.registration, "registration", "open, invitation or closed", |text| {
            Registration::parse(text).map(Some)
        });
        settings
            .set_secret(&mut self.metrics_token, "metrics_token", "at least 16 bytes of text", |text| text.len() >= 16);
        settings.set(
            &mut self.log_level,
            "log_level",
            "off, error, warn, info, debug, trace, or directives such as info,lumina=debug",
            |text| telemetry::is_log_level(text).then(|| text.to_owned()),
        );
        settings.set(&mut self.log_format, "log_format", "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        });
        settings.set_list(
            &mut self.trusted_proxies,
            "trusted_proxies",
            "IP addresses or networks, such as 127.0.0.1 or 10.0.0.0/8",
            |text| text.parse().ok().or_else(|| Some(text.parse::<IpAddr>().ok()?.into())),
        );
        self.limits.take_from(settings);
    }

    /// What signs cookies and tokens.
    fn take_keys_from(&mut self, settings: &mut Settings) {
        const ALLOWED: &str = "at least 32 bytes of text each, such as `openssl rand -hex 32` prints";
        let is_key = |text: &str| text.len() >= secret::SHORTEST_KEY;
        settings.set_secrets(&mut self.secret_key, "secret_key", ALLOWED, is_key);
        settings.set_secrets(&mut self.jwt.secret_key, "jwt.secret_key", ALLOWED, is_key);
        settings.set(&mut (), "jwt.algorithm", "HS256", |text| (text == "HS256").then_some(()));
        settings.set(
            &mut self.jwt.access_token_expire_minutes,
            "jwt.access_token_expire_minutes",
            "a whole number from 1 to 1440",
            within(1..=1440),
        );
    }

    /// Takes in the address really bound: after listening on port 0 the port is known only then. `public_url` follows
    /// unless it was set.
    pub fn bound_to(&mut self, address: SocketAddr) {
        self.bind = address;
        if self.url_follows_bind {
            self.public_url = PublicUrl::of(address);
        }
    }

    /// Whether only this machine's own people are meant to reach it: where nothing else is said, a server that listens on all
    /// addresses is reached by others too.
    #[must_use]
    pub fn is_for_this_machine(&self) -> bool {
        self.public_url.is_this_machine() && !(self.url_follows_bind && self.bind.ip().is_unspecified())
    }

    /// The settings in force, as YAML that could be a `config.yaml`, with secrets masked.
    pub fn effective(&self) -> String {
        let database_url = match &self.database_url {
            Some(url) => json!(without_password(url.expose())).to_string(),
            None => "null # a private Postgres in data_dir".into(),
        };
        let masked = |keys: &[Secret], otherwise: &str| match keys.len() {
            0 => format!("null # {otherwise}"),
            keys => json!(vec!["***"; keys]).to_string(),
        };
        let secret_key = masked(&self.secret_key, "generated once into data_dir");
        let jwt_key = masked(&self.jwt.secret_key, "follows from secret_key");
        let origins: Vec<_> = self.cors_origins.iter().map(PublicUrl::origin).collect();
        let s3 = match &self.s3 {
            Some(s3) => s3.effective(),
            None => "s3: null # photos are kept on disk in data_dir\n".into(),
        };
        let metrics = match self.metrics_token {
            Some(_) => "metrics_token: \"***\"\n",
            None => "metrics_token: null # anyone may read /metrics\n",
        };
        let oidc = match &self.oidc {
            Some(oidc) => oidc.effective(),
            None => "oidc: null # nobody logs in elsewhere\n".into(),
        };
        let proxies: Vec<_> = self.trusted_proxies.iter().map(IpNet::to_string).collect();
        let Limits {
            upload_mib,
            megapixels,
            files_per_upload,
            staged_mib,
            requests_per_minute,
            uploads_per_minute,
            ..
        } = self.limits;
        let disk_reserve = self
            .limits
            .disk_reserve_mib
            .map_or("null # 1024, or a twentieth of a small disk".into(), |mib| mib.to_string());
        format!(
            "bind: {}\npublic_url: {}\ndata_dir: {}\ndatabase_url: {database_url}\nsecret_key: {secret_key}\n\
             {s3}{oidc}jwt:\n  secret_key: {jwt_key}\n  algorithm: HS256\n  access_token_expire_minutes: {}\n\
             cors:\n  allowed_origins: {}\nregistration: {}\n{metrics}log_level: {}\nlog_format: {}\ntrusted_proxies: {}\n\
             limits:\n  upload_mib: {upload_mib}\n  megapixels: {megapixels}\n  files_per_upload: {files_per_upload}\n  staged_mib: {staged_mib}\n  \
             requests_per_minute: {requests_per_minute}\n  uploads_per_minute: {uploads_per_minute}\n  disk_reserve_mib: {disk_reserve}\n",
            json!(self.bind.to_string()),
            json!(self.public_url.origin()),
            json!(self.data_dir.to_string_lossy()),
            self.jwt.access_token_expire_minutes,
            json!(origins),
            self.registration.map_or("null # as an admin chose; at first open", Registration::as_str),
            json!(self.log_level),
            match self.log_format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            },
            json!(proxies),
        )
    }

    /// The keys that sign: the first signs, all verify. When none is configured, one is made on the first call and kept
    /// in `data_dir/secret_key`.
    ///
    /// # Errors
    /// When that file cannot be written or read, or was cut short.
    pub fn secret_keys(&self) -> io::Result<Vec<Secret>> {
        if !self.secret_key.is_empty() {
            return Ok(self.secret_key.clone());
        }
        self.create_data_dir()?;
        Ok(vec![secret::generated_once(&self.data_dir)?])
    }
}

/// Reads a whole number of that range.
fn within(range: RangeInclusive<u32>) -> impl Fn(&str) -> Option<u32> {
    move |text| text.parse().ok().filter(|number| range.contains(number))
}
