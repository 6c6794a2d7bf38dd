//! What an ID token or an answer about somebody says: the claims that are used, and no others.
//!
//! Providers differ in what they send beside these, and in its form (times as text, addresses as text or object). None of
//! that may end a login. Claims that decide who somebody is are read strictly; those that only describe them are left out
//! where they are not what they should be.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{OidcError, Person};

/// The claims that are used.
#[derive(Deserialize)]
pub struct Claims {
    #[serde(rename = "sub", deserialize_with = "subject")]
    pub subject: String,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default, rename = "aud", deserialize_with = "count")]
    audiences: usize,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    pub at_hash: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub email: Option<String>,
    #[serde(default, deserialize_with = "yes")]
    pub email_verified: bool,
    #[serde(default, deserialize_with = "text")]
    pub preferred_username: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
}

impl Claims {
    /// Whether they are for this client and this login (OpenID Connect Core 1.0, 3.1.3.7). That the client is among those
    /// they are for, the caller has seen to.
    ///
    /// # Errors
    /// [`OidcError::Refused`].
    pub fn check(&self, client_id: &str, nonce: &str) -> Result<(), OidcError> {
        let refuse = |why: &str| Err(OidcError::Refused(why.to_owned()));
        match &self.azp {
            Some(azp) if azp != client_id => return refuse("azp: the ID token was made for another client"),
            None if self.audiences > 1 => return refuse("azp is missing, and the ID token has several audiences"),
            _ => {}
        }
        if self.nonce.as_deref() == Some(nonce) { Ok(()) } else { refuse("the ID token has another nonce, or none") }
    }

    /// Whom they describe.
    #[must_use]
    pub fn into_person(self, issuer: String) -> Person {
        Person {
            issuer,
            subject: self.subject,
            email: self.email,
            email_verified: self.email_verified,
            preferred_username: self.preferred_username,
            name: self.name,
            untold: None,
        }
    }
}

/// A text, or a whole number, as some providers number their people.
fn subject<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let subject = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => String::new(),
    };
    if (1..=255).contains(&subject.chars().count()) {
        Ok(subject)
    } else {
        Err(serde::de::Error::custom("sub is no text of 1 to 255 characters"))
    }
}

/// A text that is not empty; anything else says nothing.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    })
}

/// How many there are: one, or those in a list.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(all) => all.len(),
        _ => 1,
    })
}

/// True, or the word for it; anything else is no.
fn yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(yes) => yes,
        Value::String(word) => word == "true",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Claims;

    #[test]
    fn only_claims_that_matter_are_read_strictly() {
        let read = |claims: serde_json::Value| serde_json::from_value::<Claims>(claims);
        for odd in [
            json!({ "sub": "1", "updated_at": "2026-11-28T10:00:00Z", "address": "Main Street 1", "exp": [] }),
            json!({ "sub": 17, "email": 5, "email_verified": [], "name": { "en": "x" }, "preferred_username": "" }),
        ] {
            let claims = read(odd).unwrap();
            assert!(claims.email.is_none() && !claims.email_verified && claims.name.is_none());
            assert!(claims.preferred_username.is_none());
        }
        assert_eq!(read(json!({ "sub": 17 })).unwrap().subject, "17");
        for (word, verified) in [(json!("true"), true), (json!(true), true), (json!("false"), false), (json!(1), false)]
        {
            assert_eq!(read(json!({ "sub": "1", "email_verified": word })).unwrap().email_verified, verified);
        }
        for no in
            [json!({}), json!({ "sub": "" }), json!({ "sub": 1.5 }), json!({ "sub": null }), json!({ "sub": ["1"] })]
        {
            assert!(read(no.clone()).is_err(), "{no}");
        }
        for (claims, fine) in [
            (json!({ "sub": "1", "nonce": "n", "aud": "us" }), true),
            (json!({ "sub": "1", "nonce": "n", "aud": ["us", "other"], "azp": "us" }), true),
            (json!({ "sub": "1", "nonce": "n", "aud": ["us", "other"] }), false),
            (json!({ "sub": "1", "nonce": "n", "aud": "us", "azp": "other" }), false),
            (json!({ "sub": "1", "nonce": "m", "aud": "us" }), false),
            (json!({ "sub": "1", "aud": "us" }), false),
        ] {
            assert_eq!(read(claims.clone()).unwrap().check("us", "n").is_ok(), fine, "{claims}");
        }
    }
}
