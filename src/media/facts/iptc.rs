//! The day and time of IPTC data in a JPEG: within Photoshop's resources, which are in segment APP13.
//!
//! Resources: Adobe Photoshop File Formats Specification, "Image Resource Blocks"; data sets: IPTC IIM 4.2, sections 1.5
//! and 6 (2:55 and 2:60).

use super::spelling::Spelt;

/// What Photoshop's segment begins with.
pub(in crate::media) const NAME: &[u8] = b"Photoshop 3.0\0";

/// The resource that is IPTC data.
const IPTC: [u8; 2] = [0x04, 0x04];

/// When the picture was made, by these resources.
pub(super) fn created(mut resources: &[u8]) -> Option<Spelt> {
    loop {
        let head = resources.split_off(..6)?;
        let [b'8', b'B', b'I', b'M', id @ ..] = head else {
            return None;
        };
        let name = usize::from(*resources.first()?);
        // Its length and itself are an even number of bytes, and so are the data.
        resources.split_off(..(name + 2) & !1)?;
        let length = usize::try_from(u32::from_be_bytes(*resources.split_off(..4)?.first_chunk()?)).ok()?;
        let data = resources.split_off(..length)?;
        if *id == IPTC {
            return data_sets(data);
        }
        if length % 2 == 1 {
            resources.split_off(..1)?;
        }
    }
}

fn data_sets(mut data: &[u8]) -> Option<Spelt> {
    let (mut day, mut time) = (None, None);
    while let Some([0x1C, record, number, high, low]) = data.split_off(..5) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(value) = data.split_off(..length) else { break };
        match (record, number) {
            (2, 55) => day = day.or(Some(value)),
            (2, 60) => time = time.or(Some(value)),
            _ => (),
        }
    }
    let day = day?;
    // A time that is malformed costs only itself.
    Spelt::read(&[day, b"T", time.unwrap_or_default()].concat()).or_else(|| Spelt::read(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(day: &str, time: &str) -> Vec<u8> {
        let set = |number: u8, value: &str| {
            let length = u16::try_from(value.len()).unwrap().to_be_bytes();
            [&[0x1C, 2, number], length.as_slice(), value.as_bytes()].concat()
        };
        let data = [set(5, "title"), set(55, day), set(60, time)].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [b"8BIM\x04\x25\x00\x00\0\0\0\x01x\0".as_slice(), b"8BIM\x04\x04\x00\x00", &length, &data].concat()
    }

    #[test]
    fn the_day_and_time_of_creation_are_found() {
        let of = |day, time| created(&resources(day, time)).map(|spelt| (spelt.local.to_string(), spelt.offset));
        assert_eq!(of("19890505", "140845+0200"), Some(("1989-05-05 14:08:45".to_owned(), Some(120))));
        assert_eq!(of("19890505", "140845"), Some(("1989-05-05 14:08:45".to_owned(), None)));
        assert_eq!(of("19890505", "noon"), Some(("1989-05-05 00:00:00".to_owned(), None)));
        // 0 stands for what is not known (2:55).
        assert_eq!(of("19890500", ""), Some(("1989-05-01 00:00:00".to_owned(), None)));
        assert_eq!(of("19890000", "140845"), Some(("1989-01-01 00:00:00".to_owned(), None)));
        assert_eq!(of("19890000", "noon"), Some(("1989-01-01 00:00:00".to_owned(), None)));
        assert_eq!(of("00000000", "140845"), None);
        let whole = resources("19890505", "140845+0200");
        for length in 0..whole.len() {
            created(&whole[..length]);
        }
    }
}
