//! How a photo was exposed, and how photographers write that.

use super::tiff::{Folder, Tag, Tiff};

/// How a photo was exposed. What is not known, or could not be, is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exposure {
    /// How long the shutter was open.
    pub seconds: Option<f64>,
    /// The aperture: focal length by diameter.
    pub f_number: Option<f64>,
    /// Sensitivity as ISO 12232 counts it.
    pub iso: Option<u32>,
    /// The lens's focal length, in millimetres, whatever the size of the sensor.
    pub focal_length_mm: Option<f64>,
}

const EXPOSURE_TIME: Tag = (Folder::Exif, 0x829A);
const F_NUMBER: Tag = (Folder::Exif, 0x829D);
/// `PhotographicSensitivity`; 65 535 when it is more than that. Then it stands in one of the next two.
const SENSITIVITY: [Tag; 3] = [(Folder::Exif, 0x8827), (Folder::Exif, 0x8832), (Folder::Exif, 0x8831)];
const SENSITIVITY_IS_ELSEWHERE: u32 = 65_535;
const SHUTTER_SPEED: Tag = (Folder::Exif, 0x9201);
const APERTURE: Tag = (Folder::Exif, 0x9202);
const FOCAL_LENGTH: Tag = (Folder::Exif, 0x920A);

/// What is credible: a night's exposure and a Kerr cell's, a telescope's focal length, the ISO of no sensor yet.
const SECONDS: std::ops::RangeInclusive<f64> = 1e-7..=86_400.0;
const F_NUMBERS: std::ops::RangeInclusive<f64> = 0.1..=1024.0;
const ISO: std::ops::RangeInclusive<u32> = 1..=10_000_000;
const MILLIMETRES: std::ops::RangeInclusive<f64> = 0.1..=100_000.0;

impl Exposure {
    pub(super) fn read(exif: &Tiff) -> Self {
        // The same in the units of APEX, powers of two (EXIF 2.32, annex C), for want of the plain number.
        let seconds = || exif.fraction(SHUTTER_SPEED).map(|value| (-value).exp2());
        let f_number = || exif.fraction(APERTURE).map(|value| (value / 2.0).exp2());
        let credible = |range: std::ops::RangeInclusive<f64>| move |value: &f64| range.contains(value);
        Self {
            seconds: exif.fraction(EXPOSURE_TIME).or_else(seconds).filter(credible(SECONDS)),
            f_number: exif.fraction(F_NUMBER).or_else(f_number).filter(credible(F_NUMBERS)),
            iso: SENSITIVITY
                .into_iter()
                .filter_map(|tag| exif.number(tag))
                .find(|iso| ISO.contains(iso) && *iso != SENSITIVITY_IS_ELSEWHERE),
            focal_length_mm: exif.fraction(FOCAL_LENGTH).filter(credible(MILLIMETRES)),
        }
    }

    /// The time as on a shutter's dial: "1/250 s", "2.5 s".
    pub fn shutter(&self) -> Option<String> {
        let seconds = self.seconds?;
        // Up to a quarter of a second a whole part is what a camera says; "0.3 s" and "0.8 s" it says so.
        Some(if seconds <= 0.26 { format!("1/{:.0} s", 1.0 / seconds) } else { format!("{} s", short(seconds)) })
    }

    /// The aperture: "f/2.8".
    pub fn aperture(&self) -> Option<String> {
        self.f_number.map(|number| format!("f/{}", short(number)))
    }

    /// The sensitivity: "ISO 200".
    pub fn sensitivity(&self) -> Option<String> {
        self.iso.map(|iso| format!("ISO {iso}"))
    }

    /// The focal length: "35 mm".
    pub fn focal_length(&self) -> Option<String> {
        self.focal_length_mm.map(|millimetres| format!("{} mm", short(millimetres)))
    }

    /// All that is known, in the order that photographers say it: "35 mm", "f/2.8", "1/250 s", "ISO 200".
    pub fn words(&self) -> Vec<String> {
        [self.focal_length(), self.aperture(), self.shutter(), self.sensitivity()].into_iter().flatten().collect()
    }
}

/// A number with one decimal, where it has one; with two where one would leave nothing of it.
fn short(number: f64) -> String {
    let text = if number < 1.0 { format!("{number:.2}") } else { format!("{number:.1}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::testing::{Value, tiff};

    fn read(tags: &[(Tag, Value)]) -> Exposure {
        Exposure::read(&Tiff::open(&tiff(tags)).unwrap())
    }

    fn fraction(tag: Tag, value: (u32, u32)) -> Exposure {
        read(&[(tag, Value::Fractions(&[value]))])
    }

    #[test]
    fn numbers_are_written_as_photographers_do() {
        let exposure = read(&[
            (EXPOSURE_TIME, Value::Fractions(&[(10, 2500)])),
            (F_NUMBER, Value::Fractions(&[(28, 10)])),
            (SENSITIVITY[0], Value::Short(200)),
            (FOCAL_LENGTH, Value::Fractions(&[(350, 10)])),
        ]);
        assert_eq!(exposure.words(), ["35 mm", "f/2.8", "1/250 s", "ISO 200"]);
        assert!(Exposure::default().words().is_empty());
    }

    #[test]
    fn times_read_as_on_a_dial() {
        for (value, text) in [
            ((1, 8000), "1/8000 s"),
            ((16_666, 1_000_000), "1/60 s"),
            ((1, 4), "1/4 s"),
            ((3, 10), "0.3 s"),
            ((1, 2), "0.5 s"),
            ((10, 13), "0.77 s"),
            ((1, 1), "1 s"),
            ((25, 10), "2.5 s"),
            ((30, 1), "30 s"),
            ((3600, 1), "3600 s"),
        ] {
            assert_eq!(fraction(EXPOSURE_TIME, value).shutter().unwrap(), text);
        }
        assert_eq!(fraction(F_NUMBER, (95, 100)).aperture().unwrap(), "f/0.95");
        assert_eq!(fraction(F_NUMBER, (16, 1)).aperture().unwrap(), "f/16");
        assert_eq!(fraction(FOCAL_LENGTH, (425, 100)).focal_length().unwrap(), "4.2 mm");
    }

    #[test]
    fn powers_of_two_stand_in_for_numbers() {
        assert_eq!(fraction(SHUTTER_SPEED, (7, 1)).seconds, Some(1.0 / 128.0));
        assert_eq!(fraction(APERTURE, (6, 1)).f_number, Some(8.0));
    }

    #[test]
    fn absurd_values_are_not_known() {
        for value in [(0, 0), (1, 0), (0, 1), (u32::MAX, 1), (1, u32::MAX)] {
            for tag in [EXPOSURE_TIME, F_NUMBER, FOCAL_LENGTH, APERTURE] {
                assert_eq!(
                    fraction(tag, value).words().len(),
                    usize::from(tag == APERTURE && value.1 > 0 && value.0 <= 1),
                    "{tag:?} {value:?}"
                );
            }
        }
        assert_eq!(fraction(SHUTTER_SPEED, (u32::MAX, 1)), Exposure::default());
        assert_eq!(read(&[(SENSITIVITY[0], Value::Short(0))]).iso, None);
        assert_eq!(read(&[(SENSITIVITY[0], Value::Short(65_535))]).iso, None);
        assert_eq!(read(&[(SENSITIVITY[0], Value::Short(65_535)), (SENSITIVITY[1], Value::Short(800))]).iso, Some(800));
        assert_eq!(read(&[(SENSITIVITY[0], Value::Text("200"))]).iso, None);
    }
}
