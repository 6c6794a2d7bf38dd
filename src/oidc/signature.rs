//! Whether the provider has signed something: with a key that it alone has, and for us.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::OidcError;
use super::claims::Claims;

/// What a provider may sign with. Neither nothing nor a secret that we share with it.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Why something signed is worth nothing.
#[derive(Debug)]
pub enum NotSigned {
    /// There is no such key among those known: the provider may have new ones.
    UnknownKey,
    /// It proves nothing.
    Refused(OidcError),
}

/// Something the provider has signed for us.
pub struct Signed {
    /// What it says.
    pub claims: Claims,
    algorithm: Algorithm,
}

/// Reads what `issuer` has signed with one of these keys for the client, if it has not expired.
///
/// # Errors
/// [`NotSigned`].
pub fn read(token: &str, keys: &[Jwk], issuer: &str, client_id: &str) -> Result<Signed, NotSigned> {
    let refused = |error: jsonwebtoken::errors::Error| NotSigned::Refused(OidcError::Refused(words(&error)));
    let header = jsonwebtoken::decode_header(token).map_err(refused)?;
    if !ALGORITHMS.contains(&header.alg) {
        let why = format!("the ID token is signed by {:?}, which is not accepted", header.alg);
        return Err(NotSigned::Refused(OidcError::Refused(why)));
    }
    let mut rules = Validation::new(header.alg);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[client_id]);
    rules.set_required_spec_claims(&["exp", "iss", "aud"]);
    rules.validate_nbf = true;
    let may_sign = |key: &&Jwk| {
        let named = header.kid.is_none() || key.common.key_id == header.kid;
        named && key.common.public_key_use != Some(PublicKeyUse::Encryption)
    };
    let mut error = NotSigned::UnknownKey;
    for key in keys.iter().filter(may_sign) {
        let read = DecodingKey::from_jwk(key).and_then(|key| jsonwebtoken::decode::<Claims>(token, &key, &rules));
        match read {
            Ok(read) => return Ok(Signed { claims: read.claims, algorithm: header.alg }),
            Err(why) => error = refused(why),
        }
    }
    Err(error)
}

impl Signed {
    /// Whether it came with this access token, where it says with which (OpenID Connect Core 1.0, 3.1.3.6).
    #[must_use]
    pub fn belongs_to(&self, access_token: &str) -> bool {
        let digest = match self.algorithm {
            Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(access_token).to_vec(),
            Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => Sha512::digest(access_token).to_vec(),
            _ => Sha256::digest(access_token).to_vec(),
        };
        let half = digest.get(..digest.len() / 2).unwrap_or_default();
        self.claims.at_hash.as_deref().is_none_or(|hash| hash == BASE64.encode(half))
    }
}

/// For the log.
fn words(error: &jsonwebtoken::errors::Error) -> String {
    match error.kind() {
        ErrorKind::InvalidSignature => "the signature of the ID token is wrong".to_owned(),
        ErrorKind::InvalidIssuer => "the ID token names another issuer".to_owned(),
        ErrorKind::InvalidAudience => "the ID token is for another client".to_owned(),
        ErrorKind::ExpiredSignature => "the ID token has expired".to_owned(),
        _ => format!("the ID token cannot be used: {error}"),
    }
}
