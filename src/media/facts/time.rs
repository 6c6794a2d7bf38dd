//! When a photo was taken, and how far its clock was from UTC.
//!
//! A file may tell several times, and by different hands: the camera's EXIF data, the XMP and IPTC data of programs that a
//! scan or an old photo was dated with, a later edit. What counts is when the picture was taken: the shutter's time as the
//! camera wrote it; else the day that somebody gave to what the picture shows; else when the file was first made; last,
//! when a camera's file was changed. (So do exiftool's and the Metadata Working Group's mappings order them.) Where
//! somebody gave a day to the picture in words that are no date here, its scan's day is not stated instead.
//!
//! EXIF tells the time that a clock on the wall showed. Where it was ahead of UTC stands beside it since EXIF 2.31 (2016);
//! before that, and in many phones still, only the satellites' own time lets us work it out.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::spelling::{Spelt, WHOLE_HOURS, nanoseconds, offset};
use super::tiff::{Folder, Tag, Tiff};
use super::{Said, iptc, xmp};

/// The year of the oldest photograph known, the *View from the Window at Le Gras*.
const FIRST_PHOTOGRAPH: i32 = 1826;

/// A time that a file may give: its tag, and those of its fraction of a second and of its offset.
struct Clock {
    date: Tag,
    fraction: Tag,
    offset: Tag,
}

/// `DateTimeOriginal`: when the shutter opened.
const ORIGINAL: Clock =
    Clock { date: (Folder::Exif, 0x9003), fraction: (Folder::Exif, 0x9291), offset: (Folder::Exif, 0x9011) };

/// `DateTimeDigitized`: the same, unless it was scanned.
const DIGITIZED: Clock =
    Clock { date: (Folder::Exif, 0x9004), fraction: (Folder::Exif, 0x9292), offset: (Folder::Exif, 0x9012) };

/// `DateTime`: when the file was changed, which is its taking if a camera wrote the file and nothing else has since.
const CHANGED: Clock =
    Clock { date: (Folder::Main, 0x0132), fraction: (Folder::Exif, 0x9290), offset: (Folder::Exif, 0x9010) };

const GPS_DATE: Tag = (Folder::Gps, 0x1D);
const GPS_TIME: Tag = (Folder::Gps, 0x07);

/// The offsets from UTC in use in the world, in minutes, beside the whole hours from −12 to +14 (tz database 2026).
const BROKEN_OFFSETS: [i16; 11] = [-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630];
/// The Chatham Islands, in winter and in summer.
const CHATHAM: [i16; 2] = [765, 825];

/// How old the satellites' time may be, in minutes, to tell an offset: a phone writes that of its last fix.
const STALE: i64 = 10;

/// When the photo was taken, and its clock's minutes ahead of UTC if known; the time is as if it showed UTC if not.
///
/// `has_camera`: whether the file names the camera that made it; without one, the time of its last change says nothing.
pub(super) fn taken_at(
    said: &Said,
    exif: Option<&Tiff>,
    has_camera: bool,
    now: DateTime<Utc>,
) -> Option<(DateTime<Utc>, Option<i16>)> {
    let camera = |clock: &Clock| by_camera(exif?, clock, now);
    let dates = said.xmp.as_deref().map(xmp::Dates::read).unwrap_or_default();
    let program = |text: &Option<String>| at(Spelt::read(text.as_ref()?.as_bytes())?, None, now);
    let shown = camera(&ORIGINAL)
        .or_else(|| program(&dates.original))
        .or_else(|| program(&dates.created))
        .or_else(|| at(iptc::created(said.iptc.as_deref()?)?, None, now));
    if shown.is_some() || [&dates.original, &dates.created].into_iter().flatten().any(|text| is_vague(text)) {
        return shown;
    }
    camera(&DIGITIZED)
        .or_else(|| program(&dates.digitized))
        .or_else(|| if has_camera { camera(&CHANGED) } else { None })
}

/// Whether a text that is no date names a time all the same: "about 1989". One of zeros names none.
fn is_vague(text: &str) -> bool {
    Spelt::read(text.as_bytes()).is_none() && text.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

fn by_camera(exif: &Tiff, clock: &Clock, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Option<i16>)> {
    let text = exif.text(clock.date)?;
    let spelt = Spelt::read(text)?;
    let said = |clock: &Clock| exif.text(clock.offset).and_then(offset);
    // The offset of a change is the clock's too where that is the time of the change: some cameras write it alone.
    let of_change = || said(&CHANGED).filter(|_| exif.text(CHANGED.date) == Some(text));
    let offset = said(clock)
        .or(spelt.offset)
        .or_else(of_change)
        .or_else(|| offset_by_satellite(spelt.local, satellites_time(exif)?));
    let fraction = exif.text(clock.fraction).map(nanoseconds).or(spelt.fraction);
    at(Spelt { fraction, ..spelt }, offset, now)
}

/// The time that a clock so far ahead of UTC showed, if a photo can be of then.
fn at(spelt: Spelt, offset: Option<i16>, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Option<i16>)> {
    let offset = offset.or(spelt.offset);
    let ahead = TimeDelta::minutes(offset.unwrap_or(0).into());
    let time = spelt.local.checked_sub_signed(ahead)?.checked_add_signed(spelt.fraction.unwrap_or_default())?.and_utc();
    is_credible(time, now).then_some((time, offset))
}

/// Whether a photo may have been taken at `time`. A day ahead of the clock is what the time zones explain.
pub(super) fn is_credible(time: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let first = NaiveDate::from_ymd_opt(FIRST_PHOTOGRAPH, 1, 1);
    first.is_some_and(|first| time.date_naive() >= first) && time <= now + Days::new(1)
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
    Spelt::read(exif.text(GPS_DATE)?)?.local.date().and_hms_opt(0, 0, 0)?.checked_add_signed(seconds)
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
        let (time, offset) = taken_at(&Said::default(), Tiff::open(&chunk).as_ref(), false, Utc::now())?;
        Some((time.to_rfc3339(), offset))
    }

    const TAKEN: Tag = ORIGINAL.date;
    const FRACTION: Tag = ORIGINAL.fraction;
    const OFFSET: Tag = ORIGINAL.offset;

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
            let tags: Vec<_> = [(TAKEN, date)].into_iter().chain(offset.map(|offset| (OFFSET, offset))).collect();
            assert_eq!(taken(&tags), Some((time.to_owned(), minutes)), "{date} {offset:?}");
        }
    }

    #[test]
    fn the_offset_of_an_edit_is_not_the_cameras() {
        let (original, changed) = ((TAKEN, "2024:07:14 18:30:05"), CHANGED.date);
        let offset_of_change = (CHANGED.offset, "+01:00");
        let offset = |tags: &[(Tag, &str)]| taken(tags).unwrap().1;
        assert_eq!(offset(&[original, offset_of_change]), None);
        assert_eq!(offset(&[(changed, "2024:12:22 06:39:25"), original, offset_of_change]), None);
        // Nothing was changed since.
        assert_eq!(offset(&[(changed, original.1), original, offset_of_change]), Some(60));
        assert_eq!(offset(&[original, offset_of_change, (OFFSET, "+0200")]), Some(120));
        assert_eq!(offset(&[(TAKEN, "2024:07:14 18:30:05+02")]), Some(120));
    }

    #[test]
    fn what_a_photo_shows_is_dated_before_its_scan_and_its_edit() {
        let exif =
            |tags: &[(Tag, &str)]| tiff(&tags.iter().map(|(tag, text)| (*tag, Value::Text(text))).collect::<Vec<_>>());
        let xmp = |name: &str| {
            format!(
                "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><r:Description {name}='1989-05-05T14:08:45' \
                 xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' \
                 xmlns:xmp='http://ns.adobe.com/xap/1.0/'/></r:RDF>"
            )
        };
        let scan = exif(&[(CHANGED.date, "2021:04:01 08:22:44"), (DIGITIZED.date, "2021:03:31 10:00:00")]);
        let camera = exif(&[(TAKEN, "2020:01:01 00:00:01")]);
        let year = |chunk: &[u8], name: &str| {
            let said = Said { xmp: Some(xmp(name).into_bytes()), ..Said::default() };
            taken_at(&said, Tiff::open(chunk).as_ref(), true, Utc::now()).unwrap().0.format("%Y").to_string()
        };
        assert_eq!(year(&scan, "exif:DateTimeOriginal"), "1989");
        assert_eq!(year(&scan, "photoshop:DateCreated"), "1989");
        assert_eq!(year(&scan, "xmp:CreateDate"), "2021");
        assert_eq!(year(&camera, "exif:DateTimeOriginal"), "2020");
        assert_eq!(year(&exif(&[(CHANGED.date, "2021:04:01 08:22:44")]), "xmp:CreateDate"), "1989");
    }

    #[test]
    fn a_year_a_month_or_a_vague_word_of_what_a_photo_shows_goes_before_its_scan() {
        let scan = tiff(&[
            (CHANGED.date, Value::Text("2021:04:01 08:22:44")),
            (DIGITIZED.date, Value::Text("2021:03:31 10:00:00")),
        ]);
        let day = |name: &str, date: &str| {
            let packet = format!(
                "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><r:Description {name}='{date}' \
                 xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/'/>\
                 </r:RDF>"
            );
            let said = Said { xmp: Some(packet.into_bytes()), ..Said::default() };
            let (time, offset) = taken_at(&said, Tiff::open(&scan).as_ref(), true, Utc::now())?;
            assert_eq!(offset, None);
            Some(time.format("%F %T").to_string())
        };
        for name in ["exif:DateTimeOriginal", "photoshop:DateCreated"] {
            assert_eq!(day(name, "1989").as_deref(), Some("1989-01-01 00:00:00"));
            assert_eq!(day(name, "1989-05").as_deref(), Some("1989-05-01 00:00:00"));
            assert_eq!(day(name, "about 1989"), None);
            // Nobody has said anything.
            for nothing in ["", "0000-00-00", "unknown"] {
                assert_eq!(day(name, nothing).as_deref(), Some("2021-03-31 10:00:00"), "{nothing}");
            }
        }
    }

    #[test]
    fn fractions_of_a_second_are_kept() {
        for (text, fraction) in
            [("5", ".500"), ("123", ".123"), ("07  ", ".070"), ("999999999999", ".999999999"), ("x", "")]
        {
            let time = taken(&[(TAKEN, "2024:07:14 18:30:05"), (FRACTION, text)]).unwrap().0;
            assert_eq!(time, format!("2024-07-14T18:30:05{fraction}+00:00"), "{text}");
        }
    }

    #[test]
    fn the_next_best_time_is_taken() {
        let digitized = DIGITIZED.date;
        assert_eq!(
            taken(&[(TAKEN, "0000:00:00 00:00:00"), (digitized, "2020:01:02 03:04:05")]).unwrap().0,
            "2020-01-02T03:04:05+00:00"
        );
        let changed = [(CHANGED.date, Value::Text("2020:01:02 03:04:05"))];
        let chunk = tiff(&changed);
        let exif = Tiff::open(&chunk).unwrap();
        assert!(taken_at(&Said::default(), Some(&exif), true, Utc::now()).is_some());
        assert_eq!(taken_at(&Said::default(), Some(&exif), false, Utc::now()), None);
    }

    #[test]
    fn an_absurd_time_is_not_known() {
        let tomorrow = (Utc::now() + Days::new(2)).format("%Y:%m:%d %H:%M:%S").to_string();
        for date in [
            "0000:00:00 00:00:00",
            "1825:12:31 23:59:59",
            "2023:02:30 10:00:00",
            "2023:02:03 25:00:00",
            "    :  :     :  :  ",
            "+024:07:14 18:30:05",
            "yesterday",
            "",
            &tomorrow,
        ] {
            assert_eq!(taken(&[(TAKEN, date)]), None, "{date}");
        }
    }

    #[test]
    fn satellites_tell_the_offset() {
        let date = [(TAKEN, "2024:07:14 18:30:05")];
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
