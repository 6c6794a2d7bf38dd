//! A photo as its owner's programs see it.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::api::rfc3339;
use crate::app::AppState;
use crate::media::RenditionName;
use crate::models::{Photo, Visibility};
use crate::routes;

/// A photo, to its owner. Its URLs are whole, for use elsewhere.
pub fn shown(state: &AppState, photo: &Photo, hashtags: &[String]) -> Value {
    let id = photo.id.to_string();
    let public_url = photo.share_token.as_deref().map(|token| state.absolute(&routes::shared_bytes(token)));
    json!({
        "id": id,
        "url": state.absolute(&routes::original(&id)),
        "filename": photo.filename,
        "title": photo.title,
        "content_type": photo.content_type,
        "size_bytes": photo.size_bytes,
        "sha256": hex(&photo.sha256),
        "width": photo.width,
        "height": photo.height,
        "taken_at": rfc3339(photo.taken_at),
        "created_at": rfc3339(photo.created_at),
        "hashtags": hashtags,
        "visibility": photo.visibility(),
        "renditions": renditions(state, photo, &id),
        "public_url": public_url.filter(|_| photo.visibility() != Visibility::Private),
    })
}

fn renditions(state: &AppState, photo: &Photo, id: &str) -> Map<String, Value> {
    let (width, height) = (photo.width.unsigned_abs(), photo.height.unsigned_abs());
    let shown = |name: RenditionName| {
        let content_type = photo.rendition_type(name)?;
        let (width, height) = name.fitted(width, height);
        let url = state.absolute(&routes::rendition(id, name.as_str(), photo.renditions_version));
        Some((name.to_string(), json!({ "url": url, "width": width, "height": height, "content_type": content_type })))
    };
    RenditionName::ALL.into_iter().filter_map(shown).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
