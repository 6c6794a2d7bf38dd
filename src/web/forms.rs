//! Forms: a field's value and what is wrong with it, and repeated fields.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use actix_web::{Error, FromRequest, HttpRequest, web};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::AppError;
use crate::web::selected::MOST_SELECTED;

/// The largest form that is not an upload, in bytes.
pub const LARGEST: usize = 256 * 1024;

/// What was typed into a field, and what is wrong with it.
#[derive(Debug, Default, Clone)]
pub struct Field {
    /// As it was typed; a password is not kept.
    pub value: String,
    /// In words; empty when it is fine.
    pub errors: Vec<String>,
    /// The stored value that the page was drawn from, which the form sends along: see `web::edits`.
    pub was: Option<String>,
    /// What was typed and not saved, because the field was changed meanwhile.
    pub typed: Option<String>,
}

impl Field {
    /// A field that holds this.
    pub fn of(value: impl Into<String>) -> Self {
        Self { value: value.into(), ..Self::default() }
    }

    /// An empty field with something wrong about it.
    pub fn wrong(error: impl Into<String>) -> Self {
        Self { errors: vec![error.into()], ..Self::default() }
    }

    /// Says that something is wrong with it.
    pub fn refuse(&mut self, error: impl Into<String>) {
        self.errors.push(error.into());
    }

    /// Whether nothing is wrong with it.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.errors.is_empty()
    }
}

/// The most fields of a form or a query: a few more than there are photos to select.
const MOST_PAIRS: usize = MOST_SELECTED + 100;

/// A form in which names may come more than once. Reading stops at the first field too many.
#[derive(Debug)]
pub struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = fields.next_element()? {
                    if pairs.len() == MOST_PAIRS {
                        return Err(A::Error::custom("too many fields"));
                    }
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_seq(Bounded)
    }
}

impl Pairs {
    /// Of a query.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] when it is no query.
    pub fn of_query(request: &HttpRequest) -> Result<Self, AppError> {
        let read = serde_urlencoded::from_str(request.query_string());
        read.map_err(|_| AppError::BadRequest("The address is not complete.".to_owned()))
    }

    /// The first value of this name, or an empty text.
    #[must_use]
    pub fn first<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequest for Pairs {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let form = web::Form::<Self>::from_request(request, payload);
        Box::pin(async move { form.await.map(web::Form::into_inner) })
    }
}

/// A body that is a JSON object. serde would take the values alone for one too, as a list.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonBody<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = web::Json::<Object<T>>::from_request(request, payload);
        Box::pin(async move { json.await.map(|json| Self(json.into_inner().0)) })
    }
}

struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMaps<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMaps<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(OnlyMaps(PhantomData)).map(Self)
    }
}

/// A body that is JSON, or a form: OAuth 2 knows forms alone, programs of our own prefer JSON.
pub struct FormOrJson<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for FormOrJson<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
        if kind.is_some_and(|kind| kind.starts_with(b"application/json")) {
            let json = JsonBody::<T>::from_request(request, payload);
            Box::pin(async move { json.await.map(|json| Self(json.0)) })
        } else {
            let form = web::Form::<T>::from_request(request, payload);
            Box::pin(async move { form.await.map(|form| Self(form.into_inner())) })
        }
    }
}

/// A body that may be left out. One that is there and cannot be read is refused, which `Option` would take for none.
pub struct IfSent<T>(pub Option<T>);

impl<T: FromRequest + 'static> FromRequest for IfSent<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let none = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
        if none && !headers.contains_key(TRANSFER_ENCODING) {
            return Box::pin(async { Ok(Self(None)) });
        }
        let read = T::from_request(request, payload);
        Box::pin(async move { read.await.map(|sent| Self(Some(sent))).map_err(Into::into) })
    }
}

/// How extractors report what they cannot read: a path that fits no id is a page that does not exist.
pub fn configure(config: &mut web::ServiceConfig) {
    let form = web::FormConfig::default().limit(LARGEST).error_handler(|error, _| {
        use actix_web::error::UrlencodedError::{ContentType, Overflow};
        match error {
            Overflow { .. } => AppError::TooLarge("This form is too long.".to_owned()).into(),
            ContentType => {
                AppError::Unsupported("Send the form as application/x-www-form-urlencoded.".to_owned()).into()
            }
            _ => AppError::BadRequest("The form is not complete.".to_owned()).into(),
        }
    });
    let json = web::JsonConfig::default().limit(LARGEST).error_handler(|error, _| {
        use actix_web::error::JsonPayloadError::{ContentType, Deserialize, Overflow, OverflowKnownLength};
        match error {
            Overflow { .. } | OverflowKnownLength { .. } => {
                AppError::TooLarge("This request is too long.".to_owned()).into()
            }
            ContentType => AppError::Unsupported("Send the request as application/json.".to_owned()).into(),
            // JSON, but not of this shape.
            Deserialize(error) if error.is_data() => AppError::invalid_field("body", expected(&error)).into(),
            _ => AppError::BadRequest("The request is not JSON.".to_owned()).into(),
        }
    });
    config
        .app_data(form)
        .app_data(json)
        .app_data(web::PathConfig::default().error_handler(|_, _| AppError::NotFound.into()))
        .app_data(
            web::QueryConfig::default()
                .error_handler(|_, _| AppError::BadRequest("The address is not complete.".to_owned()).into()),
        );
}

/// What serde says of JSON of another shape, without what stands there: that may be a password.
fn expected(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => text,
    }
}

/// Where to go after a form: `next` if it is a path of ours, else `otherwise`. Browsers read `//host` and `/\host` as
/// other sites, and drop tabs and line ends before they look.
#[must_use]
pub fn local_path(next: Option<&str>, otherwise: &str) -> String {
    let is_ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.chars().all(|c| c.is_ascii_graphic())
    };
    next.filter(is_ours).unwrap_or(otherwise).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MOST_PAIRS, Pairs, local_path};

    #[test]
    fn a_form_is_read_no_further_than_to_the_first_field_too_many() {
        let form = |count: usize| "a&".repeat(count);
        let read: Pairs = serde_urlencoded::from_str(&form(MOST_PAIRS)).unwrap();
        assert_eq!(read.all("a").count(), MOST_PAIRS);
        let error = serde_urlencoded::from_str::<Pairs>(&form(MOST_PAIRS + 1)).unwrap_err();
        assert_eq!(error.to_string(), "too many fields");
    }

    #[test]
    fn next_never_leads_off_site() {
        assert_eq!(local_path(Some("/photos?hashtag=a"), "/"), "/photos?hashtag=a");
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "photos",
            "/\t/evil.example",
            "javascript:x",
            "/\n/evil",
            "/é",
            "/a b",
        ] {
            assert_eq!(local_path(Some(bad), "/photos"), "/photos", "{bad}");
        }
        assert_eq!(local_path(None, "/photos"), "/photos");
    }
}
