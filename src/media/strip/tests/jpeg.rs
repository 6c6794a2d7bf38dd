//! JPEG: segments, scans and what comes behind them.

use super::*;
use crate::media::testing::{Exif, corners, encoded, profile, with_exif};

pub(super) fn plain() -> Vec<u8> {
    encoded(corners(24, 16), ImageFormat::Jpeg)
}

fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], length.as_slice(), contents].concat()
}

/// 8 × 8 pixels of grey in six scans, with a comment before each but the first.
fn progressive() -> (Vec<u8>, Vec<u8>) {
    let plain = PROGRESSIVE.to_vec();
    let mut with_comments = Vec::new();
    let mut rest = plain.as_slice();
    while let Some(at) = rest.windows(2).skip(1).position(|pair| pair == [0xFF, 0xC4] || pair == [0xFF, 0xDA]) {
        let (before, after) = rest.split_at(at + 1);
        with_comments.extend([before, &segment(0xFE, SECRET), &segment(0xE5, SECRET)].concat());
        rest = after;
    }
    with_comments.extend(rest);
    (plain, with_comments)
}

/// All that the issue of privacy names, and the profile.
fn full_of_secrets() -> Vec<u8> {
    let plain = plain();
    let (start, rest) = plain.split_at(2);
    let icc = profile(2);
    let (first, second) = icc.split_at(100);
    let parts = [
        segment(0xE0, b"JFIF\0\x01\x02\x01\0\x48\0\x48\x02\x01SECRET"),
        segment(0xE0, b"JFXX\0\x10SECRET"),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>SECRET</x>"),
        segment(0xE2, &[b"ICC_PROFILE\0\x02\x02", second].concat()),
        segment(0xE2, &[b"ICC_PROFILE\0\x01\x02", first].concat()),
        segment(0xE2, b"MPF\0SECRET"),
        b"\xFF\xFF\xFF".to_vec(),
        segment(0xED, b"Photoshop 3.0\x008BIMSECRET"),
        segment(0xFE, b"<script>SECRET</script>"),
        b"garbage SECRET".to_vec(),
        segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01SECRET"),
        segment(0xEF, b"SECRET"),
        segment(0xF0, b"SECRET"),
    ];
    let exif = with_exif(
        &[start, &parts.concat(), rest].concat(),
        &Exif { make: Some("SECRET"), orientation: Some(1), ..Exif::default() },
    );
    [exif, b"PK\x03\x04SECRET".to_vec(), plain].concat()
}

#[test]
fn only_pixels_and_colours_are_kept() {
    let copy = clean_of(&full_of_secrets(), &plain());
    assert_eq!(profile_of(&copy), crate::media::strip::icc::neutral(&profile(2)));
    assert!(profile_of(&copy).is_some());
    assert!(copy.starts_with(b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x02") && copy.ends_with(b"\xFF\xD9"));
}

#[test]
fn comments_between_scans_go() {
    let (plain, with_comments) = progressive();
    assert_eq!(cleaned(&plain).unwrap().1, clean_of(&with_comments, &plain));
}

#[test]
fn tables_hold_nothing_but_tables() {
    let plain = plain();
    let mut file = plain.clone();
    let at = file.windows(2).position(|pair| pair == [0xFF, 0xDB]).unwrap();
    let length = u16::from_be_bytes([file[at + 2], file[at + 3]]) as usize;
    let longer = segment(0xDB, &[&file[at + 4..at + 2 + length], SECRET].concat());
    file.splice(at..at + 2 + length, longer);
    let (_, copy) = cleaned(&file).unwrap();
    assert!(!holds(&copy, SECRET));
    assert_eq!(frames(&copy), frames(&plain));
}

#[test]
fn a_turned_photo_needs_to_be_encoded() {
    for orientation in 0..=9 {
        let file = with_exif(&plain(), &Exif { orientation: Some(orientation), ..Exif::default() });
        let expected = if (2..=8).contains(&orientation) { Cleaned::NeedsReencode } else { Cleaned::Copied };
        assert_eq!(cleaned(&file).unwrap().0, expected, "{orientation}");
        // A second segment that says otherwise.
        let twice = with_exif(&file, &Exif { orientation: Some(1), ..Exif::default() });
        assert_eq!(cleaned(&twice).unwrap().0, expected, "{orientation}");
    }
}

#[test]
fn a_missing_end_is_added_and_a_second_image_is_not() {
    let plain = plain();
    let cut = &plain[..plain.len() - 2];
    assert_eq!(cleaned(cut).unwrap().1, cleaned(&plain).unwrap().1);
    assert_eq!(cleaned(&[cut, &full_of_secrets()].concat()).unwrap().1, cleaned(&plain).unwrap().1);
}

#[test]
fn broken_files_are_refused_or_copied() {
    torment(&full_of_secrets());
    torment(&progressive().1);
}

/// Made by libjpeg.
#[rustfmt::skip]
const PROGRESSIVE: [u8; 301] = [
    255, 216, 255, 224, 0, 16, 74, 70, 73, 70, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 255, 219, 0, 67,
    0, 27, 18, 20, 23, 20, 17, 27, 23, 22, 23, 30, 28, 27, 32, 40, 66, 43, 40, 37, 37, 40, 81, 58,
    61, 48, 66, 96, 85, 101, 100, 95, 85, 93, 91, 106, 120, 153, 129, 106, 113, 144, 115, 91, 93, 133, 181, 134,
    144, 158, 163, 171, 173, 171, 103, 128, 188, 201, 186, 166, 199, 153, 168, 171, 164, 255, 194, 0, 11, 8, 0, 8,
    0, 8, 1, 1, 17, 0, 255, 196, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 255, 218, 0, 8, 1, 1, 0, 0, 0, 1, 127, 255, 196, 0, 22, 16, 1, 1, 1, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 17, 255, 218, 0, 8, 1, 1, 0, 1, 5,
    2, 25, 49, 255, 196, 0, 22, 16, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 1, 18, 255, 218, 0, 8, 1, 1, 0, 6, 63, 2, 166, 127, 255, 196, 0, 23, 16, 0, 3, 1, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 17, 81, 0, 255, 218, 0, 8, 1, 1, 0, 1,
    63, 33, 4, 7, 5, 223, 255, 218, 0, 8, 1, 1, 0, 0, 0, 16, 127, 255, 196, 0, 24, 16, 1, 1,
    0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 17, 0, 33, 81, 255, 218, 0, 8, 1,
    1, 0, 1, 63, 16, 65, 160, 133, 34, 185, 159, 255, 217,
];
