//! How much room somebody's photos take, in words and as a bar.

use crate::models::quota::in_words;

/// What `_room.html` shows.
pub struct Room {
    /// "1.5 GiB of 5 GiB · 12 photos".
    pub words: String,
    /// Used and allowed bytes, where there is a limit. The second is at least 1: a bar has to end somewhere.
    pub bar: Option<(i64, i64)>,
}

impl Room {
    /// Of the bytes used, those allowed if that is limited, and the number of photos.
    #[must_use]
    pub fn of(used: i64, allowed: Option<i64>, photos: i64) -> Self {
        let limit = allowed.map(|allowed| format!(" of {}", in_words(allowed))).unwrap_or_default();
        let words = format!("{}{limit} · {}", in_words(used), photos_in_words(photos));
        Self { words, bar: allowed.map(|allowed| (used.min(allowed), allowed.max(1))) }
    }
}

/// "1 photo", "12 photos".
#[must_use]
pub fn photos_in_words(count: i64) -> String {
    if count == 1 { "1 photo".to_owned() } else { format!("{count} photos") }
}
