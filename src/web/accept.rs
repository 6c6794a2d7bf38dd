//! Which of a shared photo's pictures a client is sent: by the extension that it asks for, else by what it says it accepts
//! (RFC 9110, 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;

use crate::media::{Format, RenditionName};
use crate::models::Photo;

/// One of a shared photo's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The one that plays, or the large one.
    Rendition(RenditionName),
    /// The JPEG, which everybody can read.
    Preview,
}

impl Shown {
    /// The one of this type; `None` where there is none, or the extension is no picture's.
    #[must_use]
    pub fn by_extension(photo: &Photo, extension: &str) -> Option<Self> {
        let moving = photo.rendition_type(RenditionName::Moving);
        let format = Format::ALL.into_iter().find(|format| {
            format.extension().eq_ignore_ascii_case(extension)
                || *format == Format::Jpeg && extension.eq_ignore_ascii_case("jpeg")
        })?;
        match format {
            Format::Jpeg => Some(Self::Preview),
            format if moving == Some(format.content_type()) => Some(Self::Rendition(RenditionName::Moving)),
            Format::WebP => Some(Self::Rendition(RenditionName::Large)),
            _ => None,
        }
    }

    /// What plays where that is accepted; else the large one, or the JPEG where that is rather accepted. A client that accepts
    /// nothing of it is sent what others are.
    #[must_use]
    pub fn by_accept(photo: &Photo, accept: &Accept) -> Self {
        let (large, preview) = (accept.weight(Format::WebP), accept.weight(Format::Jpeg));
        let moving = photo.rendition_type(RenditionName::Moving);
        match moving.and_then(Format::of_content_type).map(|format| accept.weight(format)) {
            Some(1..) => Self::Rendition(RenditionName::Moving),
            Some(0) if large + preview == 0 => Self::Rendition(RenditionName::Moving),
            _ if preview > large => Self::Preview,
            _ => Self::Rendition(RenditionName::Large),
        }
    }
}

/// What a client accepts.
pub struct Accept(String);

impl Accept {
    /// By the request's headers; everything where they do not say.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let values = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
        let all = values.collect::<Vec<_>>().join(",");
        Self(if all.trim().is_empty() { "*/*".to_owned() } else { all.to_ascii_lowercase() })
    }

    /// How much pictures of this format are wanted, of 1000; 0 is not at all. The most exact of the types listed counts.
    fn weight(&self, format: Format) -> u32 {
        let listed = self.0.split(',').filter_map(|one| {
            let mut parts = one.split(';').map(str::trim);
            let exactness = match parts.next()? {
                own if own == format.content_type() => 2,
                "image/*" => 1,
                "*/*" => 0,
                _ => return None,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse::<f32>().ok());
            let weight = weight.filter(|weight| weight.is_finite());
            // Malformed is not said; the cast cannot cut what is between 0 and 1000.
            Some((exactness, (weight.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u32))
        });
        listed.max_by_key(|(exactness, _)| *exactness).map_or(0, |(_, weight)| weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_type_counts() {
        for (accept, webp, jpeg) in [
            ("*/*", 1000, 1000),
            ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", 1000, 1000),
            ("image/jpeg", 0, 1000),
            ("image/webp;q=0, image/*;q=0.5", 0, 500),
            ("image/webp;q=0.2,image/jpeg ; q=0.4", 200, 400),
            ("text/html", 0, 0),
            ("image/webp;q=much", 1000, 0),
            ("image/webp;q=nan", 1000, 0),
        ] {
            let accept = Accept(accept.to_owned());
            assert_eq!((accept.weight(Format::WebP), accept.weight(Format::Jpeg)), (webp, jpeg), "{}", accept.0);
        }
    }
}
