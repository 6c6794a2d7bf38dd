//! What a photo's date comes from.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// What tells when a photo was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum DateSource {
    /// The camera, or whoever wrote the file's EXIF, XMP or IPTC data.
    #[serde(rename = "camera")]
    Camera,
    /// The name of the file.
    #[serde(rename = "file name")]
    FileName,
    /// Its owner.
    #[serde(rename = "owner")]
    Owner,
    /// Nothing: the date is when it was uploaded.
    #[serde(rename = "none")]
    Nothing,
}

impl DateSource {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Camera, Self::FileName, Self::Owner, Self::Nothing];

    /// As the row and the API have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::FileName => "file name",
            Self::Owner => "owner",
            Self::Nothing => "none",
        }
    }

    /// Of a row's columns. A row that an older version inserted does not say it. That version knew the camera's date and the
    /// time of the upload: the latter has microseconds, which no camera writes, and comes shortly before the row.
    #[must_use]
    pub(super) fn of(stored: Option<&str>, taken_at: DateTime<Utc>, created_at: DateTime<Utc>) -> Self {
        let is_upload = || {
            let before = created_at - taken_at;
            !taken_at.timestamp_subsec_micros().is_multiple_of(1000)
                && (TimeDelta::zero()..TimeDelta::hours(1)).contains(&before)
        };
        match stored.and_then(|stored| Self::ALL.into_iter().find(|known| known.as_str() == stored)) {
            Some(known) => known,
            None if is_upload() => Self::Nothing,
            None => Self::Camera,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_older_versions_tell_an_upload_from_a_camera() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let uploaded = at("2026-11-21T09:00:02.654321Z");
        for (taken, source) in [
            ("2026-11-21T09:00:01.123456Z", DateSource::Nothing),
            ("2026-11-21T09:00:01Z", DateSource::Camera),
            ("2026-11-21T09:00:01.250Z", DateSource::Camera),
            ("2026-11-21T07:00:01.123456Z", DateSource::Camera),
            ("2026-11-21T10:00:01.123456Z", DateSource::Camera),
        ] {
            assert_eq!(DateSource::of(None, at(taken), uploaded), source, "{taken}");
            assert_eq!(DateSource::of(Some("owner"), at(taken), uploaded), DateSource::Owner);
        }
    }
}
