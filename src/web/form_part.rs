//! What the parts of a form are called, and the files in them, however the sender spells it.
//!
//! Browsers put UTF-8 between quotes (RFC 7578, 4.2). Other programs write `filename*` (RFC 8187), encoded words as in mail
//! (.NET; RFC 2047), or Latin-1. actix-multipart gives up the whole form at a header that is not UTF-8, so it is told that the
//! form is a multipart of some other kind, of whose parts it wants no names.

use std::future::{Ready, ready};

use actix_multipart::{Field, Multipart};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode;

/// A form with files, as it comes.
pub struct SentForm(pub Multipart);

impl FromRequest for SentForm {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut headers = HeaderMap::new();
        if let Some(kind) = request.headers().get(CONTENT_TYPE) {
            let renamed = kind.to_str().ok().and_then(|kind| {
                let (form_data, parameters) = kind.split_at_checked(FORM_DATA.len())?;
                form_data.eq_ignore_ascii_case(FORM_DATA).then(|| format!("multipart/x-form{parameters}"))
            });
            let renamed = renamed.and_then(|kind| HeaderValue::from_str(&kind).ok());
            headers.insert(CONTENT_TYPE, renamed.unwrap_or_else(|| kind.clone()));
        }
        ready(Ok(Self(Multipart::new(&headers, payload.take()))))
    }
}

const FORM_DATA: &str = "multipart/form-data";

/// What a part is called.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PartName {
    /// Of the field.
    pub field: String,
    /// Of the file, as it was sent; empty where there is none.
    pub file: String,
}

impl PartName {
    /// Of this part.
    #[must_use]
    pub fn of(part: &Field) -> Self {
        part.headers().get(CONTENT_DISPOSITION).map(|value| Self::read(value.as_bytes())).unwrap_or_default()
    }

    fn read(header: &[u8]) -> Self {
        let (mut name, mut extended) = (Self::default(), None);
        let mut rest = after(header, b';').unwrap_or_default();
        while let Some(equals) = rest.iter().position(|byte| *byte == b'=') {
            let (key, value) = rest.split_at(equals);
            let value = value.get(1..).unwrap_or_default().trim_ascii_start();
            let (value, behind) = match value.strip_prefix(b"\"") {
                Some(quoted) => unquoted(quoted),
                None => {
                    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
                    (value.get(..end).unwrap_or_default().trim_ascii().to_vec(), value.get(end..).unwrap_or_default())
                }
            };
            rest = after(behind, b';').unwrap_or_default();
            match key.trim_ascii().to_ascii_lowercase().as_slice() {
                b"name" => name.field = text(&value),
                b"filename" => name.file = encoded_words(&text(&value)),
                b"filename*" => extended = extended_value(&value),
                _ => (),
            }
        }
        name.file = extended.unwrap_or(name.file);
        name
    }
}

/// What stands behind the first of these bytes.
fn after(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let at = bytes.iter().position(|byte| *byte == wanted)?;
    bytes.get(at + 1..)
}

/// A text up to its closing quote, and what stands behind that. Only quotes and backslashes are escaped: old browsers send
/// whole paths of Windows.
fn unquoted(quoted: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    let mut bytes = quoted.iter().enumerate().peekable();
    while let Some((at, &byte)) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'"', _) => return (text, quoted.get(at + 1..).unwrap_or_default()),
            (b'\\', Some(&(_, &escaped @ (b'"' | b'\\')))) => {
                text.push(escaped);
                bytes.next();
            }
            _ => text.push(byte),
        }
    }
    (text, b"")
}

/// UTF-8, else Latin-1.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|&byte| char::from(byte)).collect(), str::to_owned)
}

/// Bytes in this character set, of those that are sent: UTF-8, and Latin-1 with its part ASCII.
fn decoded(charset: &str, bytes: Vec<u8>) -> Option<String> {
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => String::from_utf8(bytes).ok(),
        "iso-8859-1" | "us-ascii" | "windows-1252" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// `UTF-8'en'%e2%82%ac%20rates`: RFC 8187, 3.2.
fn extended_value(value: &[u8]) -> Option<String> {
    let mut parts = std::str::from_utf8(value).ok()?.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    decoded(charset, percent_decode(encoded.as_bytes()).collect())
}

/// `=?utf-8?B?w6k=?=`: RFC 2047, 2. Spaces between two such words are part of neither. A name that only looks like it stays.
fn encoded_words(name: &str) -> String {
    let words: Option<Vec<_>> = name.split_ascii_whitespace().map(encoded_word).collect();
    words.filter(|words| !words.is_empty()).map_or_else(|| name.to_owned(), |words| words.concat())
}

fn encoded_word(word: &str) -> Option<String> {
    let mut parts = word.strip_prefix("=?")?.strip_suffix("?=")?.splitn(3, '?');
    let (charset, encoding, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(encoded).ok()?,
        // As in an address, with `=` for `%` and `_` for a space.
        "Q" | "q" => {
            percent_decode(encoded.replace('%', "=25").replace('_', " ").replace('=', "%").as_bytes()).collect()
        }
        _ => return None,
    };
    decoded(charset, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_however_they_are_sent() {
        let files: [(&[u8], &str); 17] = [
            (b"filename=\"plain.jpg\"", "plain.jpg"),
            (b"filename=plain.jpg", "plain.jpg"),
            ("filename=\"día é.jpg\"".as_bytes(), "día é.jpg"),
            (b"filename=\"d\xEDa \xE9.jpg\"", "día é.jpg"),
            (b"filename=\"x.jpg\"; filename*=UTF-8''d%C3%ADa%20%C3%A9.jpg", "día é.jpg"),
            (b"filename*=utf-8'en'd%C3%ADa.jpg; filename=\"x.jpg\"", "día.jpg"),
            (b"filename*=iso-8859-1''d%EDa.jpg", "día.jpg"),
            (b"FileName=\"x.jpg\"; FILENAME*=koi8-r''%C1", "x.jpg"),
            (b"filename=\"=?utf-8?B?ZMOtYS5qcGc=?=\"", "día.jpg"),
            (b"filename==?utf-8?B?ZMOtYS5qcGc=?=", "día.jpg"),
            (b"filename=\"=?utf-8?Q?d=C3=ADa_%25.jpg?=\"", "día %25.jpg"),
            (b"filename=\"=?utf-8?B?ZMOt?= =?utf-8?B?YS5qcGc=?=\"", "día.jpg"),
            (b"filename=\"=?utf-8?B?***?=\"", "=?utf-8?B?***?="),
            (b"filename=\"a\\\"b;c=d.jpg\"", "a\"b;c=d.jpg"),
            (b"filename=\"C:\\Users\\me\\IMG_1.jpg\"", "C:\\Users\\me\\IMG_1.jpg"),
            (b"filename=\"never closed.jpg", "never closed.jpg"),
            (b"filename=\"\"", ""),
        ];
        for (parameter, file) in files {
            let header = [b"form-data; name=\"file\"; ", parameter].concat();
            let expected = PartName { field: "file".to_owned(), file: file.to_owned() };
            assert_eq!(PartName::read(&header), expected, "{}", String::from_utf8_lossy(parameter));
        }
        assert_eq!(PartName::read(b"form-data"), PartName::default());
        assert_eq!(PartName::read(b"form-data; name=hashtags").field, "hashtags");
        assert_eq!(PartName::read(b";;==\"\\\"'"), PartName::default());
    }
}
