//! Logging in elsewhere: an OpenID Connect provider tells us who somebody is.
//!
//! The authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, 3.1; RFC 9700). [`Oidc::begin`] makes the address at the provider and
//! the [`Secrets`] that the browser keeps meanwhile; [`Oidc::finish`] turns what the browser brings back into a [`Person`],
//! after everything that the `openidconnect` crate and we know to check. Nothing here knows of our accounts or of HTTP
//! handlers.
//!
//! The provider is asked for what it is when somebody first wants to log in, so that one that is away keeps nothing from
//! starting.

mod http;
mod provider;

pub use http::printable;

use openidconnect::core::{CoreAuthenticationFlow, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreTokenResponse};
use openidconnect::core::{CoreIdTokenVerifier, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, CsrfToken, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, Scope, SignatureVerificationError, TokenResponse,
};
use serde::{Deserialize, Serialize};

use crate::config::OidcConfig;
use provider::{Client, Provider};

/// What a provider may sign with: keys that it alone has. Neither nothing nor a secret that we share with it.
const SIGNATURES: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

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
}

/// Why nobody was told to us. The texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider does not answer, or not as one does.
    #[error("the provider is away: {0}")]
    Away(String),
    /// What came back proves nothing.
    #[error("the provider's answer is refused: {0}")]
    Refused(String),
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

    /// Where to send somebody who wants to log in, and come back to `callback`.
    ///
    /// # Errors
    /// [`OidcError::Away`].
    pub async fn begin(&self, callback: &str) -> Result<(String, Secrets), OidcError> {
        let client = self.provider.known().await?.client(&self.config, callback)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let (state, nonce) = (state.into_secret(), nonce.secret().clone());
        Ok((url.into(), Secrets { state, nonce, verifier: verifier.into_secret() }))
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
        let Secrets { nonce, verifier, .. } = secrets;
        let nonce = Nonce::new(nonce);
        let known = self.provider.known().await?;
        // RFC 9207: the code is another provider's, which would get it from us.
        if issuer.is_some_and(|issuer| issuer != known.issuer()) {
            return Err(OidcError::Refused("the answer names another issuer".to_owned()));
        }
        let client = known.client(&self.config, callback)?;
        let asked = client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(away)?;
        let asked = asked.set_pkce_verifier(PkceCodeVerifier::new(verifier));
        let tokens = asked.request_async(self.provider.http()).await.map_err(http::failed_exchange)?;
        match claims(&client, &tokens, &nonce) {
            // The provider may have new keys since we last asked.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let client = self.provider.with_newer_keys().await?.client(&self.config, callback)?;
                let claims = claims(&client, &tokens, &nonce).map_err(refused)?;
                self.person(&client, &tokens, &claims).await
            }
            claims => self.person(&client, &tokens, &claims.map_err(refused)?).await,
        }
    }

    /// Takes together what the ID token says and, where it says little, what the provider tells when asked.
    async fn person(
        &self,
        client: &Client,
        tokens: &CoreTokenResponse,
        claims: &CoreIdTokenClaims,
    ) -> Result<Person, OidcError> {
        let mut person = Person {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified() == Some(true),
            preferred_username: claims.preferred_username().map(|name| name.to_string()),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        };
        if (person.email.is_none() || person.preferred_username.is_none()) && client.user_info_url().is_some() {
            let subject = Some(claims.subject().clone());
            let asked = client.user_info(tokens.access_token().clone(), subject).map_err(away)?;
            let more: CoreUserInfoClaims =
                asked.request_async(self.provider.http()).await.map_err(http::failed_user_info)?;
            // Address and word about it come from one place, or not at all.
            if person.email.is_none() {
                person.email = more.email().map(|email| email.to_string());
                person.email_verified = more.email_verified() == Some(true);
            }
            let preferred = more.preferred_username().map(|name| name.to_string());
            person.preferred_username = person.preferred_username.or(preferred);
            let name = more.name().and_then(|name| name.get(None)).map(|name| name.to_string());
            person.name = person.name.or(name);
        }
        Ok(person)
    }
}

/// What the ID token says, if the provider signed it for us, now, for this login.
fn claims(
    client: &Client,
    tokens: &CoreTokenResponse,
    nonce: &Nonce,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let missing = || ClaimsVerificationError::Other("there is no ID token".to_owned());
    let token = tokens.id_token().ok_or_else(missing)?;
    let verifier: CoreIdTokenVerifier = client.id_token_verifier().set_allowed_algs(SIGNATURES);
    let claims = token.claims(&verifier, nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let (alg, key) = (token.signing_alg(), token.signing_key(&verifier));
        let (alg, key) = (
            alg.map_err(ClaimsVerificationError::SignatureVerification)?,
            key.map_err(ClaimsVerificationError::SignatureVerification)?,
        );
        let actual = AccessTokenHash::from_token(tokens.access_token(), alg, key);
        if actual.map_err(|error| ClaimsVerificationError::Other(error.to_string()))? != *expected {
            return Err(ClaimsVerificationError::Other("the ID token is for another access token".to_owned()));
        }
    }
    Ok(claims.clone())
}

fn refused(error: ClaimsVerificationError) -> OidcError {
    // What went wrong with a signature is in the source.
    let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    OidcError::Refused(format!("{error}{source}"))
}

fn away(error: impl std::fmt::Display) -> OidcError {
    OidcError::Away(error.to_string())
}
