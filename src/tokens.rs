//! What programs show instead of a cookie: access tokens for minutes, and refresh tokens that get the next one.
//!
//! An access token is a JSON Web Token (RFC 7519, typed as RFC 9068 says) signed by HMAC-SHA-256. It names its user and
//! its session row; the row decides at every request, so that it ends with the session and not only when it expires. The
//! keys may be several: the first signs, and a token says by `kid` which one signed it, so keys rotate without logging
//! anyone out.
//!
//! A refresh token is its session's id, 128 random bits, and 128 bits of a MAC over both. Only its hash is kept. The MAC tells
//! an older token of a login, which ends that login, from one that was made up, which changes nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
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
    /// For refresh tokens.
    mac: Hmac<Sha256>,
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

    /// A new refresh token for this session.
    ///
    /// # Errors
    /// When there is no key.
    pub fn make_refresh(&self, session: SessionId) -> Result<RefreshToken, Error> {
        let key = self.keys.first().ok_or(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat)?;
        let drawn: [u8; DRAWN] = rand::random();
        let mut secret = [0; SECRET];
        let whole = drawn.into_iter().chain(key.refresh_mac(session, &drawn).finalize().into_bytes());
        secret.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        Ok(RefreshToken { session, secret: RandomSecret(secret) })
    }

    /// A refresh token that somebody shows, written exactly as we write it.
    #[must_use]
    pub fn read_refresh(&self, text: &str) -> Option<ShownRefreshToken> {
        let token = RefreshToken::parse(text)?;
        let (drawn, mac) = token.secret.0.split_at_checked(DRAWN)?;
        let ours = |key: &Key| key.refresh_mac(token.session, drawn).verify_truncated_left(mac).is_ok();
        let genuine = self.keys.iter().any(ours).then_some(GenuineRefreshToken(token.session));
        Some(ShownRefreshToken { session: token.session, hash: token.hash(), genuine })
    }
}

impl Key {
    fn new(bytes: &[u8]) -> Self {
        let digest = |purpose: &str| Sha256::new().chain_update(purpose).chain_update(bytes).finalize();
        let id = BASE64.encode(digest("lumina key id\0").get(..9).unwrap_or_default());
        let mac = Hmac::new(&Sha512::new().chain_update(b"lumina refresh token\0").chain_update(bytes).finalize());
        Self { id, signing: EncodingKey::from_secret(bytes), verifying: DecodingKey::from_secret(bytes), mac }
    }

    fn refresh_mac(&self, session: SessionId, drawn: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(session.0.as_bytes()).chain_update(drawn)
    }
}

/// Random bytes in a refresh token's secret. The rest of it is the MAC.
const DRAWN: usize = SECRET / 2;

/// A refresh token.
pub struct RefreshToken {
    session: SessionId,
    secret: RandomSecret,
}

/// A refresh token that somebody shows. It may be made up: it is good for finding the session that keeps its hash.
pub struct ShownRefreshToken {
    /// The session that it names.
    pub session: SessionId,
    /// What the session's row keeps, if this is the token that counts.
    pub hash: Vec<u8>,
    /// Whether it was ever made here.
    pub genuine: Option<GenuineRefreshToken>,
}

/// Proof that a refresh token for this session was made here: only [`Tokens::read_refresh`] makes one, after looking at the
/// MAC. Ending a login for an old token takes this proof.
#[derive(Debug, Clone, Copy)]
pub struct GenuineRefreshToken(SessionId);

impl GenuineRefreshToken {
    /// The session that it was made for.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.0
    }
}

impl RefreshToken {
    /// What the session's row keeps.
    #[must_use]
    pub fn hash(&self) -> Vec<u8> {
        self.secret.hash()
    }

    /// What the program gets.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}.{}", self.session.0.simple(), self.secret.text())
    }

    fn parse(text: &str) -> Option<Self> {
        let (session, secret) = text.split_once('.')?;
        let token = Self { session: SessionId(Uuid::try_parse(session).ok()?), secret: RandomSecret::parse(secret)? };
        (token.text() == text).then_some(token)
    }
}

/// Bytes of a [`RandomSecret`].
const SECRET: usize = 32;

/// 256 random bits that are proof enough of having been given them; only their hash is kept. Not printable.
pub struct RandomSecret([u8; SECRET]);

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
