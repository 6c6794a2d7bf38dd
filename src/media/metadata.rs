//! What a photo says about itself: the few facts of its EXIF data that Lumina keeps.
//!
//! EXIF is written by anyone: nothing in it can make a photo fail. What is missing, malformed or absurd is simply not known.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, TimeDelta, Utc};
use exif::{Exif, Field, In, Tag, Value};
use image::metadata::Orientation;

/// Longest camera name kept, in characters.
const CAMERA: usize = 80;

/// The year of the oldest photograph known, the *View from the Window at Le Gras*.
const FIRST_PHOTOGRAPH: i32 = 1826;

/// Facts read from EXIF data.
#[derive(Debug)]
pub(super) struct Facts {
    /// How to turn the stored pixels upright.
    pub orientation: Orientation,
    /// When the photo was taken.
    pub taken_at: Option<DateTime<Utc>>,
    /// Maker and model of the camera.
    pub camera: Option<String>,
}

impl Facts {
    /// The facts in `chunk`, a TIFF structure as the decoders hand it out.
    pub fn read(chunk: Option<Vec<u8>>) -> Self {
        // Some writers of WebP keep the prefix that only JPEG wants.
        let chunk =
            chunk.map(|bytes| bytes.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec).unwrap_or(bytes)).unwrap_or_default();
        let orientation = Orientation::from_exif_chunk(&chunk).unwrap_or(Orientation::NoTransforms);
        let exif = exif::Reader::new()
            .continue_on_error(true)
            .read_raw(chunk)
            .or_else(|error| error.distill_partial_result(|_| ()));
        let Ok(exif) = exif else {
            return Self { orientation, taken_at: None, camera: None };
        };
        Self {
            orientation,
            taken_at: taken_at(&exif).filter(|time| is_credible(*time, Utc::now())),
            camera: camera(&exif),
        }
    }

    /// The upright size of a photo stored as `width` × `height`.
    pub fn upright(&self, width: u32, height: u32) -> (u32, u32) {
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
            _ => (width, height),
        }
    }
}

/// `DateTimeOriginal` with its fraction of a second; by `OffsetTimeOriginal`, else as if the camera's clock showed UTC.
fn taken_at(exif: &Exif) -> Option<DateTime<Utc>> {
    let mut time = exif::DateTime::from_ascii(ascii(exif, Tag::DateTimeOriginal)?).ok()?;
    // A malformed fraction or offset costs only itself.
    let _ = ascii(exif, Tag::SubSecTimeOriginal).map(|text| time.parse_subsec(text));
    let _ = ascii(exif, Tag::OffsetTimeOriginal).map(|text| time.parse_offset(text));

    let local = NaiveDate::from_ymd_opt(time.year.into(), time.month.into(), time.day.into())?.and_hms_opt(
        time.hour.into(),
        time.minute.into(),
        time.second.into(),
    )?;
    let offset = FixedOffset::east_opt(i32::from(time.offset.unwrap_or(0)) * 60)?;
    let fraction = TimeDelta::nanoseconds(time.nanosecond.unwrap_or(0).into());
    Some(local.and_local_timezone(offset).single()?.to_utc() + fraction)
}

/// Whether a photo may have been taken at `time`. A day ahead of the clock is what the time zones explain.
fn is_credible(time: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let first = NaiveDate::from_ymd_opt(FIRST_PHOTOGRAPH, 1, 1);
    first.is_some_and(|first| time.date_naive() >= first) && time <= now + Days::new(1)
}

/// Maker and model; the model alone when it names the maker itself ("NIKON CORPORATION", "NIKON D3100").
fn camera(exif: &Exif) -> Option<String> {
    let make = tidy(ascii(exif, Tag::Make).unwrap_or_default());
    let model = tidy(ascii(exif, Tag::Model).unwrap_or_default());
    let brand = make.split(' ').next().unwrap_or_default().to_lowercase();
    let name = if model.to_lowercase().starts_with(&brand) { model } else { format!("{make} {model}") };
    let name: String = name.trim().chars().take(CAMERA).collect();
    (!name.is_empty()).then_some(name)
}

/// The text without padding, control characters and marks that turn the direction of writing.
fn tidy(text: &[u8]) -> String {
    let shown = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FFFD}')
    };
    let text: String = String::from_utf8_lossy(text).chars().filter(|&c| shown(c)).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tag's text, if it has one.
fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match exif.get_field(tag, In::PRIMARY) {
        Some(Field { value: Value::Ascii(texts), .. }) => texts.first().map(Vec::as_slice),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Exif as Written, exif};

    fn taken(date: &str, offset: Option<&str>) -> Option<String> {
        let chunk = exif(&Written { date: Some(date), offset, ..Written::default() });
        Facts::read(Some(chunk)).taken_at.map(|time| time.to_rfc3339())
    }

    fn camera_of(make: &str, model: &str) -> Option<String> {
        Facts::read(Some(exif(&Written { make: Some(make), model: Some(model), ..Written::default() }))).camera
    }

    #[test]
    fn the_time_is_utc_unless_an_offset_says_otherwise() {
        assert_eq!(taken("2024:07:14 18:30:05", None).unwrap(), "2024-07-14T18:30:05+00:00");
        assert_eq!(taken("2024:07:14 18:30:05", Some("+03:00")).unwrap(), "2024-07-14T15:30:05+00:00");
        assert_eq!(taken("2024:07:14 18:30:05", Some("nonsense")).unwrap(), "2024-07-14T18:30:05+00:00");
        assert_eq!(taken("1826:06:01 00:00:00", None).unwrap(), "1826-06-01T00:00:00+00:00");
    }

    #[test]
    fn an_absurd_time_is_not_known() {
        let tomorrow = (Utc::now() + Days::new(2)).format("%Y:%m:%d %H:%M:%S").to_string();
        for date in [
            "0000:00:00 00:00:00",
            "1825:12:31 23:59:59",
            "2023:02:30 10:00:00",
            "    :  :     :  :  ",
            "yesterday",
            &tomorrow,
        ] {
            assert_eq!(taken(date, None), None, "{date}");
        }
    }

    #[test]
    fn the_camera_is_named_once() {
        assert_eq!(camera_of("NIKON CORPORATION", "NIKON D3100").unwrap(), "NIKON D3100");
        assert_eq!(camera_of("samsung", "SM-G935L").unwrap(), "samsung SM-G935L");
        assert_eq!(camera_of("Apple", "").unwrap(), "Apple");
        assert_eq!(camera_of("  OPPO \u{202E}", "  R7\u{0007}  Plus ").unwrap(), "OPPO R7 Plus");
        assert_eq!(camera_of("", " "), None);
        assert_eq!(camera_of(&"long ".repeat(100), "x").unwrap().chars().count(), CAMERA);
    }

    #[test]
    fn broken_exif_data_is_no_exif_data() {
        let whole = exif(&Written { make: Some("Canon"), date: Some("2024:07:14 18:30:05"), ..Written::default() });
        for length in 0..whole.len() {
            Facts::read(Some(whole.get(..length).unwrap().to_vec()));
        }
        assert!(Facts::read(Some(b"Exif\0\0garbage".to_vec())).camera.is_none());
        assert_eq!(Facts::read(Some([b"Exif\0\0".as_slice(), &whole].concat())).camera.unwrap(), "Canon");
    }
}
