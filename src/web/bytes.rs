//! Serving stored bytes: ranges, ETags, caching, and headers under which nothing in them can run.

use std::time::{Duration, Instant};

use actix_web::body::SizedStream;
use actix_web::http::header::{
    self, Charset, ContentDisposition, ContentRange, ContentRangeSpec, DispositionParam, DispositionType, ETag,
    EntityTag, ExtendedValue, Header, HttpDate, IfNoneMatch, IfRange, Range,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::stream::{self, Empty, StreamExt};
use tokio::sync::mpsc;

use crate::album::{Album, CleanCopy};
use crate::error::AppError;
use crate::media::{Format, RenditionName, VERSION, preview};
use crate::models::{Photo, PhotoId, Visibility};
use crate::storage::{Kind, Object};

/// Nothing in these bytes runs, whatever they are and however they are opened.
const POLICY: &str = "default-src 'none'; sandbox";

/// How long a visitor's copy waits for its next part to be taken, and how long all of it may last: it lies on the disk
/// meanwhile.
const UNTAKEN: Duration = Duration::from_secs(30);
const LONGEST_SEND: Duration = Duration::from_secs(15 * 60);

/// Who may keep a copy, and for how long. Only an address that was made for everybody may be [`Caching::Public`], since a
/// shared cache asks nobody's leave; `/photos/{id}/…` never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// The owner's browser, for good: these bytes never change.
    Private,
    /// The browser of the one who asks, which asks each time whether they may still see it.
    Revalidated,
    /// Anyone, shared caches too: a public photo at its link. After a photo was taken back, they show it that long at most.
    Public,
}

impl Caching {
    /// Of a photo at its link.
    #[must_use]
    pub fn at_link(photo: &Photo) -> Self {
        match photo.visibility() {
            Visibility::Public => Self::Public,
            Visibility::Link | Visibility::Private => Self::Revalidated,
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Private => "private, max-age=31536000, immutable",
            Self::Revalidated => "private, no-cache",
            Self::Public => "public, max-age=10, must-revalidate",
        }
    }
}

/// Which bytes of a photo.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// One of its objects.
    Object(Kind),
    /// The JPEG by which other sites show it, of this width and height.
    Preview((u32, u32)),
}

/// Stored bytes that the one who asks may see.
pub struct Served {
    /// Of which photo.
    pub photo: PhotoId,
    /// Which of its bytes.
    pub what: What,
    /// Of its renditions, as the row says.
    pub version: i16,
    /// Tells these bytes from all others that the same address may answer.
    pub tag: String,
    /// Their exact type.
    pub content_type: String,
    /// Suggested to whoever saves them.
    pub filename: Option<String>,
    /// Who may keep a copy.
    pub caching: Caching,
}

impl Served {
    /// A rendition of a photo.
    ///
    /// # Errors
    /// [`AppError::NotFound`] for one that this photo has not.
    pub fn rendition(photo: &Photo, name: RenditionName, caching: Caching) -> Result<Self, AppError> {
        let content_type = photo.rendition_type(name).ok_or(AppError::NotFound)?.to_owned();
        let (version, tag) = (photo.renditions_version, tag(photo, name.as_str(), caching));
        Ok(Self {
            photo: photo.id,
            what: What::Object(Kind::Rendition(name)),
            version,
            tag,
            content_type,
            filename: None,
            caching,
        })
    }

    /// The JPEG by which other sites show a shared photo.
    #[must_use]
    pub fn preview(photo: &Photo, caching: Caching) -> Self {
        let (version, tag) = (photo.renditions_version, tag(photo, "preview", caching));
        let content_type = Format::Jpeg.content_type().to_owned();
        let size = preview::size(photo.width.unsigned_abs(), photo.height.unsigned_abs());
        Self { photo: photo.id, what: What::Preview(size), version, tag, content_type, filename: None, caching }
    }

    /// As [`Served::answer`] of [`Served::rendition`], with what is nearest where an older version made no such size.
    ///
    /// # Errors
    /// As those two.
    pub async fn answer_rendition(
        photo: &Photo,
        mut name: RenditionName,
        mut caching: Caching,
        request: &HttpRequest,
        album: &Album,
    ) -> Result<HttpResponse, AppError> {
        if photo.renditions_version < VERSION {
            let nearest = album.nearest(photo.id, name).await?;
            if nearest != name {
                // `lumina renditions` will put something else here.
                (name, caching) = (nearest, Caching::Revalidated);
            }
        }
        Self::rendition(photo, name, caching)?.answer(request, album).await
    }

    /// Answers `request` with the bytes, a part of them, or "you have them already".
    ///
    /// Several ranges at once are answered with the whole, as RFC 9110, 14.2 allows.
    ///
    /// # Errors
    /// As [`Album::bytes`].
    pub async fn answer(self, request: &HttpRequest, album: &Album) -> Result<HttpResponse, AppError> {
        let tag = EntityTag::new_strong(self.tag.clone());
        if matches!(request.get_header::<IfNoneMatch>(), Some(known) if matches(&known, &tag)) {
            return Ok(self.head(StatusCode::NOT_MODIFIED, tag).finish());
        }
        let asked = requested_range(request, &tag);
        let Some((first, last)) = asked else {
            if request.method() == Method::HEAD {
                // Its body would be read to the end and thrown away.
                let size = self.size(album).await?;
                return Ok(self.head(StatusCode::OK, tag).body(SizedStream::new(size, nothing())));
            }
            let object = self.object(album, None).await?;
            return Ok(self.head(StatusCode::OK, tag).body(SizedStream::new(object.size, object.stream)));
        };
        // Only the last bytes need the size, which only the storage knows, before they can be asked for.
        let (from, to) = match (first, last) {
            (Some(first), last) => (first, last.unwrap_or(u64::MAX)),
            (None, Some(count)) => (self.size(album).await?.saturating_sub(count), u64::MAX),
            (None, None) => (0, u64::MAX),
        };
        // Backwards, as in 9-3, is refused below.
        let object = self.object(album, Some((from, to.max(from)))).await?;
        let size = object.size;
        let Some((first, last)) = satisfiable(first, last, size) else {
            let range = ContentRange(ContentRangeSpec::Bytes { range: None, instance_length: Some(size) });
            return Ok(HttpResponse::RangeNotSatisfiable().insert_header(range).finish());
        };
        let range = ContentRange(ContentRangeSpec::Bytes { range: Some((first, last)), instance_length: Some(size) });
        Ok(self
            .head(StatusCode::PARTIAL_CONTENT, tag)
            .insert_header(range)
            .body(SizedStream::new(last - first + 1, object.stream)))
    }

    async fn size(&self, album: &Album) -> Result<u64, AppError> {
        Ok(self.object(album, Some((0, 0))).await?.size)
    }

    async fn object(&self, album: &Album, range: Option<(u64, u64)>) -> Result<Object, AppError> {
        match self.what {
            What::Object(kind) => album.bytes(self.photo, kind, self.version, range).await,
            What::Preview(size) => album.preview(self.photo, size, self.version, range).await,
        }
    }

    fn head(&self, status: StatusCode, tag: EntityTag) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        response
            .content_type(self.content_type.as_str())
            .insert_header(ETag(tag))
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .insert_header((header::CACHE_CONTROL, self.caching.header()))
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
        if self.caching != Caching::Private {
            // Made to be shown on other sites.
            response.insert_header(("cross-origin-resource-policy", "cross-origin"));
        }
        if let Some(filename) = &self.filename {
            response.insert_header(disposition(DispositionType::Inline, filename));
        }
        response
    }
}

/// A tag for these bytes of a photo. Its id tells when it was uploaded: those who have its link are not told that.
fn tag(photo: &Photo, name: &str, caching: Caching) -> String {
    let id = match (&photo.share_token, caching) {
        (Some(token), Caching::Revalidated | Caching::Public) => token.clone(),
        _ => photo.id.0.simple().to_string(),
    };
    format!("{id}-{name}-{}", photo.renditions_version)
}

/// A visitor's copy of a photo, or a part of it, to be saved under a name that says nothing. `tag` is of this copy.
///
/// # Errors
/// As [`CleanCopy::open`].
pub async fn attachment(request: &HttpRequest, copy: CleanCopy, tag: EntityTag) -> Result<HttpResponse, AppError> {
    let (format, size) = (copy.format, copy.size);
    let range = match requested_range(request, &tag) {
        None => None,
        Some((first, last)) => match satisfiable(first, last, size) {
            Some(range) => Some(range),
            None => {
                let range = ContentRange(ContentRangeSpec::Bytes { range: None, instance_length: Some(size) });
                return Ok(HttpResponse::RangeNotSatisfiable().insert_header(range).finish());
            }
        },
    };
    let mut head = HttpResponse::build(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    head.content_type(format.content_type())
        .insert_header(ETag(tag))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, Caching::Revalidated.header()))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header(disposition(DispositionType::Attachment, &format!("photo.{}", format.extension())));
    if let Some(range) = range {
        head.insert_header(ContentRange(ContentRangeSpec::Bytes { range: Some(range), instance_length: Some(size) }));
    }
    let length = range.map_or(size, |(first, last)| last - first + 1);
    if request.method() == Method::HEAD {
        return Ok(head.body(SizedStream::new(length, nothing())));
    }
    let (Object { stream, .. }, turn) = copy.open(range).await?;
    let (send, receive) = mpsc::channel(1);
    #[expect(clippy::disallowed_methods, reason = "it ends with the download")]
    actix_web::rt::spawn(async move {
        let (mut stream, end) = (stream, Instant::now() + LONGEST_SEND);
        while let Some(chunk) = stream.next().await {
            let patience = UNTAKEN.min(end.saturating_duration_since(Instant::now()));
            if !matches!(actix_web::rt::time::timeout(patience, send.send(chunk)).await, Ok(Ok(()))) {
                break;
            }
        }
        drop(turn);
    });
    let stream = stream::unfold(receive, |mut receive| async { receive.recv().await.map(|chunk| (chunk, receive)) });
    Ok(head.body(SizedStream::new(length, stream)))
}

/// "You have it already", if the client's copy is the one of this tag.
#[must_use]
pub fn known(request: &HttpRequest, tag: &EntityTag) -> Option<HttpResponse> {
    let known = request.get_header::<IfNoneMatch>().is_some_and(|known| matches(&known, tag));
    known.then(|| HttpResponse::NotModified().insert_header(ETag(tag.clone())).finish())
}

fn nothing() -> Empty<Result<web::Bytes, AppError>> {
    futures_util::stream::empty()
}

/// Whether the client's copy is still what there is.
pub fn matches(known: &IfNoneMatch, tag: &EntityTag) -> bool {
    match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(tag)),
    }
}

/// The first and last byte asked for, as far as the request says; `None` for the whole.
fn requested_range(request: &HttpRequest, tag: &EntityTag) -> Option<(Option<u64>, Option<u64>)> {
    use header::ByteRangeSpec::{From, FromTo, Last};
    let still_same = match IfRange::parse(request) {
        Ok(IfRange::EntityTag(known)) => known.strong_eq(tag),
        // There are no dates here to compare with.
        Ok(IfRange::Date(HttpDate { .. })) => false,
        Err(_) => !request.headers().contains_key(header::IF_RANGE),
    };
    match request.get_header::<Range>() {
        Some(Range::Bytes(ranges)) if still_same => match ranges.as_slice() {
            [FromTo(first, last)] => Some((Some(*first), Some(*last))),
            [From(first)] => Some((Some(*first), None)),
            [Last(count)] => Some((None, Some(*count))),
            _ => None,
        },
        _ => None,
    }
}

/// The bytes to send, both ends included; `None` when there are none.
fn satisfiable(first: Option<u64>, last: Option<u64>, size: u64) -> Option<(u64, u64)> {
    let end = size.checked_sub(1)?;
    match (first, last) {
        (Some(first), last) if first <= end => {
            let last = last.unwrap_or(end).min(end);
            (first <= last).then_some((first, last))
        }
        (None, Some(count)) if count > 0 => Some((size.saturating_sub(count), end)),
        _ => None,
    }
}

/// `Content-Disposition` with the name as RFC 6266 wants it: plain for old clients, encoded for the others.
fn disposition(disposition: DispositionType, filename: &str) -> ContentDisposition {
    let plain = filename.chars().map(|c| if c.is_ascii_graphic() && !"\"\\%;".contains(c) { c } else { '_' }).collect();
    ContentDisposition {
        disposition,
        parameters: vec![
            DispositionParam::Filename(plain),
            DispositionParam::FilenameExt(ExtendedValue {
                charset: Charset::Ext("UTF-8".to_owned()),
                language_tag: None,
                value: filename.as_bytes().to_vec(),
            }),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::satisfiable;

    #[test]
    fn ranges_are_cut_to_what_there_is() {
        assert_eq!(satisfiable(Some(0), Some(9), 100), Some((0, 9)));
        assert_eq!(satisfiable(Some(90), Some(900), 100), Some((90, 99)));
        assert_eq!(satisfiable(Some(90), None, 100), Some((90, 99)));
        assert_eq!(satisfiable(None, Some(10), 100), Some((90, 99)));
        assert_eq!(satisfiable(None, Some(1000), 100), Some((0, 99)));
        assert_eq!(satisfiable(Some(100), None, 100), None);
        assert_eq!(satisfiable(Some(9), Some(3), 100), None);
        assert_eq!(satisfiable(None, Some(0), 100), None);
        assert_eq!(satisfiable(Some(0), None, 0), None);
    }
}
