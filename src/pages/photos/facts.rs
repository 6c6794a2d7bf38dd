//! What a photo's page tells its owner of the file, in words.

use chrono::NaiveTime;

use crate::media::Exposure;
use crate::models::{DateSource, Photo, PhotoFacts};
use crate::pages::photos::card::{DATE_UNKNOWN, day, local_time, minute};
use crate::routes;

/// A line of "About this photo".
pub struct Fact {
    /// Such as "Camera".
    pub name: &'static str,
    /// Such as "Nikon D3100".
    pub value: String,
    /// Where more can be seen of it.
    pub href: Option<String>,
}

impl Fact {
    fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), href: None }
    }

    /// All that is known.
    #[must_use]
    pub fn all(photo: &Photo, facts: &PhotoFacts) -> Vec<Self> {
        let kind = photo.content_type.trim_start_matches("image/").to_uppercase();
        let known = [
            Some(Self::new("Taken", taken(photo))),
            facts.camera.as_ref().map(|camera| Self::new("Camera", camera)),
            facts.lens.as_ref().map(|lens| Self::new("Lens", lens)),
            exposure(facts).map(|exposure| Self::new("Exposure", exposure)),
            place(facts),
            Some(Self::new("Uploaded", format!("{} UTC", minute(photo.created_at.naive_utc())))),
            Some(Self::new("Dimensions", dimensions(photo))),
            Some(Self::new("File", &photo.filename)),
            Some(Self::new("Size", format!("{}, {kind}", bytes_in_words(photo.size_bytes)))),
        ];
        known.into_iter().flatten().collect()
    }
}

/// In pixels, and millions of them where there are that many.
fn dimensions(photo: &Photo) -> String {
    let megapixels = f64::from(photo.width) * f64::from(photo.height) / 1e6;
    let sides = format!("{} × {}", photo.width, photo.height);
    if megapixels < 0.1 { sides } else { format!("{sides} ({megapixels:.1} MP)") }
}

/// By the clock there, with its time zone where that is known; the day alone where that is all that is told.
fn taken(photo: &Photo) -> String {
    let source = match photo.date_source() {
        DateSource::Nothing => return DATE_UNKNOWN.to_owned(),
        DateSource::FileName => ", by the file’s name",
        DateSource::Camera | DateSource::Owner => "",
    };
    let zone = photo.utc_offset_minutes.map(|minutes| {
        let (sign, minutes) = (if minutes < 0 { '−' } else { '+' }, minutes.unsigned_abs());
        let (hours, minutes) = (minutes / 60, minutes % 60);
        if minutes == 0 { format!(" (UTC{sign}{hours})") } else { format!(" (UTC{sign}{hours}:{minutes:02})") }
    });
    let local = local_time(photo);
    let time = if local.time() == NaiveTime::MIN { day(local) } else { minute(local) };
    format!("{time}{}{source}", zone.unwrap_or_default())
}

/// As photographers say it: "50 mm, f/2.8, 1/250 s, ISO 100".
fn exposure(facts: &PhotoFacts) -> Option<String> {
    let exposure = Exposure {
        seconds: facts.exposure_seconds,
        f_number: facts.f_number,
        iso: facts.iso.map(i32::unsigned_abs),
        focal_length_mm: facts.focal_length_mm,
    };
    Some(exposure.words().join(", ")).filter(|words| !words.is_empty())
}

/// In degrees of four decimals, which is ten metres; with the way to a map.
fn place(facts: &PhotoFacts) -> Option<Fact> {
    let (latitude, longitude) = (facts.latitude?, facts.longitude?);
    let (north, east) = (if latitude < 0.0 { 'S' } else { 'N' }, if longitude < 0.0 { 'W' } else { 'E' });
    let value = format!("{:.4}° {north}, {:.4}° {east}", latitude.abs(), longitude.abs());
    Some(Fact { name: "Place", value, href: Some(routes::map(latitude, longitude)) })
}

/// Decimal units, as phones and file managers show them.
fn bytes_in_words(bytes: i64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} KB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_hemispheres() {
        let facts = PhotoFacts { latitude: Some(-33.856_78), longitude: Some(151.215_3), ..Default::default() };
        let place = place(&facts).unwrap();
        assert_eq!(place.value, "33.8568° S, 151.2153° E");
        assert!(place.href.unwrap().contains("-33.85678"));
    }
}
