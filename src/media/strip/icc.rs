//! Colour profiles, written anew.
//!
//! A profile has more than numbers: who made it and when, for which monitor or scanner with which serial number, texts
//! and private tags of any length. So what is kept is what turns pixels into colours – matrix, curves, tables – and the
//! rest is left out, or neutral where it has to be there. Colours come out the same: no tag that a colour is computed
//! from is changed. Layout: ICC.1:2022, section 7; the tags of version 2: ICC.1:2001-04, section 6.4.

/// Largest profile looked at. Those of screens and cameras have some hundred bytes, the largest common ones of printing
/// presses 2.7 MB (PSO Coated v3).
pub(super) const LONGEST: usize = 4 << 20;

/// Most tags a profile may have. Common ones have about twenty.
const TAGS: usize = 200;

const HEADER: usize = 128;

/// What colours are computed from: how light is meant, how channels mix, how they curve, and tables that do all of it.
const NEEDED: [&[u8; 4]; 28] = [
    b"wtpt", b"bkpt", b"chad", b"lumi", b"cicp", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC",
    b"A2B0", b"A2B1", b"A2B2", b"A2B3", b"B2A0", b"B2A1", b"B2A2", b"B2A3", b"D2B0", b"D2B1", b"D2B2", b"D2B3",
    b"gamt", b"pre0", b"pre1", b"pre2",
];

/// What those tags may hold. Texts are none of it.
const KINDS: [&[u8; 4]; 10] =
    [b"XYZ ", b"curv", b"para", b"sf32", b"mft1", b"mft2", b"mAB ", b"mBA ", b"mpet", b"cicp"];

/// The profile with its numbers alone, or `None` when it is not a profile: then no program would have used it.
pub(super) fn neutral(profile: &[u8]) -> Option<Vec<u8>> {
    let size = long(profile, 0)?;
    let profile = profile.get(..size).filter(|profile| profile.len() <= LONGEST)?;
    let (header, tables) = profile.split_first_chunk::<HEADER>()?;
    if header.get(36..40)? != b"acsp" {
        return None;
    }
    let count = Some(long(tables, 0)?).filter(|count| *count <= TAGS)?;
    let entries = tables.get(4..)?.as_chunks::<12>().0.get(..count)?;

    let mut tags = Tags::default();
    for entry in entries {
        let (name, start, length) = (entry.first_chunk::<4>()?, long(entry, 4)?, long(entry, 8)?);
        let value = profile.get(start..)?.get(..length)?;
        if NEEDED.contains(&name) {
            let value = without_padding(value);
            if value.first_chunk().is_some_and(|kind| KINDS.contains(&kind)) {
                tags.add(*name, start, value);
            }
        }
    }
    let version = *header.get(8)?;
    tags.add(*b"desc", usize::MAX, &description(version));
    tags.add(*b"cprt", usize::MAX - 1, &copyright(version));
    let neutral = tags.written(&neutral_header(header)?);
    // Overlapping values would be written once each, and so might multiply.
    (neutral.len() <= profile.len() + 256).then_some(neutral)
}

/// The header without its programs, devices, authors, times and identifiers.
fn neutral_header(header: &[u8; HEADER]) -> Option<Vec<u8>> {
    let kept = |range: std::ops::Range<usize>| header.get(range);
    let zero = |length: usize| vec![0; length];
    // Size, program; version, class, colour spaces; time; signature, platform, flags, maker, model; attributes…
    let [size, program, platform] = [zero(4), zero(4), zero(4)];
    let (maker_and_model, rest) = (zero(8), zero(48));
    // 1 January 2000 stands for any time: zeros are no date.
    let time = [0x07, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    Some(
        [
            &size,
            &program,
            kept(8..24)?,
            &time,
            b"acsp",
            &platform,
            kept(44..48)?,
            &maker_and_model,
            // …which say how the paper is, intent and white point; then author, identifier and reserved bytes.
            kept(56..80)?,
            &rest,
        ]
        .concat(),
    )
}

/// A required text: what the profile is. Version 2 has a type of its own for it (ICC.1:2001-04, section 6.5.17).
fn description(version: u8) -> Vec<u8> {
    if version < 4 {
        [b"desc\0\0\0\0\0\0\0\x08Profile\0".as_slice(), &[0; 78]].concat()
    } else {
        b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS\0\0\0\x0E\0\0\0\x1C\0P\0r\0o\0f\0i\0l\0e".to_vec()
    }
}

/// The other required text, whose profile it is; here, nobody's in particular.
fn copyright(version: u8) -> Vec<u8> {
    if version < 4 {
        b"text\0\0\0\0-\0".to_vec()
    } else {
        b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS\0\0\0\x02\0\0\0\x1C\0-".to_vec()
    }
}

/// A value without what stands behind its numbers, where their count is known. Section 10 of ICC.1:2022.
fn without_padding(value: &[u8]) -> &[u8] {
    let length = match value.first_chunk() {
        Some(b"XYZ ") => Some(20),
        Some(b"sf32") => Some(44),
        Some(b"cicp") => Some(12),
        Some(b"curv") => long(value, 8).map(|count| count.saturating_mul(2).saturating_add(12)),
        Some(b"para") => value.get(9).and_then(|kind| [16, 24, 28, 32, 40].get(usize::from(*kind)).copied()),
        _ => None,
    };
    length.and_then(|length| value.get(..length)).unwrap_or(value)
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}

/// The tags of a profile to be written. Some share a value: the three curves of most screens.
#[derive(Default)]
struct Tags {
    /// Name, place of its value in `values`, its length.
    entries: Vec<([u8; 4], usize, usize)>,
    /// Where in the old profile the values came from, their length, and where they are in `values`.
    sources: Vec<(usize, usize, usize)>,
    values: Vec<u8>,
}

impl Tags {
    fn add(&mut self, name: [u8; 4], source: usize, value: &[u8]) {
        // Of two tags with one name, the first counts.
        if self.entries.iter().any(|(other, ..)| *other == name) {
            return;
        }
        let known = self.sources.iter().find(|(from, length, _)| (*from, *length) == (source, value.len()));
        let place = if let Some((.., place)) = known {
            *place
        } else {
            let place = self.values.len();
            self.sources.push((source, value.len(), place));
            self.values.extend(value);
            // Values begin at multiples of four.
            self.values.resize(self.values.len().next_multiple_of(4), 0);
            place
        };
        self.entries.push((name, place, value.len()));
    }

    fn written(&self, header: &[u8]) -> Vec<u8> {
        let first = HEADER + 4 + 12 * self.entries.len();
        let long = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        let mut out = long(first + self.values.len()).to_vec();
        out.extend(header.get(4..).unwrap_or_default());
        out.extend(long(self.entries.len()));
        for (name, place, length) in &self.entries {
            out.extend([*name, long(first + place), long(*length)].concat());
        }
        out.extend(&self.values);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{holds, profile};

    #[test]
    fn numbers_stay_and_texts_go() {
        for version in [2, 4] {
            let old = profile(version);
            let new = neutral(&old).unwrap();
            assert_eq!(long(&new, 0), Some(new.len()));
            assert!(holds(&old, b"SECRET") && !holds(&new, b"SECRET"));
            // The three curves are still one value, and each tag's numbers are the same.
            for tag in [b"rXYZ", b"rTRC", b"gTRC", b"wtpt"] {
                assert_eq!(value(&old, *tag), value(&new, *tag), "{tag:?}");
            }
            assert_eq!(place(&new, *b"rTRC"), place(&new, *b"bTRC"));
            assert!(
                value(&new, *b"desc").is_some() && value(&new, *b"cprt").is_some() && value(&new, *b"mmod").is_none()
            );
            assert_eq!(neutral(&new).unwrap(), new, "twice is once");
        }
    }

    #[test]
    fn what_is_not_a_profile_is_left_out() {
        let whole = profile(2);
        for length in 0..whole.len() {
            assert_eq!(neutral(&whole[..length]), None);
        }
        let mut more = whole.clone();
        more.extend(b"<script>");
        assert_eq!(neutral(&more), neutral(&whole));
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7F, 0xFF] {
                let mut broken = whole.clone();
                broken[at] = byte;
                neutral(&broken);
            }
        }
    }

    #[test]
    fn overlapping_values_do_not_multiply() {
        let mut profile = profile(2);
        let start = profile.len();
        profile.extend(b"mft2".iter().chain(&[7; 10_000]));
        let size = profile.len();
        profile.splice(0..4, u32::try_from(size).unwrap().to_be_bytes());
        // All its tags become tables that begin a little later each.
        for (index, name) in (0..8).zip(NEEDED.iter().skip(13)) {
            let entry = [**name, (start as u32).to_be_bytes(), (9000_u32 + index).to_be_bytes()].concat();
            let at = HEADER + 4 + 12 * index as usize;
            profile.splice(at..at + 12, entry);
        }
        assert_eq!(neutral(&profile), None);
    }

    fn place(profile: &[u8], name: [u8; 4]) -> Option<(usize, usize)> {
        let entries = profile[HEADER + 4..].chunks(12).take(long(profile, HEADER)?);
        entries
            .filter(|entry| entry[..4] == name)
            .map(|entry| (long(entry, 4).unwrap(), long(entry, 8).unwrap()))
            .next()
    }

    fn value(profile: &[u8], name: [u8; 4]) -> Option<&[u8]> {
        place(profile, name).map(|(start, length)| without_padding(&profile[start..start + length]))
    }
}
