//! Logging in elsewhere: an OpenID Connect provider tells us who somebody is.
//!
//! The authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1; RFC 9700). [`Oidc::begin`] makes the address at the provider and
//! the [`Secrets`] that the browser keeps meanwhile; [`Oidc::finish`] turns what the browser brings back into a [`Person`],
//! after the [signature] and the [claims] are checked. Nothing here knows of our accounts or of HTTP handlers.
//!
//! The crate `oauth2` asks for the tokens and `jsonwebtoken` checks the signature; claims we read ourselves, since providers
//! send them in many forms and crates that know every standard claim refuse a login over one that nobody asked for.
//!
//! The provider is asked for what it is when somebody first wants to log in, so that one that is away keeps nothing from
//! starting.

mod claims;
mod http;
mod provider;
mod signature;
mod tokens;

pub use http::printable;

use std::cell::Cell;

use oauth2::{
    AsyncHttpClient, AuthorizationCode, CsrfToken, HttpRequest, PkceCodeChallenge, PkceCodeVerifier, Scope,
    TokenResponse,
};
use serde::{Deserialize, Serialize};

use crate::config::OidcConfig;
use claims::Claims;
use http::NoTokens;
use provider::{Known, Provider};
use signature::{NotSigned, Signed};
use tokens::Tokens;

/// A provider, and who we are to it.
pub struct Oidc {
    config: OidcConfig,
    provider: Provider,
}

/// What the browser keeps while its user is at the provider. Whoever brings it back is who went there.
#[derive(Serialize, Deserialize)]
pub struct Secrets {
    /// Ties the answer to this browser.
    pub state: String,
    nonce: String,
    verifier: String,
}

/// Who somebody is, as the provider says and has signed.
#[derive(Debug, Clone)]
pub struct Person {
    /// Which provider says so.
    pub issuer: String,
    /// Its name for this person, which never changes.
    pub subject: String,
    /// May be anybody's unless it is verified.
    pub email: Option<String>,
    /// Whether the provider has made sure that the address is this person's.
    pub email_verified: bool,
    /// What they like to be called.
    pub preferred_username: Option<String>,
    /// Their name in full.
    pub name: Option<String>,
    /// Why the provider did not tell an address, where it was asked for one and could not answer.
    pub untold: Option<OidcError>,
}

/// Why nobody was told to us. The texts are for the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OidcError {
    /// The provider does not answer, or not as one does.
    #[error("the provider is away: {0}")]
    Away(String),
    /// What came back proves nothing.
    #[error("the provider's answer is refused: {0}")]
    Refused(String),
    /// The provider does not know us by the id and secret that are configured.
    #[error("the provider does not accept oidc.client_id and oidc.client_secret: {0}")]
    Misconfigured(String),
}

impl Oidc {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(config: OidcConfig) -> Result<Self, OidcError> {
        let provider = Provider::new(&config)?;
        Ok(Self { config, provider })
    }

    /// What people call the provider.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether an equal email address that the provider has verified opens an account.
    #[must_use]
    pub fn links_verified_email(&self) -> bool {
        self.config.link_verified_email
    }

    /// How far this machine's clock is ahead of the provider's; `None`: it does not say what time it is.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn clock_offset(&self) -> Result<Option<chrono::TimeDelta>, OidcError> {
        self.provider.clock_offset().await
    }

    /// Where to send somebody who wants to log in, and come back to `callback`.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn begin(&self, callback: &str) -> Result<(String, Secrets), OidcError> {
        let client = self.provider.known().await?.client(&self.config, callback)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random().into_secret();
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(["openid", "profile", "email"].map(|scope| Scope::new(scope.to_owned())))
            .add_extra_param("nonce", &nonce)
            .set_pkce_challenge(challenge)
            .url();
        Ok((url.into(), Secrets { state: state.into_secret(), nonce, verifier: verifier.into_secret() }))
    }

    /// Who came back to `callback` with this code, and with the name of the provider where it sends that along. The caller has
    /// compared the state.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn finish(
        &self,
        callback: &str,
        code: &str,
        issuer: Option<&str>,
        secrets: Secrets,
    ) -> Result<Person, OidcError> {
        let known = self.provider.known().await?;
        // RFC 9207: the code is another provider's, which would get it from us.
        if issuer.is_some_and(|issuer| issuer != known.issuer()) {
            return Err(OidcError::Refused("the answer names another issuer".to_owned()));
        }
        let tokens = self.exchange(&known, callback, code, secrets.verifier).await?;
        let id_token = tokens.id_token.as_deref();
        let id_token = id_token.ok_or_else(|| OidcError::Refused("there is no ID token".to_owned()))?;
        let signed = self.read_signed(id_token).await?;
        signed.claims.check(&self.config.client_id, &secrets.nonce)?;
        if !signed.belongs_to(tokens.access_token().secret()) {
            return Err(OidcError::Refused("the ID token is for another access token".to_owned()));
        }
        let mut person = signed.claims.into_person(known.issuer().to_owned());
        if person.email.is_none() || person.preferred_username.is_none() {
            match self.ask_more(&known, &tokens).await {
                Ok(Some(more)) if more.subject != person.subject => {
                    return Err(OidcError::Refused("user info is about somebody else".to_owned()));
                }
                Ok(Some(more)) => person.add(more),
                Ok(None) => {}
                // Whoever is connected is known by issuer and subject, and needs none of it.
                Err(error) => {
                    tracing::warn!(%error, "the provider does not tell more about somebody");
                    person.untold = person.email.is_none().then_some(error);
                }
            }
        }
        Ok(person)
    }

    /// Whether the provider can be used as it is configured: it answers, and knows us. It is asked for tokens for a code that
    /// nobody was given. Only that it finds nothing wrong but the code shows that it has found out who asks.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn check(&self, callback: &str) -> Result<(), OidcError> {
        let known = self.provider.known().await?;
        let (_, verifier) = PkceCodeChallenge::new_random_sha256();
        match self.exchange(&known, callback, "a code of lumina doctor", verifier.into_secret()).await {
            Err(NoTokens::BadCode(_)) => Ok(()),
            Err(NoTokens::Other(error)) => Err(error),
            Ok(_) => Err(OidcError::Refused("it gives tokens for a code that is made up".to_owned())),
        }
    }

    async fn exchange(&self, known: &Known, callback: &str, code: &str, verifier: String) -> Result<Tokens, NoTokens> {
        let client = known.client(&self.config, callback)?;
        let asked = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let asked = asked.set_pkce_verifier(PkceCodeVerifier::new(verifier));
        // The crate does not tell the status of an answer that is an error.
        let status = Cell::new(None);
        let (provider, heard) = (self.provider.http(), &status);
        let ask = move |request: HttpRequest| {
            let answer = provider.call(request);
            async move { answer.await.inspect(|answer| heard.set(Some(answer.status()))) }
        };
        asked.request_async(&ask).await.map_err(|error| http::failed_exchange(error, status.get()))
    }

    /// What the provider has signed for us; it may have new keys since we last asked.
    async fn read_signed(&self, token: &str) -> Result<Signed, OidcError> {
        let mut known = self.provider.known().await?;
        for newer in [false, true] {
            if newer {
                known = self.provider.with_newer_keys().await?;
            }
            match signature::read(token, known.keys(), known.issuer(), &self.config.client_id) {
                Ok(signed) => return Ok(signed),
                Err(NotSigned::Refused(error)) => return Err(error),
                Err(NotSigned::UnknownKey) => {}
            }
        }
        Err(OidcError::Refused("the ID token is signed with a key that the provider does not have".to_owned()))
    }

    /// What the provider tells when it is asked about somebody; nothing where it cannot be.
    async fn ask_more(&self, known: &Known, tokens: &Tokens) -> Result<Option<Claims>, OidcError> {
        let Some(url) = known.userinfo_endpoint() else { return Ok(None) };
        let answer = self.provider.get(url, Some(tokens.access_token().secret())).await?;
        let bad = |error: &dyn std::fmt::Display| OidcError::Refused(format!("user info: {error}"));
        if answer.is_jwt {
            let token = String::from_utf8(answer.body).map_err(|error| bad(&error))?;
            return Ok(Some(self.read_signed(token.trim()).await?.claims));
        }
        serde_json::from_slice(&answer.body).map(Some).map_err(|error| bad(&error))
    }
}

impl Person {
    /// Adds what more is known, of what was not. An address and the word about it come from one place, or not at all.
    fn add(&mut self, more: Claims) {
        if self.email.is_none() {
            (self.email, self.email_verified) = (more.email, more.email_verified);
        }
        self.preferred_username = self.preferred_username.take().or(more.preferred_username);
        self.name = self.name.take().or(more.name);
    }
}

fn away(error: impl std::fmt::Display) -> OidcError {
    OidcError::Away(error.to_string())
}
