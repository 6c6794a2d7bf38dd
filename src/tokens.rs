//! What programs show instead of a cookie: access tokens for minutes, and refresh tokens that get the next one.
//!
//! An access token is a JSON Web Token (RFC 7519, typed as RFC 9068 says) signed by HMAC-SHA-256. It names its user and
//! its session row; the row decides at every request, so that it ends with the session and not only when it expires. The
//! keys may be several: the first signs, and a token says by `kid` which one signed it, so keys rotate without logging
//! anyone out.
//!
//! A refresh token is its session's id and 256 random bits, of which only the hash is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{TimeDelta, Utc};
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use crate::config::Secret;
use crate::models::{SessionId, UserId};

/// RFC 9068, 2.1: so that no other kind of token can stand in for one.
const TYPE: &str = "at+jwt";

/// Makes and reads access tokens.
pub struct Tokens {
    keys: Vec<Key>,
    issuer: String,
    audience: String,
    lifetime: TimeDelta,
}

struct Key {
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
    /// The session's row.
    sid: SessionId,
}

/// Whom a valid access token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The session, which may be over.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
}

impl Tokens {
    /// `own` are the keys configured for tokens; without any they follow from `shared`, by a hash of the secret and the
    /// use. `origin` is where this Lumina is.
    #[must_use]
    pub fn new(own: &[Secret], shared: &[Secret], origin: &str, minutes: u32) -> Self {
        let derived = |secret: &Secret| {
            let digest = Sha512::new().chain_update(b"lumina access token\0").chain_update(secret.expose()).finalize();
            Key::new(&digest)
        };
        let keys = if own.is_empty() {
            shared.iter().map(derived).collect()
        } else {
            own.iter().map(|secret| Key::new(secret.expose().as_bytes())).collect()
        };
        let lifetime = TimeDelta::minutes(minutes.into());
        Self { keys, issuer: origin.to_owned(), audience: format!("{origin}/api/v1"), lifetime }
    }

    /// An access token.
    ///
    /// # Errors
    /// When there is no key.
    pub fn make(&self, named: Named) -> Result<String, Error> {
        let now = Utc::now();
        let claims = Claims {
            sub: named.user.to_string(),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            iat: now.timestamp(),
            exp: (now + self.lifetime).timestamp(),
            jti: Uuid::new_v4(),
            sid: named.session,
        };
        let key = self.keys.first().ok_or(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat)?;
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims, &key.signing)
    }

    /// For how many seconds a new one is good.
    #[must_use]
    pub fn lifetime_seconds(&self) -> i64 {
        self.lifetime.num_seconds()
    }

    /// Whom a token names, if one of our keys signed it for here and it has not expired.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<Named> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let key = self.keys.iter().find(|key| header.kid.as_deref() == Some(key.id.as_str()))?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = 0;
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifying, &rules).ok()?.claims;
        // The signature covers the header too, but says nothing of what the token is for.
        let ours = header.typ.as_deref() == Some(TYPE) && claims.iat <= Utc::now().timestamp();
        ours.then_some(Named { session: claims.sid, user: UserId(claims.sub.parse().ok()?) })
    }
}

impl Key {
    fn new(bytes: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(b"lumina key id\0").chain_update(bytes).finalize();
        let id = BASE64.encode(digest.get(..9).unwrap_or_default());
        Self { id, signing: EncodingKey::from_secret(bytes), verifying: DecodingKey::from_secret(bytes) }
    }
}

/// The secret of a refresh token, which names its session too.
pub struct RefreshToken(RandomSecret);

impl RefreshToken {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(RandomSecret::generate())
    }

    /// What the session's row keeps.
    #[must_use]
    pub fn hash(&self) -> Vec<u8> {
        self.0.hash()
    }

    /// What the program gets.
    #[must_use]
    pub fn text(&self, session: SessionId) -> String {
        format!("{}.{}", session.0.simple(), self.0.text())
    }

    /// The session and the secret in a refresh token, written exactly as we write it.
    #[must_use]
    pub fn parse(text: &str) -> Option<(SessionId, Self)> {
        let (session, secret) = text.split_once('.')?;
        let session = SessionId(Uuid::try_parse(session).ok()?);
        let secret = Self(RandomSecret::parse(secret)?);
        (secret.text(session) == text).then_some((session, secret))
    }
}

/// 256 random bits that are proof enough of having been given them; only their hash is kept. Not printable.
pub struct RandomSecret([u8; 32]);

impl RandomSecret {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// What is kept of it. It is random, so that a plain hash is enough.
    #[must_use]
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }

    /// What is given out: 43 characters that need no escaping in a URL.
    #[must_use]
    pub fn text(&self) -> String {
        BASE64.encode(self.0)
    }

    /// The secret in a text, written exactly as we write it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let secret = Self(BASE64.decode(text).ok()?.try_into().ok()?);
        (secret.text() == text).then_some(secret)
    }
}
