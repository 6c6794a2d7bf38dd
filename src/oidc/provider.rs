//! What the provider is: its metadata and keys, asked for when they are first needed, and kept for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{CoreClient, CoreClientAuthMethod, CoreJsonWebKeySet, CoreProviderMetadata};
use openidconnect::http::{Method, StatusCode};
use openidconnect::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, RedirectUrl,
};
use tokio::sync::Mutex;

use super::http::{self, Failure};
use super::{OidcError, away};
use crate::config::{OidcConfig, WELL_KNOWN};

/// How long what is known counts as true.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long a provider that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(5);
/// New keys are asked for at most this often.
const KEYS_EVERY: Duration = Duration::from_secs(30);

/// The provider as it can be used.
pub type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

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
pub struct Known(CoreProviderMetadata);

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
        let keys = CoreJsonWebKeySet::fetch_async(known.0.jwks_uri(), &self.http).await.map_err(away)?;
        let known = Arc::new(Known(known.0.clone().set_jwks(keys)));
        cache.known = Some((Instant::now(), Arc::clone(&known)));
        Ok(known)
    }

    async fn discover(&self) -> Result<Known, OidcError> {
        let request = openidconnect::http::Request::builder().method(Method::GET).uri(&self.metadata_url);
        let request = request.header("accept", "application/json").body(Vec::new()).map_err(away)?;
        let answer = self.http.call(request).await.map_err(away)?;
        if answer.status() != StatusCode::OK {
            return Err(OidcError::Away(format!("{} answers {}", self.metadata_url, answer.status())));
        }
        let metadata: CoreProviderMetadata = serde_json::from_slice(answer.body()).map_err(away)?;
        // Discovery 1.0, 4.3. Some issuers end in a slash, which is not doubled in the address.
        let expected = format!("{}{WELL_KNOWN}", metadata.issuer().trim_end_matches('/'));
        if expected != self.metadata_url {
            let issuer = metadata.issuer().as_str();
            return Err(OidcError::Away(format!("{} says that it is {issuer}", self.metadata_url)));
        }
        self.refuse_plain(&metadata)?;
        let keys = CoreJsonWebKeySet::fetch_async(metadata.jwks_uri(), &self.http).await.map_err(away)?;
        tracing::info!(issuer = metadata.issuer().as_str(), "found the provider");
        Ok(Known(metadata.set_jwks(keys)))
    }

    /// A provider that is asked by https must not send codes, secrets or people elsewhere.
    fn refuse_plain(&self, metadata: &CoreProviderMetadata) -> Result<(), OidcError> {
        let endpoints = [
            Some(metadata.authorization_endpoint().url()),
            metadata.token_endpoint().map(|endpoint| endpoint.url()),
            metadata.userinfo_endpoint().map(|endpoint| endpoint.url()),
            Some(metadata.jwks_uri().url()),
        ];
        match endpoints.into_iter().flatten().find(|url| url.scheme() != "https") {
            Some(url) if self.metadata_url.starts_with("https:") => {
                Err(OidcError::Away(format!("its endpoint {url} is not https")))
            }
            _ => Ok(()),
        }
    }
}

impl Known {
    /// Whose name everything must carry.
    pub fn issuer(&self) -> &str {
        self.0.issuer()
    }

    /// The provider as it can be used, coming back to `callback`.
    ///
    /// # Errors
    /// When that is no address.
    pub fn client(&self, config: &OidcConfig, callback: &str) -> Result<Client, OidcError> {
        let secret = config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let client =
            CoreClient::from_provider_metadata(self.0.clone(), ClientId::new(config.client_id.clone()), secret);
        let methods = self.0.token_endpoint_auth_methods_supported();
        // Without a word all know HTTP's basic authentication.
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let how = if basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let callback = RedirectUrl::new(callback.to_owned()).map_err(away)?;
        Ok(client.set_redirect_uri(callback).set_auth_type(how))
    }
}
