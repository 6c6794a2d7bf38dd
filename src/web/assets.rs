//! Static files: embedded, named by the hash of all of them, compressed once, cached for ever.
//!
//! All CSS components become one `app.css`, so that a page asks for one style sheet while the source keeps one file a
//! component. One hash names the whole folder: scripts import each other by relative paths and still never mix builds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::error::AppError;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

struct Asset {
    content_type: &'static str,
    bytes: Cow<'static, [u8]>,
    /// Where it is worth it.
    gzipped: Option<Vec<u8>>,
}

struct Assets {
    build: String,
    files: HashMap<String, Asset>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::load);

impl Assets {
    fn load() -> Self {
        let mut names: Vec<_> = Files::iter().collect();
        names.sort();
        let mut hash = Sha256::new();
        let mut css = Vec::new();
        let mut files = HashMap::new();
        for name in names {
            let Some(file) = Files::get(&name) else { continue };
            hash.update(name.as_bytes());
            hash.update(&file.data);
            if name.starts_with("css/") {
                css.extend_from_slice(&file.data);
                css.push(b'\n');
            } else {
                files.insert(name.to_string(), Asset::new(&name, file.data));
            }
        }
        files.insert("app.css".to_owned(), Asset::new("app.css", Cow::Owned(css)));
        let build = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { build, files }
    }
}

impl Asset {
    fn new(name: &str, bytes: Cow<'static, [u8]>) -> Self {
        let (content_type, text) = match name.rsplit('.').next() {
            Some("css") => ("text/css; charset=utf-8", true),
            Some("js") => ("text/javascript; charset=utf-8", true),
            Some("svg") => ("image/svg+xml", true),
            Some("webmanifest") => ("application/manifest+json", true),
            Some("png") => ("image/png", false),
            _ => ("text/plain; charset=utf-8", true),
        };
        let gzipped = text.then(|| gzip(&bytes)).flatten();
        Self { content_type, bytes, gzipped }
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Makes the compressed files now and not at the first page.
pub fn warm_up() {
    LazyLock::force(&ASSETS);
}

/// The name of this build's static files; changes when any of them does.
pub fn build() -> &'static str {
    &ASSETS.build
}

/// `GET /static/{build}/{path}`. Any build's name answers with this build's file: pages of an older one may still be open.
pub async fn show_asset(request: HttpRequest, path: web::Path<(String, String)>) -> Result<HttpResponse, AppError> {
    let (build, name) = path.into_inner();
    let asset = ASSETS.files.get(&name).ok_or(AppError::NotFound)?;
    let caching = if build == ASSETS.build { "public, max-age=31536000, immutable" } else { "public, no-cache" };
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::VARY, "Accept-Encoding"));
    let accepts_gzip = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"));
    Ok(match &asset.gzipped {
        Some(gzipped) if accepts_gzip => response
            .insert_header((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")))
            .body(web::Bytes::from_static(gzipped)),
        _ => response.body(asset.bytes.to_vec()),
    })
}
