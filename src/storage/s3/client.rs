//! One request to the bucket each, tried once: the only file that knows rust-s3.
//!
//! rust-s3 signs URLs, and its HTTP client sends the requests: of its own methods those that stream take neither a range
//! nor a single request for more than 8 MiB, and their deadline is for whole bodies. Parts of very large files go through
//! its multipart upload.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use fs_err::tokio::File;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use s3::creds::Credentials;
use s3::error::S3Error;
use s3::{Bucket, Region};
use s3_http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderValue, RANGE,
};
use s3_http::{Body, Method, RequestBuilder, Response, StatusCode};

use super::Bounds;
use super::failure::Failure;
use super::progress::{Progress, never_idle};
use crate::config::S3Config;
use crate::storage::PHOTOS;
use crate::storage::list::Page;
use crate::storage::{Listed, Object};

/// How long a signed URL is good for, in seconds: what clocks may differ by.
const SIGNED_FOR: u32 = 900;

/// How long one part of a very large file may take.
const PART: Duration = Duration::from_secs(120);

/// Bytes of an error's text that are looked at.
const ERROR_TEXT: usize = 16 * 1024;

/// What the bucket is told of an object, for those who read it past Lumina.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers<'a> {
    pub(super) content_type: &'a str,
    pub(super) caching: Option<&'a str>,
}

impl Headers<'_> {
    /// Of what Lumina alone reads.
    pub(super) const OURS: Headers<'static> = Headers { content_type: "application/octet-stream", caching: None };
}

/// What sends requests to one bucket.
pub(super) struct Client {
    bucket: Box<Bucket>,
    bounds: Bounds,
}

/// The bucket's own would print the key.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("bucket", &self.bucket.name).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(config: &S3Config, bounds: Bounds) -> Result<Self, Failure> {
        // Tried again is by us, with pauses; see `super::retry`.
        s3::set_retries(0);
        let (id, key) = (config.aws_access_key_id.expose(), config.aws_secret_access_key.expose());
        let credentials = Credentials::new(Some(id), Some(key), None, None, None);
        let credentials = credentials.map_err(|error| Failure::nonsense(error.to_string()))?;
        let region = Region::Custom { region: config.region_name.clone(), endpoint: config.endpoint() };
        let mut bucket = Bucket::new(&config.bucket_name, region, credentials).map_err(signing)?;
        if config.path_style {
            bucket.set_path_style();
        }
        bucket.set_request_timeout(Some(PART));
        Ok(Self { bucket, bounds })
    }

    /// Puts an object of `size` bytes in by one request.
    pub(super) async fn put(
        &self,
        key: &str,
        size: u64,
        bytes: BoxStream<'static, std::io::Result<Bytes>>,
        headers: Headers<'_>,
    ) -> Result<(), Failure> {
        let url = self.bucket.presign_put(key, SIGNED_FOR, None, None).await.map_err(signing)?;
        let progress = Progress::begin(self.bounds.standstill);
        let request = self.request(Method::PUT, url).header(CONTENT_LENGTH, size);
        let request = request.header(CONTENT_TYPE, headers.content_type);
        let request = headers.caching.into_iter().fold(request, |request, it| request.header(CACHE_CONTROL, it));
        let request = request.body(Body::wrap_stream(progress.watch(bytes)));
        let answer = progress.or_late(async { checked(send(request).await?).await }).await;
        answer.map(drop)
    }

    /// An address for putting an object of exactly `size` bytes in: their number is part of what is signed.
    pub(super) async fn put_url(&self, key: &str, size: u64, lifetime: Duration) -> Result<String, Failure> {
        let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        let signed = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from(size))]);
        self.bucket.presign_put(key, seconds, Some(signed), None).await.map_err(signing)
    }

    /// Puts bytes in at such an address.
    pub(super) async fn put_at_url(&self, url: String, bytes: Vec<u8>) -> Result<(), Failure> {
        let request = self.request(Method::PUT, url).body(bytes);
        self.in_time(async { checked(send(request).await?).await }).await.map(drop)
    }

    /// Puts a file in by many requests; removes what is there of it when that fails.
    pub(super) async fn put_in_parts(&self, key: &str, file: &Path) -> Result<(), Failure> {
        let mut file = File::open(file).await.map_err(Failure::ours)?;
        let put = self.bucket.put_object_stream_builder(key).with_max_concurrent_chunks(2);
        put.execute_stream(&mut file).await.map(drop).map_err(of_rust_s3)
    }

    /// Opens an object, or a part of it. Beside it stands the version of it that this is, as the storage names it.
    pub(super) async fn get(
        &self,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<(Object, Option<HeaderValue>), Failure> {
        let url = self.bucket.presign_get(key, SIGNED_FOR, None).await.map_err(signing)?;
        let mut request = self.request(Method::GET, url);
        match range {
            // Some storage counts positions in 63 bits.
            Some((first, last)) if last < i64::MAX as u64 => {
                request = request.header(RANGE, format!("bytes={first}-{last}"))
            }
            Some((first, _)) => request = request.header(RANGE, format!("bytes={first}-")),
            None => {}
        }
        let answer = self.in_time(send(request)).await?;
        let status = answer.status();
        if range.is_some() && status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok((self.nothing_of(key, &answer).await?, None));
        }
        let answer = self.in_time(checked(answer)).await?;
        let size = match (range, status) {
            (None, _) => answer.content_length(),
            (Some((first, _)), StatusCode::PARTIAL_CONTENT) => {
                whole_size(&answer).filter(|_| begins_at(&answer, first))
            }
            // All of it was asked for.
            (Some((0, last)), _) => answer.content_length().filter(|size| last >= size.saturating_sub(1)),
            _ => None,
        };
        let size = size.ok_or_else(|| Failure::nonsense("an answer to GET without the object's size"))?;
        let version = answer.headers().get(ETAG).cloned();
        let stream = never_idle(answer.bytes_stream(), self.bounds.standstill);
        Ok((Object { size, stream }, version))
    }

    /// A part past the object's end.
    async fn nothing_of(&self, key: &str, answer: &Response) -> Result<Object, Failure> {
        let size = match whole_size(answer) {
            Some(size) => size,
            // Not all storage says how large it is.
            None => Box::pin(self.get(key, None)).await?.0.size,
        };
        Ok(Object { size, stream: Box::pin(futures_util::stream::empty()) })
    }

    /// The object's size, by one byte of it: what is wrong with a request is told in a body, which HEAD has none of.
    pub(super) async fn stat(&self, key: &str) -> Result<u64, Failure> {
        let (object, _) = self.get(key, Some((0, 0))).await?;
        // Read to its end, so that the connection can be used again.
        let rest = object.stream.try_for_each(|_| std::future::ready(Ok(())));
        self.in_time(async { rest.await.map_err(|error| Failure::unanswered(&error)) }).await?;
        Ok(object.size)
    }

    /// Some objects whose names begin with `prefix`, from the first or from where an earlier page says, and where to go on.
    pub(super) async fn list_page(&self, prefix: &str, from: Option<String>) -> Result<Page, Failure> {
        let listing = self.bucket.list_page(prefix.to_owned(), None, from, None, Some(self.bounds.page));
        // It comes at once when it was found, which may take a while among many.
        let listed = tokio::time::timeout(self.bounds.standstill, listing).await.map_err(|_| Failure::late())?;
        let (page, _) = listed.map_err(of_rust_s3)?;
        let next = page.next_continuation_token.filter(|_| page.is_truncated);
        if page.is_truncated && next.is_none() {
            return Err(Failure::nonsense("a list that does not say where it goes on"));
        }
        let objects = page.contents.into_iter().map(|object| {
            let modified = DateTime::parse_from_rfc3339(&object.last_modified);
            let modified = modified.map_err(|_| Failure::nonsense("a list with times that are none"))?.to_utc();
            Ok(Listed { key: object.key, size: object.size, modified })
        });
        Ok((objects.collect::<Result<_, _>>()?, next))
    }

    /// Removes the parts of photos' objects that somebody began to put in before `begun`. Answers of how many objects.
    pub(super) async fn abort_parts(&self, begun: DateTime<Utc>) -> Result<usize, Failure> {
        let listing = self.bucket.list_multiparts_uploads(Some(PHOTOS), None);
        let listed = match tokio::time::timeout(self.bounds.standstill, listing).await.map_err(|_| Failure::late())? {
            // Not all storage has such a list; there is nothing to see then.
            Err(S3Error::HttpFailWithBody(404 | 405 | 501, _)) => return Ok(0),
            Err(S3Error::HttpFailWithBody(403, body)) if is_denied(&body) => return Ok(parts_stay()),
            listed => listed.map_err(of_rust_s3)?,
        };
        let mut aborted = 0;
        for upload in listed.into_iter().flat_map(|page| page.uploads) {
            let since = DateTime::parse_from_rfc3339(&upload.initiated);
            if since.is_ok_and(|since| since < begun) {
                match self.in_time(async { Ok(self.bucket.abort_upload(&upload.key, &upload.id).await) }).await? {
                    // Somebody else was faster.
                    Err(S3Error::HttpFailWithBody(404, _)) => {}
                    Err(S3Error::HttpFailWithBody(403, body)) if is_denied(&body) => return Ok(parts_stay()),
                    done => done.map_err(of_rust_s3)?,
                }
                aborted += 1;
            }
        }
        Ok(aborted)
    }

    /// The bucket's name, and where it is.
    pub(super) fn place(&self) -> String {
        format!("{} at {}", self.bucket.name, self.bucket.region.endpoint())
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Failure> {
        let url = self.bucket.presign_delete(key, SIGNED_FOR).await.map_err(signing)?;
        self.in_time(async { checked(send(self.request(Method::DELETE, url)).await?).await }).await.map(drop)
    }

    /// Lists one object: what only a bucket that is there answers, to someone with a key for it. The answer comes with the
    /// date that the storage says it is.
    pub(super) async fn list_one(&self) -> Result<Option<String>, (Failure, Option<String>)> {
        let queries = [("list-type", "2"), ("max-keys", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let signed = self.bucket.presign_get("/", SIGNED_FOR, Some(queries.into())).await;
        let url = signed.map_err(|error| (signing(error), None))?;
        let answer = self.in_time(send(self.request(Method::GET, url))).await.map_err(|failure| (failure, None))?;
        let date = answer.headers().get(DATE).and_then(|date| Some(date.to_str().ok()?.to_owned()));
        let listed = self.in_time(async {
            let answer = checked(answer).await?;
            let text = text_of(answer).await;
            if text.contains("<ListBucketResult") { Ok(()) } else { Err(Failure::nonsense("not a bucket's list")) }
        });
        match listed.await {
            Ok(()) => Ok(date),
            Err(failure) => Err((failure, date)),
        }
    }

    /// A request's head and what little follows it, with a deadline.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::time::timeout(self.bounds.answer, work).await.unwrap_or_else(|_| Err(Failure::late()))
    }

    fn request(&self, method: Method, url: String) -> RequestBuilder {
        self.bucket.http_client().request(method, url)
    }
}

async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    request.send().await.map_err(unanswered)
}

async fn checked(answer: Response) -> Result<Response, Failure> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    Err(Failure::status(status.as_u16(), &text_of(answer).await))
}

/// The beginning of a text, as far as it comes.
async fn text_of(mut answer: Response) -> String {
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        text.extend_from_slice(&chunk);
        if text.len() > ERROR_TEXT {
            break;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The size in `Content-Range: bytes 3-5/10` or `bytes */10`.
fn whole_size(answer: &Response) -> Option<u64> {
    answer.headers().get(CONTENT_RANGE)?.to_str().ok()?.rsplit_once('/')?.1.parse().ok()
}

/// Whether it is `Content-Range: bytes 3-5/10` where `first` is 3.
fn begins_at(answer: &Response, first: u64) -> bool {
    let range = answer.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let begin = range.and_then(|range| range.trim().strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok());
    begin == Some(first)
}

/// Without the URL, which holds a signature that is good for a while.
fn unanswered(error: s3_http::Error) -> Failure {
    if error.is_timeout() {
        return Failure::late();
    }
    Failure::unanswered(&error.without_url())
}

/// Whether a right is missing, and not the key wrong.
fn is_denied(body: &str) -> bool {
    Failure::status(403, body).code() == "AccessDenied"
}

/// For a key that lacks a right that nothing else needs.
fn parts_stay() -> usize {
    tracing::warn!(
        "the key may not list or abort unfinished uploads (s3:ListBucketMultipartUploads, s3:AbortMultipartUpload): parts \
         of them stay, unless a lifecycle rule of the bucket aborts them"
    );
    0
}

/// Of what rust-s3 sent itself.
fn of_rust_s3(error: S3Error) -> Failure {
    match error {
        S3Error::HttpFailWithBody(status, body) => Failure::status(status, &body),
        S3Error::Reqwest(error) => unanswered(error),
        S3Error::Io(error) => Failure::ours(error),
        other => Failure::nonsense(other.to_string()),
    }
}

/// What signing fails of is an address that the settings do not make.
fn signing(error: S3Error) -> Failure {
    Failure::unsendable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    async fn url(endpoint_url: Option<&str>, path_style: bool) -> String {
        let config = S3Config {
            bucket_name: "photos".into(),
            aws_access_key_id: Secret::new("id"),
            aws_secret_access_key: Secret::new("key"),
            region_name: "eu-central-1".into(),
            endpoint_url: endpoint_url.map(Into::into),
            path_style,
            public_url: None,
        };
        let client = Client::new(&config, Bounds::default()).unwrap();
        assert_eq!(format!("{client:?}"), "Client { bucket: \"photos\", .. }");
        client.bucket.presign_get("photos/b7/original", 60, None).await.unwrap()
    }

    #[tokio::test]
    async fn the_bucket_stands_before_the_host_or_in_the_path() {
        for (endpoint, path_style, start) in [
            (None, false, "https://photos.s3.eu-central-1.amazonaws.com/photos/b7/original?"),
            (None, true, "https://s3.eu-central-1.amazonaws.com/photos/photos/b7/original?"),
            (Some("http://garage.lan:3900"), true, "http://garage.lan:3900/photos/photos/b7/original?"),
            (Some("http://garage.lan:3900"), false, "http://photos.garage.lan:3900/photos/b7/original?"),
            (Some("https://s3.example/inner"), true, "https://s3.example/inner/photos/photos/b7/original?"),
        ] {
            let url = url(endpoint, path_style).await;
            assert!(url.starts_with(start), "{url}");
        }
    }
}
