//! What the provider is: its metadata and keys, asked for when they are first needed, and kept for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use oauth2::http::{Method, StatusCode, header};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, ClientId, ClientSecret, HttpRequest, HttpResponse, RedirectUrl, TokenUrl,
};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::http::{self, Failure};
use super::tokens::Client;
use super::{OidcError, away};
use crate::config::{OidcConfig, WELL_KNOWN};

/// How long what is known counts as true.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long a provider that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(5);
/// New keys are asked for at most this often.
const KEYS_EVERY: Duration = Duration::from_secs(30);

/// A provider and what is known of it.
pub struct Provider {
    metadata_url: String,
    http: HttpClient,
    /// Whoever asks holds it, so that a hundred who log in ask once.
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    known: Option<(Instant, Arc<Known>)>,
    failed: Option<(Instant, String)>,
    keys_asked: Option<Instant>,
}

/// Metadata and keys.
pub struct Known {
    metadata: Metadata,
    keys: Vec<Jwk>,
}

/// What is used of what a provider says of itself (OpenID Connect Discovery 1.0, 3).
#[derive(Clone, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: AuthUrl,
    token_endpoint: TokenUrl,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Keys, of whatever kinds; those of kinds that nobody here knows are left out.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// What came back from one of the provider's addresses.
pub struct Answer {
    /// As it came.
    pub body: Vec<u8>,
    /// It is signed.
    pub is_jwt: bool,
    /// What time it was there.
    pub date: Option<DateTime<Utc>>,
}

/// Our bounds around the client of the crate.
pub struct HttpClient(s3_http::Client);

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = Failure;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, Failure>> + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(http::ask(&self.0, request))
    }
}

impl Provider {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(config: &OidcConfig) -> Result<Self, OidcError> {
        let metadata_url = config.server_metadata_url.clone();
        Ok(Self { metadata_url, http: HttpClient(http::client()?), cache: Mutex::default() })
    }

    /// What the crate asks with.
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// What is known, after asking where that is nothing or old. What is old does until the provider answers again.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn known(&self) -> Result<Arc<Known>, OidcError> {
        let mut cache = self.cache.lock().await;
        if let Some((at, known)) = &cache.known
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(known));
        }
        let why = match &cache.failed {
            Some((at, why)) if at.elapsed() < PAUSE => why.clone(),
            _ => match self.discover().await {
                Ok(found) => {
                    let found = Arc::new(found);
                    *cache = Cache { known: Some((Instant::now(), Arc::clone(&found))), ..Cache::default() };
                    return Ok(found);
                }
                Err(error) => {
                    let why = error.to_string();
                    cache.failed = Some((Instant::now(), why.clone()));
                    why
                }
            },
        };
        match &cache.known {
            Some((_, known)) => {
                tracing::warn!(why, "going on with what is known of the provider");
                Ok(Arc::clone(known))
            }
            None => Err(OidcError::Away(why)),
        }
    }

    /// The same with keys that were just asked for, unless they were a moment ago.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn with_newer_keys(&self) -> Result<Arc<Known>, OidcError> {
        let known = self.known().await?;
        let mut cache = self.cache.lock().await;
        if cache.keys_asked.is_some_and(|at| at.elapsed() < KEYS_EVERY) {
            return Ok(cache.known.as_ref().map_or(known, |(_, known)| Arc::clone(known)));
        }
        cache.keys_asked = Some(Instant::now());
        let keys = self.keys(&known.metadata).await?;
        let known = Arc::new(Known { metadata: known.metadata.clone(), keys });
        cache.known = Some((Instant::now(), Arc::clone(&known)));
        Ok(known)
    }

    /// How far this machine's clock is ahead of the provider's, which dates what it signs; `None`: it does not say.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn clock_offset(&self) -> Result<Option<TimeDelta>, OidcError> {
        let answer = self.get(&self.metadata_url, None).await?;
        Ok(answer.date.map(|date| Utc::now() - date))
    }

    /// Asks for what is at an address, with an access token where that takes one.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn get(&self, url: &str, access_token: Option<&str>) -> Result<Answer, OidcError> {
        let request = oauth2::http::Request::builder().method(Method::GET).uri(url);
        let request = request.header(header::ACCEPT, "application/json");
        let request = match access_token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        };
        let answer = self.http.call(request.body(Vec::new()).map_err(away)?).await.map_err(away)?;
        if answer.status() != StatusCode::OK {
            return Err(OidcError::Away(format!("{url} answers {}", answer.status())));
        }
        let content_type = answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_jwt = content_type.is_some_and(|kind| kind.starts_with("application/jwt"));
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| Some(DateTime::parse_from_rfc2822(date).ok()?.to_utc()));
        Ok(Answer { is_jwt, date, body: answer.into_body() })
    }

    async fn keys(&self, metadata: &Metadata) -> Result<Vec<Jwk>, OidcError> {
        let answer = self.get(&metadata.jwks_uri, None).await?;
        let set: KeySet = serde_json::from_slice(&answer.body).map_err(away)?;
        Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
    }

    async fn discover(&self) -> Result<Known, OidcError> {
        let answer = self.get(&self.metadata_url, None).await?;
        let metadata: Metadata = serde_json::from_slice(&answer.body).map_err(away)?;
        // Discovery 1.0, 4.3. Some issuers end in a slash, which is not doubled in the address.
        let expected = format!("{}{WELL_KNOWN}", metadata.issuer.trim_end_matches('/'));
        if expected != self.metadata_url {
            let issuer = http::printable(&metadata.issuer);
            return Err(OidcError::Away(format!("{} says that it is {issuer}", self.metadata_url)));
        }
        self.refuse_plain(&metadata)?;
        let keys = self.keys(&metadata).await?;
        tracing::info!(issuer = metadata.issuer, "found the provider");
        Ok(Known { metadata, keys })
    }

    /// A provider that is asked by https must not send codes, secrets or people elsewhere.
    fn refuse_plain(&self, metadata: &Metadata) -> Result<(), OidcError> {
        let endpoints = [
            metadata.authorization_endpoint.as_str(),
            metadata.token_endpoint.as_str(),
            metadata.userinfo_endpoint.as_deref().unwrap_or("https:"),
            metadata.jwks_uri.as_str(),
        ];
        match endpoints.into_iter().find(|url| !url.starts_with("https:")) {
            Some(url) if self.metadata_url.starts_with("https:") => {
                Err(OidcError::Away(format!("its endpoint {} is not https", http::printable(url))))
            }
            _ => Ok(()),
        }
    }
}

impl Known {
    /// Whose name everything must carry.
    pub fn issuer(&self) -> &str {
        &self.metadata.issuer
    }

    /// What it signs with.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Where it can be asked about somebody.
    pub fn userinfo_endpoint(&self) -> Option<&str> {
        self.metadata.userinfo_endpoint.as_deref()
    }

    /// The provider as it can be used, coming back to `callback`.
    ///
    /// # Errors
    /// When that is no address.
    pub fn client(&self, config: &OidcConfig, callback: &str) -> Result<Client, OidcError> {
        let methods = self.metadata.token_endpoint_auth_methods_supported.as_ref();
        // Without a word all know HTTP's basic authentication.
        let basic = methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let how = if basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let client = oauth2::Client::new(ClientId::new(config.client_id.clone()))
            .set_auth_uri(self.metadata.authorization_endpoint.clone())
            .set_token_uri(self.metadata.token_endpoint.clone())
            .set_redirect_uri(RedirectUrl::new(callback.to_owned()).map_err(away)?)
            .set_auth_type(how);
        Ok(match &config.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => client,
        })
    }
}
