//! Dates as cameras and programs spell them.
//!
//! EXIF asks for "2024:07:14 18:30:05", XMP for ISO 8601, IPTC for "20240714". In files there are also dashes, slashes and
//! dots, numbers padded with spaces, times without seconds, days without times, and offsets from UTC behind any of it. Of
//! an old photo often a month or a year is all that is known: "1989-05", "19890000".

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// Farthest from UTC that anywhere on earth is, in hours.
pub(super) const WHOLE_HOURS: std::ops::RangeInclusive<i16> = -12..=14;

/// A time as a clock showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelt {
    /// To the second; midnight where a day is all that is said, on the first where it is a month or a year.
    pub local: NaiveDateTime,
    /// What is said of a part of a second.
    pub fraction: Option<TimeDelta>,
    /// Minutes ahead of UTC, if that is said.
    pub offset: Option<i16>,
}

impl Spelt {
    /// The time in this text; `None` where it is none, or not of any calendar.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let mut rest = Scanner(text.trim_ascii());
        let (day, is_whole) = rest.date()?;
        let rest = Scanner(rest.0.trim_ascii_start());
        let mut rest = Scanner(rest.0.strip_prefix(b"T").unwrap_or(rest.0).trim_ascii_start());
        let midnight = Self { local: day.and_time(NaiveTime::MIN), fraction: None, offset: None };
        // Some cameras leave the time blank.
        if rest.is_blank() {
            return Some(midnight);
        }
        let (time, fraction) = rest.time()?;
        // The time of an unknown day says nothing.
        Some(if is_whole { Self { local: day.and_time(time), fraction, offset: offset(rest.0) } } else { midnight })
    }
}

/// Minutes ahead of UTC in a text such as "+05:30", "+0530", "+5:30", "+05" or "Z", if anywhere on earth may have been so
/// far ahead.
pub(super) fn offset(text: &[u8]) -> Option<i16> {
    let mut rest = Scanner(text.trim_ascii());
    let minutes = match rest.byte()? {
        b'Z' => 0,
        sign @ (b'+' | b'-') => {
            let hours = i16::try_from(rest.number(1, 2)?).ok()?;
            let colon = rest.skip_one(b":");
            let minutes = if rest.0.is_empty() && !colon { 0 } else { i16::try_from(rest.number(2, 2)?).ok()? };
            let minutes = Some(minutes).filter(|minutes| *minutes < 60)? + 60 * hours;
            if sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let possible = (60 * WHOLE_HOURS.start()..=60 * WHOLE_HOURS.end()).contains(&minutes);
    (rest.0.is_empty() && possible).then_some(minutes)
}

/// The digits after a second's point, of which there may be any number; a malformed fraction is none.
pub(super) fn nanoseconds(text: &[u8]) -> TimeDelta {
    let padded = text.trim_ascii().iter().copied().chain([b'0'; 9]).take(9).collect::<Vec<_>>();
    TimeDelta::nanoseconds(digits(&padded).unwrap_or(0).into())
}

/// Decimal digits alone, at most nine.
fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

/// What is left of a text.
pub(super) struct Scanner<'a>(pub &'a [u8]);

impl<'a> Scanner<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Passes over one of these bytes, if it is next.
    pub(super) fn skip_one(&mut self, any: &[u8]) -> bool {
        let is_next = self.0.first().is_some_and(|byte| any.contains(byte));
        if is_next {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        is_next
    }

    /// A number of so many digits, as many as there are.
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.0.split_at_checked(count).filter(|_| count >= least)?;
        self.0 = rest;
        digits(number)
    }

    /// Digits that stand together.
    pub(super) fn run(&self) -> &'a [u8] {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.0.get(..count).unwrap_or_default()
    }

    /// A number of one or two digits, padded or not.
    fn padded(&mut self) -> Option<u32> {
        self.skip_one(b" ");
        self.number(1, 2)
    }

    /// Whether nothing is left but what stands between numbers: "  :  :  ".
    fn is_blank(&self) -> bool {
        self.0.iter().all(|byte| matches!(byte, b' ' | b':'))
    }

    /// A day, and whether that is known: of a month or a year alone, it is the first. What is not known is left out, blank
    /// or 0.
    fn date(&mut self) -> Option<(NaiveDate, bool)> {
        let year = self.number(4, 4).filter(|year| *year > 0)?.cast_signed();
        let said = if self.is_blank() {
            (0, 0)
        } else if self.skip_one(b":-/.") {
            self.month_and_day()?
        } else {
            (self.number(2, 2)?, self.number(2, 2)?)
        };
        let (month, day) = match said {
            (0, 0) => (1, 1),
            (month, 0) => (month, 1),
            whole => whole,
        };
        Some((NaiveDate::from_ymd_opt(year, month, day)?, said == (month, day)))
    }

    /// The rest of a date in which something stands between the numbers.
    fn month_and_day(&mut self) -> Option<(u32, u32)> {
        let month = self.padded()?;
        if self.is_blank() {
            return Some((month, 0));
        }
        if !self.skip_one(b":-/.") {
            return None;
        }
        Some((month, self.padded()?))
    }

    fn time(&mut self) -> Option<(NaiveTime, Option<TimeDelta>)> {
        let hour = self.padded()?;
        let (minute, second) = if self.skip_one(b":") {
            let minute = self.padded()?;
            (minute, if self.skip_one(b":") { self.padded()? } else { 0 })
        } else {
            (self.number(2, 2)?, self.number(2, 2).unwrap_or(0))
        };
        let fraction = self.skip_one(b".,").then(|| {
            let digits = self.run();
            self.0 = self.0.get(digits.len()..).unwrap_or_default();
            nanoseconds(digits)
        });
        Some((NaiveTime::from_hms_opt(hour, minute, second)?, fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_however_they_are_spelt() {
        for (text, time, offset) in [
            ("2004:06:08 09:05:07", "2004-06-08T09:05:07", None),
            ("2004-06-08T09:05:07", "2004-06-08T09:05:07", None),
            ("2004/06/08 09:05:07", "2004-06-08T09:05:07", None),
            ("2004.06.08 09:05:07", "2004-06-08T09:05:07", None),
            ("2004: 6: 8  9: 5: 7", "2004-06-08T09:05:07", None),
            ("2004-6-8 9:05:07", "2004-06-08T09:05:07", None),
            ("2004:06:08 09:05", "2004-06-08T09:05:00", None),
            ("2004-06-08T09:05+02:00", "2004-06-08T09:05:00", Some(120)),
            ("2004:06:08", "2004-06-08T00:00:00", None),
            ("2004:06:08   :  :  ", "2004-06-08T00:00:00", None),
            ("20040608T090507-0930", "2004-06-08T09:05:07", Some(-570)),
            ("2004:06:08 09:05:07+0200", "2004-06-08T09:05:07", Some(120)),
            ("2004:06:08 09:05:07 +2:00", "2004-06-08T09:05:07", Some(120)),
            ("2004:06:08 09:05:07.25+02", "2004-06-08T09:05:07", Some(120)),
            ("2004-06-08T09:05:07Z", "2004-06-08T09:05:07", Some(0)),
            ("  2004:06:08 09:05:07  ", "2004-06-08T09:05:07", None),
            ("2004:06:08 09:05:07 or so", "2004-06-08T09:05:07", None),
            ("2004", "2004-01-01T00:00:00", None),
            ("2004-06", "2004-06-01T00:00:00", None),
            ("2004:06", "2004-06-01T00:00:00", None),
            ("2004:06:     :  :  ", "2004-06-01T00:00:00", None),
            ("2004:  :     :  :  ", "2004-01-01T00:00:00", None),
            ("2004:00:00 00:00:00", "2004-01-01T00:00:00", None),
            ("20040000", "2004-01-01T00:00:00", None),
            ("20040600", "2004-06-01T00:00:00", None),
            ("20040600T090507-0930", "2004-06-01T00:00:00", None),
        ] {
            let spelt = Spelt::read(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(spelt.local.format("%FT%T").to_string(), time, "{text}");
            assert_eq!(spelt.offset, offset, "{text}");
        }
        let fraction = Spelt::read(b"2004:06:08 09:05:07.25+02").unwrap().fraction;
        assert_eq!(fraction, Some(TimeDelta::milliseconds(250)));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "0000:00:00 00:00:00",
            "2023:02:30 10:00:00",
            "2023:02:03 25:00:00",
            "2023:02:03 10:61:00",
            "0000",
            "00000000",
            "2023:00:15",
            "2023:13",
            "2023:02-",
            "2023 or so",
            "202302",
            "    :  :     :  :  ",
            "+024:07:14 18:30:05",
            "yesterday",
            "2023:02:031",
            "20230",
            "",
        ] {
            assert_eq!(Spelt::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_read_however_they_are_spelt() {
        for (text, minutes) in [
            ("Z", Some(0)),
            ("+05:30", Some(330)),
            ("+0530", Some(330)),
            ("-9:30", Some(-570)),
            ("+02", Some(120)),
            ("+2", Some(120)),
            (" +02:00 ", Some(120)),
            ("+14:00", Some(840)),
            ("+99:00", None),
            ("+01:75", None),
            ("+02:", None),
            ("+200", None),
            ("02:00", None),
            ("   :  ", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(offset(text.as_bytes()), minutes, "{text}");
        }
    }
}
