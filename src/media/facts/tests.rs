//! Whole EXIF data, good, broken and hostile, through [`Facts`].

use std::io::Cursor;

use super::testing::{Value, heif, tiff};
use super::tiff::Folder::{Exif, Gps, Main};
use super::*;
use crate::media::testing::noise;

/// The facts in EXIF data alone.
fn read(exif: Option<Vec<u8>>) -> Facts {
    Facts::read(&Said { exif, ..Said::default() })
}

fn whole() -> Vec<u8> {
    tiff(&[
        ((Main, 0x010F), Value::Text("Canon")),
        ((Main, 0x0110), Value::Text("Canon EOS R5")),
        ((Main, 0x0112), Value::Short(6)),
        ((Exif, 0x829A), Value::Fractions(&[(1, 250)])),
        ((Exif, 0x829D), Value::Fractions(&[(28, 10)])),
        ((Exif, 0x8827), Value::Short(200)),
        ((Exif, 0x9003), Value::Text("2024:07:14 18:30:05")),
        ((Exif, 0x9011), Value::Text("+02:00")),
        ((Exif, 0x9291), Value::Text("25")),
        ((Exif, 0x920A), Value::Fractions(&[(35, 1)])),
        ((Exif, 0xA433), Value::Text("Canon")),
        ((Exif, 0xA434), Value::Text("RF35mm F1.8")),
        ((Gps, 1), Value::Text("N")),
        ((Gps, 2), Value::Fractions(&[(48, 1), (30, 1), (0, 1)])),
        ((Gps, 3), Value::Text("E")),
        ((Gps, 4), Value::Fractions(&[(2, 1), (15, 1), (0, 1)])),
        ((Gps, 7), Value::Fractions(&[(16, 1), (30, 1), (0, 1)])),
        ((Gps, 0x1D), Value::Text("2024:07:14")),
    ])
}

#[test]
fn all_facts_are_read() {
    let facts = read(Some(whole()));
    assert_eq!(facts.orientation, Orientation::Rotate90);
    assert_eq!(facts.upright(30, 20), (20, 30));
    assert_eq!(facts.taken_at.unwrap().to_rfc3339(), "2024-07-14T16:30:05.250+00:00");
    assert_eq!(facts.utc_offset_minutes, Some(120));
    assert_eq!(facts.camera.as_deref(), Some("Canon EOS R5"));
    assert_eq!(facts.lens.as_deref(), Some("Canon RF35mm F1.8"));
    assert_eq!(facts.exposure.words(), ["35 mm", "f/2.8", "1/250 s", "ISO 200"]);
    assert_eq!(facts.place, Some(Place { latitude: 48.5, longitude: 2.25 }));
}

#[test]
fn a_prefix_and_a_container_change_nothing_but_who_turns_the_pixels() {
    let facts = read(Some(whole()));
    assert_eq!(read(Some([b"Exif\0\0".as_slice(), &whole()].concat())), facts);
    for in_meta in [false, true] {
        let contained = Facts::of_container_in(Cursor::new(heif(&whole(), in_meta)));
        assert_eq!(contained, Facts { orientation: Orientation::NoTransforms, ..facts.clone() });
    }
}

#[test]
fn broken_exif_data_is_no_exif_data() {
    let whole = whole();
    let nothing = read(None);
    for length in 0..whole.len() {
        read(Some(whole[..length].to_vec()));
    }
    for garbage in [b"".as_slice(), b"Exif\0\0garbage", b"MM\0*", b"II*\0\xFF\xFF\xFF\xFF", b"MM\0*\0\0\0\x08\xFF\xFF"]
    {
        assert_eq!(read(Some(garbage.to_vec())), nothing);
    }
}

#[test]
fn every_byte_may_be_anything() {
    let whole = whole();
    for at in 0..whole.len() {
        for value in [0, 1, 2, 0x7F, 0x80, 0xFF] {
            let mut chunk = whole.clone();
            chunk[at] = value;
            check(&read(Some(chunk)));
        }
    }
    let mut random = noise(7);
    for _ in 0..2000 {
        let mut chunk = whole.clone();
        for _ in 0..random() % 20 {
            let at = random() as usize % chunk.len();
            chunk[at] = random().to_le_bytes()[0];
        }
        check(&read(Some(chunk)));
    }
}

/// What holds for any facts.
fn check(facts: &Facts) {
    let Facts { taken_at, utc_offset_minutes, camera, lens, exposure, place, .. } = facts;
    assert!(taken_at.is_some() || utc_offset_minutes.is_none());
    assert!(utc_offset_minutes.is_none_or(|offset| (-720..=840).contains(&offset)));
    assert!(camera.iter().chain(lens).all(|name| !name.is_empty() && name.len() < 500));
    assert!(place.is_none_or(|place| place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0));
    let numbers = [exposure.seconds, exposure.f_number, exposure.focal_length_mm];
    assert!(numbers.into_iter().flatten().all(|number| number.is_finite() && number > 0.0));
    assert!(exposure.words().iter().all(|words| words.len() < 30));
}

#[test]
fn folders_that_multiply_cost_nothing() {
    // Every entry of the first folder points at the second, whose entries all point at the third: this became 64 billion
    // entries with a reader that followed them all.
    let folder = |tag: u16, at: u32| {
        let entry = [&tag.to_be_bytes(), [0, 4, 0, 0, 0, 1].as_slice(), &at.to_be_bytes()].concat();
        [&4000_u16.to_be_bytes(), entry.repeat(4000).as_slice(), &[0; 4]].concat()
    };
    let chunk = [b"MM\0*\0\0\0\x08".to_vec(), folder(0x8769, 48_014), folder(0xA005, 96_020), folder(1, 0)].concat();
    assert_eq!(read(Some(chunk)), read(None));
}
