//! When a photo was taken by the name of its file, for want of anything better.
//!
//! Phones name photos by the time, and it is all that is left of what messengers have sent: `IMG_20190828_123456.jpg`,
//! `PXL_20210102_030405678.jpg`, `IMG-20200101-WA0001.jpg`, `WhatsApp Image 2019-08-28 at 12.34.56.jpeg`,
//! `Screenshot_2019-08-28-12-34-56.png`, `2019-08-28 12.34.56.jpg`. So a name counts that has a day of this calendar in it,
//! written as year, month and day and standing apart from other digits, and the time behind that if it has one.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::spelling::Scanner;
use super::time::is_credible;

/// Eight digits may be anything. They are a day of a year in which there were cameras that name files.
const FIRST_DIGITAL: i32 = 1990;

/// Longest word between day and time: "at", "um", "alle".
const LONGEST_WORD: usize = 4;

/// When the photo with this name was taken, as if the clock that it tells of showed UTC; midnight where it tells a day alone.
pub fn date_in_name(name: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let bytes = name.as_bytes();
    let begins = |at: &usize| {
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        digit(*at) && !at.checked_sub(1).is_some_and(digit)
    };
    let found = (0..bytes.len()).filter(begins).find_map(|at| date_and_time(bytes.get(at..)?));
    found.map(|local| local.and_utc()).filter(|time| is_credible(*time, now))
}

fn date_and_time(text: &[u8]) -> Option<NaiveDateTime> {
    let mut rest = Scanner(text);
    // A day; a day and a time; these and thousandths of a second.
    let compact = match rest.run().len() {
        4 => false,
        8 | 14 | 17 => true,
        _ => return None,
    };
    let year = rest.number(4, 4)?.cast_signed();
    if !compact && !rest.skip_one(b"-_.") || compact && year < FIRST_DIGITAL {
        return None;
    }
    let month = rest.number(2, 2)?;
    if !compact && !rest.skip_one(b"-_.") {
        return None;
    }
    let day = NaiveDate::from_ymd_opt(year, month, rest.number(2, 2)?)?;
    if compact && !rest.run().is_empty() {
        return Some(day.and_time(NaiveTime::from_hms_opt(
            rest.number(2, 2)?,
            rest.number(2, 2)?,
            rest.number(2, 2)?,
        )?));
    }
    if !rest.run().is_empty() {
        return None;
    }
    Some(day.and_time(time_behind(rest).unwrap_or(NaiveTime::MIN)))
}

/// The time behind a day, if there is one: in six digits, or nine with thousandths, or in pairs.
fn time_behind(mut rest: Scanner) -> Option<NaiveTime> {
    while rest.skip_one(b" _-.T") {}
    let word = rest.0.iter().take_while(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()).count();
    if word <= LONGEST_WORD && rest.0.get(word) == Some(&b' ') {
        rest.0 = rest.0.get(word + 1..)?;
    }
    let (hour, minute, second) = match rest.run().len() {
        6 | 9 => (rest.number(2, 2)?, rest.number(2, 2)?, rest.number(2, 2)?),
        1 | 2 => {
            let hour = rest.number(1, 2)?;
            let mut pair = || if rest.skip_one(b".-_:h") { rest.number(2, 2) } else { None };
            let minute = pair()?;
            (hour, minute, pair().unwrap_or(0))
        }
        _ => return None,
    };
    // macOS and WhatsApp put a narrow space before it.
    let behind: Vec<u8> = rest.0.iter().filter(|byte| byte.is_ascii() && **byte != b' ').take(2).copied().collect();
    let hour = match behind.to_ascii_uppercase().as_slice() {
        b"PM" if (1..12).contains(&hour) => hour + 12,
        b"AM" if hour == 12 => 0,
        _ => hour,
    };
    NaiveTime::from_hms_opt(hour, minute, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> Option<String> {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        date_in_name(name, now).map(|time| time.format("%FT%T").to_string())
    }

    #[test]
    fn names_of_phones_messengers_and_screens_tell_the_time() {
        for (name, time) in [
            ("IMG_20190828_123456.jpg", "2019-08-28T12:34:56"),
            ("IMG_20190828_123456789.jpg", "2019-08-28T12:34:56"),
            ("IMG_20190828_123456_HDR.jpg", "2019-08-28T12:34:56"),
            ("VID_20190828_123456.gif", "2019-08-28T12:34:56"),
            ("PXL_20210102_030405678.jpg", "2021-01-02T03:04:05"),
            ("PXL_20210102_030405678.PORTRAIT.jpg", "2021-01-02T03:04:05"),
            ("MVIMG_20190828_123456.jpg", "2019-08-28T12:34:56"),
            ("20190828_123456.jpg", "2019-08-28T12:34:56"),
            ("20190828123456.jpg", "2019-08-28T12:34:56"),
            ("00000IMG_00000_BURST20190828123456789_COVER.jpg", "2019-08-28T12:34:56"),
            ("IMG-20200101-WA0001.jpg", "2020-01-01T00:00:00"),
            ("VID-20200101-WA0001.gif", "2020-01-01T00:00:00"),
            ("WhatsApp Image 2019-08-28 at 12.34.56.jpeg", "2019-08-28T12:34:56"),
            ("WhatsApp Image 2019-08-28 at 12.34.56 (1).jpeg", "2019-08-28T12:34:56"),
            ("WhatsApp Image 2019-08-28 at 9.34.56 PM.jpeg", "2019-08-28T21:34:56"),
            ("Screenshot_2019-08-28-12-34-56-123_com.example.app.jpg", "2019-08-28T12:34:56"),
            ("Screenshot_20190828-123456_Chrome.png", "2019-08-28T12:34:56"),
            ("Screenshot 2019-08-28 at 12.34.56\u{202F}AM.png", "2019-08-28T00:34:56"),
            ("Screenshot from 2019-08-28 12-34-56.png", "2019-08-28T12:34:56"),
            ("Bildschirmfoto 2019-08-28 um 12.34.56.png", "2019-08-28T12:34:56"),
            ("Capture d’écran 2019-08-28 à 12.34.56.png", "2019-08-28T12:34:56"),
            ("2019-08-28 12.34.56.jpg", "2019-08-28T12:34:56"),
            ("2019-08-28T12:34:56.jpg", "2019-08-28T12:34:56"),
            ("photo_2019-08-28_12-34-56.jpg", "2019-08-28T12:34:56"),
            ("signal-2019-08-28-123456.jpg", "2019-08-28T12:34:56"),
            ("WIN_20190828_12_34_56_Pro.jpg", "2019-08-28T12:34:56"),
            ("DSC_0042_20190828.jpg", "2019-08-28T00:00:00"),
            ("2019_08_28 harbour.jpg", "2019-08-28T00:00:00"),
            ("1989-05-05 scan 12.jpg", "1989-05-05T00:00:00"),
            // No time of day: a number of its own.
            ("IMG_20190828_999999.jpg", "2019-08-28T00:00:00"),
        ] {
            assert_eq!(found(name).as_deref(), Some(time), "{name}");
        }
    }

    #[test]
    fn other_numbers_are_no_dates() {
        for name in [
            "IMG_4711.jpg",
            "DSC02019.jpg",
            "DSCF2019.jpg",
            "P1010042.jpg",
            "12345678.jpg",
            "20191332.jpg",
            "2019-02-30.jpg",
            "2019-8.jpg",
            "19000101_001.jpg",
            "10203040_506070809_n.jpg",
            "1566987654321.jpg",
            "120190828_1.jpg",
            "20990101_120000.jpg",
            "1280x20190828.jpg.2019",
            "photo.jpg",
            "",
        ] {
            let expected = (name == "1280x20190828.jpg.2019").then_some("2019-08-28T00:00:00");
            assert_eq!(found(name).as_deref(), expected, "{name}");
        }
    }
}
