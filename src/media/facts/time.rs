//! When a photo was taken, and how far its clock was from UTC.
//!
//! EXIF tells the time that a clock on the wall showed. Where it was ahead of UTC stands beside it since EXIF 2.31 (2016);
//! before that, and in many phones still, only the satellites' own time lets us work it out.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::tiff::{Folder, Tag, Tiff};

/// The year of the oldest photograph known, the *View from the Window at Le Gras*.
const FIRST_PHOTOGRAPH: i32 = 1826;

/// A time that a file may give: its tag, and those of its fraction of a second and of its offset.
struct Clock {
    date: Tag,
    fraction: Tag,
    offset: Tag,
}

/// `OffsetTime` belongs to `DateTime`, but some cameras write it alone.
const ANY_OFFSET: Tag = (Folder::Exif, 0x9010);

/// `DateTimeOriginal`, when the shutter opened; `DateTimeDigitized`, the same unless it was scanned.
const TAKEN: [Clock; 2] = [
    Clock { date: (Folder::Exif, 0x9003), fraction: (Folder::Exif, 0x9291), offset: (Folder::Exif, 0x9011) },
    Clock { date: (Folder::Exif, 0x9004), fraction: (Folder::Exif, 0x9292), offset: (Folder::Exif, 0x9012) },
];

/// `DateTime`, when the file was changed: its taking, if a camera wrote the file and nothing else has since.
const CHANGED: Clock = Clock { date: (Folder::Main, 0x0132), fraction: (Folder::Exif, 0x9290), offset: ANY_OFFSET };

const GPS_DATE: Tag = (Folder::Gps, 0x1D);
const GPS_TIME: Tag = (Folder::Gps, 0x07);

/// The offsets from UTC in use in the world, in minutes, beside the whole hours from −12 to +14 (tz database 2026).
const BROKEN_OFFSETS: [i16; 11] = [-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630];
const WHOLE_HOURS: std::ops::RangeInclusive<i16> = -12..=14;
/// The Chatham Islands, in winter and in summer.
const CHATHAM: [i16; 2] = [765, 825];

/// How old the satellites' time may be, in minutes, to tell an offset: a phone writes that of its last fix.
const STALE: i64 = 10;

/// When the photo was taken, and its clock's minutes ahead of UTC if known; the time is as if it showed UTC if not.
///
/// `has_camera`: whether the file names the camera that made it; without one, the time of its last change says nothing.
pub(super) fn taken_at(exif: &Tiff, has_camera: bool, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Option<i16>)> {
    TAKEN.iter().chain(has_camera.then_some(&CHANGED)).find_map(|clock| {
        let local = exif.text(clock.date).and_then(local_time)?;
        let offset = [clock.offset, ANY_OFFSET]
            .into_iter()
            .find_map(|tag| exif.text(tag).and_then(offset))
            .or_else(|| offset_by_satellite(local, satellites_time(exif)?));
        // A malformed fraction costs only itself.
        let fraction = exif.text(clock.fraction).map(nanoseconds).unwrap_or_default();
        let ahead = TimeDelta::minutes(offset.unwrap_or(0).into());
        let time = local.checked_sub_signed(ahead)?.checked_add_signed(fraction)?.and_utc();
        is_credible(time, now).then_some((time, offset))
    })
}

/// Whether a photo may have been taken at `time`. A day ahead of the clock is what the time zones explain.
fn is_credible(time: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let first = NaiveDate::from_ymd_opt(FIRST_PHOTOGRAPH, 1, 1);
    first.is_some_and(|first| time.date_naive() >= first) && time <= now + Days::new(1)
}

/// "2024:07:14 18:30:05". Some programs write the date as ISO 8601 does.
fn local_time(text: &[u8]) -> Option<NaiveDateTime> {
    let (day, time) = text.split_at_checked(10)?;
    let [b' ' | b'T', h0, h1, b':', m0, m1, b':', s0, s1, ..] = time else {
        return None;
    };
    date(day)?.and_hms_opt(digits(&[*h0, *h1])?, digits(&[*m0, *m1])?, digits(&[*s0, *s1])?)
}

fn date(text: &[u8]) -> Option<NaiveDate> {
    let [y0, y1, y2, y3, b':' | b'-', m0, m1, b':' | b'-', d0, d1] = text else {
        return None;
    };
    let year = digits(&[*y0, *y1, *y2, *y3])?.cast_signed();
    NaiveDate::from_ymd_opt(year, digits(&[*m0, *m1])?, digits(&[*d0, *d1])?)
}

/// Decimal digits alone, at most nine.
fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

/// The digits after a second's point, of which there may be any number.
fn nanoseconds(text: &[u8]) -> TimeDelta {
    let padded = text.trim_ascii().iter().copied().chain([b'0'; 9]).take(9).collect::<Vec<_>>();
    TimeDelta::nanoseconds(digits(&padded).unwrap_or(0).into())
}

/// Minutes ahead of UTC in a text such as "+05:30", if anywhere on earth may have been so far ahead.
fn offset(text: &[u8]) -> Option<i16> {
    let minutes = match *text.trim_ascii() {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let minutes = i16::try_from(digits(&[m0, m1]).filter(|minutes| *minutes < 60)?).ok()?;
            let minutes = 60 * i16::try_from(digits(&[h0, h1])?).ok()? + minutes;
            if sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    (60 * WHOLE_HOURS.start()..=60 * WHOLE_HOURS.end()).contains(&minutes).then_some(minutes)
}

/// The time of the satellites' fix, which is UTC.
fn satellites_time(exif: &Tiff) -> Option<NaiveDateTime> {
    let [hour, minute, second] = exif.fractions(GPS_TIME)?;
    let within = |value: f64, most: f64| (0.0..most).contains(&value);
    if !(within(hour, 24.0) && within(minute, 60.0) && within(second, 61.0)) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most a day and a few minutes, checked above")]
    let seconds = TimeDelta::seconds((hour * 3600.0 + minute * 60.0 + second) as i64);
    date(exif.text(GPS_DATE)?.get(..10)?)?.and_hms_opt(0, 0, 0)?.checked_add_signed(seconds)
}

/// The offset in use somewhere that is nearest to the difference, all of them multiples of 15 minutes. `None` when the
/// fix is so much older than the photo that two might be meant.
fn offset_by_satellite(local: NaiveDateTime, utc: NaiveDateTime) -> Option<i16> {
    let ahead = local.signed_duration_since(utc);
    let distance = |offset: i16| (ahead - TimeDelta::minutes(offset.into())).abs();
    let offsets = WHOLE_HOURS.map(|hours| 60 * hours).chain(BROKEN_OFFSETS).chain(CHATHAM);
    offsets.min_by_key(|offset| distance(*offset)).filter(|offset| distance(*offset) <= TimeDelta::minutes(STALE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::testing::{Value, tiff};

    fn taken(tags: &[(Tag, &str)]) -> Option<(String, Option<i16>)> {
        taken_near(tags, None)
    }

    /// With the satellites' hour, minute and second on 2024:07:14.
    fn taken_near(tags: &[(Tag, &str)], satellites: Option<[u32; 3]>) -> Option<(String, Option<i16>)> {
        let time = satellites.map(|time| time.map(|part| (part, 1)));
        let mut all: Vec<_> = tags.iter().map(|(tag, text)| (*tag, Value::Text(text))).collect();
        if let Some(time) = &time {
            all.extend([(GPS_DATE, Value::Text("2024:07:14")), (GPS_TIME, Value::Fractions(time))]);
        }
        let chunk = tiff(&all);
        let (time, offset) = taken_at(&Tiff::open(&chunk)?, false, Utc::now())?;
        Some((time.to_rfc3339(), offset))
    }

    const ORIGINAL: Tag = TAKEN[0].date;
    const FRACTION: Tag = TAKEN[0].fraction;
    const OFFSET: Tag = TAKEN[0].offset;

    #[test]
    fn the_time_is_utc_unless_an_offset_says_otherwise() {
        let cases = [
            ("2024:07:14 18:30:05", None, "2024-07-14T18:30:05+00:00", None),
            ("2024:07:14 18:30:05", Some("+03:00"), "2024-07-14T15:30:05+00:00", Some(180)),
            ("2024:07:14 18:30:05", Some("-02:30"), "2024-07-14T21:00:05+00:00", Some(-150)),
            ("2024-07-14T18:30:05", Some("Z"), "2024-07-14T18:30:05+00:00", Some(0)),
            ("2024:07:14 18:30:05", Some("nonsense"), "2024-07-14T18:30:05+00:00", None),
            ("2024:07:14 18:30:05", Some("+99:00"), "2024-07-14T18:30:05+00:00", None),
            ("2024:07:14 18:30:05", Some("+01:75"), "2024-07-14T18:30:05+00:00", None),
            ("2024:07:14 18:30:05", Some("   :  "), "2024-07-14T18:30:05+00:00", None),
            ("1826:06:01 00:00:00", None, "1826-06-01T00:00:00+00:00", None),
        ];
        for (date, offset, time, minutes) in cases {
            let tags: Vec<_> = [(ORIGINAL, date)].into_iter().chain(offset.map(|offset| (OFFSET, offset))).collect();
            assert_eq!(taken(&tags), Some((time.to_owned(), minutes)), "{date} {offset:?}");
        }
        assert_eq!(taken(&[(ORIGINAL, "2024:07:14 18:30:05"), (ANY_OFFSET, "+01:00")]).unwrap().1, Some(60));
    }

    #[test]
    fn fractions_of_a_second_are_kept() {
        for (text, fraction) in
            [("5", ".500"), ("123", ".123"), ("07  ", ".070"), ("999999999999", ".999999999"), ("x", "")]
        {
            let time = taken(&[(ORIGINAL, "2024:07:14 18:30:05"), (FRACTION, text)]).unwrap().0;
            assert_eq!(time, format!("2024-07-14T18:30:05{fraction}+00:00"), "{text}");
        }
    }

    #[test]
    fn the_next_best_time_is_taken() {
        let digitized = TAKEN[1].date;
        assert_eq!(
            taken(&[(ORIGINAL, "0000:00:00 00:00:00"), (digitized, "2020:01:02 03:04:05")]).unwrap().0,
            "2020-01-02T03:04:05+00:00"
        );
        let changed = [(CHANGED.date, Value::Text("2020:01:02 03:04:05"))];
        let chunk = tiff(&changed);
        let exif = Tiff::open(&chunk).unwrap();
        assert!(taken_at(&exif, true, Utc::now()).is_some());
        assert_eq!(taken_at(&exif, false, Utc::now()), None);
    }

    #[test]
    fn an_absurd_time_is_not_known() {
        let tomorrow = (Utc::now() + Days::new(2)).format("%Y:%m:%d %H:%M:%S").to_string();
        for date in [
            "0000:00:00 00:00:00",
            "1825:12:31 23:59:59",
            "2023:02:30 10:00:00",
            "2023:02:03 25:00:00",
            "2023:02:03",
            "    :  :     :  :  ",
            "+024:07:14 18:30:05",
            "yesterday",
            "",
            &tomorrow,
        ] {
            assert_eq!(taken(&[(ORIGINAL, date)]), None, "{date}");
        }
    }

    #[test]
    fn satellites_tell_the_offset() {
        let date = [(ORIGINAL, "2024:07:14 18:30:05")];
        let offset = |time| taken_near(&date, Some(time)).unwrap().1;
        assert_eq!(offset([16, 30, 5]), Some(120));
        // A fix some minutes old, or a clock that is a little wrong.
        assert_eq!(offset([16, 22, 0]), Some(120));
        assert_eq!(offset([16, 31, 0]), Some(120));
        assert_eq!(offset([13, 0, 0]), Some(330));
        assert_eq!(offset([12, 45, 5]), Some(345));
        assert_eq!(offset([22, 30, 5]), Some(-240));
        // Nowhere is so far from UTC, or the fix is too old.
        assert_eq!(offset([3, 30, 0]), None);
        assert_eq!(offset([16, 15, 5]), None);
        assert_eq!(offset([99, 0, 0]), None);
        // What the camera says itself counts more.
        let said = [date[0], (OFFSET, "+03:00")];
        assert_eq!(taken_near(&said, Some([16, 30, 5])).unwrap().1, Some(180));
    }
}
