//! Where a photo was taken. For its owner alone: a place is the most private thing that a photo says.

use super::tiff::{Folder, Tag, Tiff};

/// A place on earth, in degrees (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// North of the equator, from −90 to 90.
    pub latitude: f64,
    /// East of Greenwich, from −180 to 180.
    pub longitude: f64,
}

const LATITUDE_REF: Tag = (Folder::Gps, 1);
const LATITUDE: Tag = (Folder::Gps, 2);
const LONGITUDE_REF: Tag = (Folder::Gps, 3);
const LONGITUDE: Tag = (Folder::Gps, 4);

/// The place, if both halves of it are whole. Without its letter a number may mean either side of the earth, so it is
/// not known. Nor is 0° 0': nothing is there but a buoy, and phones write it when they do not know where they are.
pub(super) fn place(exif: &Tiff) -> Option<Place> {
    let latitude = degrees(exif, LATITUDE, 90.0)? * side(exif, LATITUDE_REF, *b"NS")?;
    let longitude = degrees(exif, LONGITUDE, 180.0)? * side(exif, LONGITUDE_REF, *b"EW")?;
    (latitude != 0.0 || longitude != 0.0).then_some(Place { latitude, longitude })
}

/// Degrees, minutes and seconds; some programs write degrees with a fraction alone.
fn degrees(exif: &Tiff, tag: Tag, most: f64) -> Option<f64> {
    let [degrees, minutes, seconds] =
        exif.fractions(tag).or_else(|| exif.fraction(tag).map(|degrees| [degrees, 0.0, 0.0]))?;
    let sixty = 0.0..=60.0;
    if degrees < 0.0 || !sixty.contains(&minutes) || !sixty.contains(&seconds) {
        return None;
    }
    Some(degrees + minutes / 60.0 + seconds / 3600.0).filter(|degrees| (0.0..=most).contains(degrees))
}

/// 1 or −1, by the first letter.
fn side(exif: &Tiff, tag: Tag, [positive, negative]: [u8; 2]) -> Option<f64> {
    match exif.text(tag)?.trim_ascii() {
        [letter] if letter.eq_ignore_ascii_case(&positive) => Some(1.0),
        [letter] if letter.eq_ignore_ascii_case(&negative) => Some(-1.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::testing::{Value, tiff};

    type Parts<'a> = &'a [(u32, u32)];

    fn found(north: Parts, letter: Option<&str>, east: Parts, other: Option<&str>) -> Option<(f64, f64)> {
        let mut tags = vec![(LATITUDE, Value::Fractions(north)), (LONGITUDE, Value::Fractions(east))];
        tags.extend(letter.map(|letter| (LATITUDE_REF, Value::Text(letter))));
        tags.extend(other.map(|letter| (LONGITUDE_REF, Value::Text(letter))));
        place(&Tiff::open(&tiff(&tags)).unwrap()).map(|place| (place.latitude, place.longitude))
    }

    const PARIS: (Parts, Parts) = (&[(48, 1), (51, 1), (3024, 100)], &[(2, 1), (17, 1), (402, 10)]);

    #[test]
    fn the_letters_say_which_side() {
        let (north, east) = PARIS;
        let (latitude, longitude) = found(north, Some("N"), east, Some("E")).unwrap();
        assert!((latitude - 48.8584).abs() < 1e-9 && (longitude - 2.2945).abs() < 1e-9, "{latitude} {longitude}");
        assert_eq!(found(north, Some("s"), east, Some("W")), Some((-latitude, -longitude)));
        assert_eq!(found(&[(488_584, 10_000)], Some("N"), &[(22_945, 10_000)], Some("E")), Some((48.8584, 2.2945)));
    }

    #[test]
    fn an_absurd_place_is_not_known() {
        let (north, east) = PARIS;
        let nowhere: Parts = &[(0, 1), (0, 1), (0, 1)];
        let cases = [
            (north, None, east, Some("E")),
            (north, Some("N"), east, Some("")),
            (north, Some("E"), east, Some("E")),
            (north, Some("N"), &[(2, 1), (17, 1), (0, 0)], Some("E")),
            (&[(0, 0), (0, 0), (0, 0)], Some("N"), east, Some("E")),
            (&[(91, 1), (0, 1), (0, 1)], Some("N"), east, Some("E")),
            (&[(90, 1), (0, 1), (1, 1)], Some("N"), east, Some("E")),
            (north, Some("N"), &[(180, 1), (1, 1), (0, 1)], Some("E")),
            (north, Some("N"), &[(2, 1), (61, 1), (0, 1)], Some("E")),
            (north, Some("N"), &[(u32::MAX, 1)], Some("E")),
            (north, Some("N"), &[(2, 1), (17, 1)], Some("E")),
            (nowhere, None, nowhere, None),
            (nowhere, Some("N"), nowhere, Some("E")),
            (nowhere, Some("S"), nowhere, Some("W")),
        ];
        for (north, letter, east, other) in cases {
            assert_eq!(found(north, letter, east, other), None, "{north:?} {letter:?} {east:?} {other:?}");
        }
    }
}
