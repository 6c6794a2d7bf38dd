//! EXIF data as a table of tags: a TIFF structure, read in place.
//!
//! Ours, because the crate `kamadak-exif` 0.6.1 follows every pointer it finds: a chunk of 10 826 bytes, whose 300 entries
//! all point at one folder whose 300 entries all point at another, became 27 million entries, 1.3 GB and 2.8 s; the 64 KB
//! that a JPEG may hold would be two hundred times that. Here nothing is gathered. Four folders are known – main, EXIF,
//! GPS and interoperability, each by the first pointer to it – and a tag is looked for when somebody asks. So the work is bounded by the
//! length of the chunk, and no memory is taken but for what is found.
//!
//! Layout: TIFF 6.0, section 2; the folders and their tags: EXIF 2.32, section 4.6.

/// One of the folders of tags that Lumina looks into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// About the file: maker, model, when it was changed.
    Main,
    /// About the taking: time, lens, exposure.
    Exif,
    /// About the place.
    Gps,
    /// About what other devices may make of it.
    Interoperability,
}

/// A tag and the folder that it belongs to.
pub(super) type Tag = (Folder, u16);

const EXIF_POINTER: Tag = (Folder::Main, 0x8769);
const GPS_POINTER: Tag = (Folder::Main, 0x8825);
const INTEROPERABILITY_POINTER: Tag = (Folder::Exif, 0xA005);

/// The types of values that are read.
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const SIGNED_RATIONAL: u16 = 10;
/// Since EXIF 3.0.
const UTF_8: u16 = 129;

/// EXIF data.
#[derive(Debug)]
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
    /// Where the folders begin; 0 is nowhere.
    main: usize,
    exif: usize,
    gps: usize,
    interoperability: usize,
}

impl<'a> Tiff<'a> {
    /// EXIF data that begins with a TIFF header; of any other, `None`.
    pub fn open(bytes: &'a [u8]) -> Option<Self> {
        let little_endian = match bytes.first_chunk()? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let mut tiff = Self { bytes, little_endian, main: 0, exif: 0, gps: 0, interoperability: 0 };
        tiff.main = tiff.long_at(4)?;
        tiff.exif = tiff.pointer(EXIF_POINTER);
        tiff.gps = tiff.pointer(GPS_POINTER);
        tiff.interoperability = tiff.pointer(INTEROPERABILITY_POINTER);
        Some(tiff)
    }

    /// A text up to its terminator.
    pub fn text(&self, tag: Tag) -> Option<&'a [u8]> {
        let (ASCII | UTF_8, text) = self.value(tag)? else {
            return None;
        };
        text.split(|byte| *byte == 0).next()
    }

    /// A whole number, or the first of several.
    pub fn number(&self, tag: Tag) -> Option<u32> {
        match self.value(tag)? {
            (SHORT, value) => Some(self.short(value)?.into()),
            (LONG, value) => self.long(value),
            _ => None,
        }
    }

    /// Fractions, if there are just `N`. A denominator of 0 makes all of them unknown.
    pub fn fractions<const N: usize>(&self, tag: Tag) -> Option<[f64; N]> {
        let (kind @ (RATIONAL | SIGNED_RATIONAL), value) = self.value(tag)? else {
            return None;
        };
        if value.len() != 8 * N {
            return None;
        }
        let mut halves = value.as_chunks::<4>().0.iter().map(|half| self.long(half));
        let mut next = || {
            let half = halves.next()??;
            Some(if kind == RATIONAL { f64::from(half) } else { f64::from(half.cast_signed()) })
        };
        let mut fractions = [0.0; N];
        for fraction in &mut fractions {
            let (numerator, denominator) = (next()?, next()?);
            *fraction = (denominator != 0.0).then_some(numerator / denominator)?;
        }
        Some(fractions)
    }

    /// One fraction.
    pub fn fraction(&self, tag: Tag) -> Option<f64> {
        self.fractions(tag).map(|[fraction]| fraction)
    }

    /// The type of a tag's value and its bytes.
    fn value(&self, (folder, tag): Tag) -> Option<(u16, &'a [u8])> {
        let at = match folder {
            Folder::Main => self.main,
            Folder::Exif => self.exif,
            Folder::Gps => self.gps,
            Folder::Interoperability => self.interoperability,
        };
        if at == 0 {
            return None;
        }
        let count = usize::from(self.short(self.bytes.get(at..)?)?);
        let entries = self.bytes.get(at.checked_add(2)?..)?.as_chunks::<12>().0;
        let entry = entries.iter().take(count).find(|entry| self.short(*entry) == Some(tag))?;
        let kind = self.short(entry.get(2..)?)?;
        let size = match kind {
            ASCII | UTF_8 => 1,
            SHORT => 2,
            LONG => 4,
            RATIONAL | SIGNED_RATIONAL => 8,
            _ => return None,
        };
        let length = usize::try_from(self.long(entry.get(4..)?)?).ok()?.checked_mul(size)?;
        // What fits stands in the entry itself.
        let value = if length <= 4 { entry.get(8..)? } else { self.bytes.get(self.index(entry.get(8..)?)?..)? };
        Some((kind, value.get(..length)?))
    }

    fn pointer(&self, tag: Tag) -> usize {
        self.number(tag).and_then(|at| usize::try_from(at).ok()).unwrap_or(0)
    }

    fn long_at(&self, at: usize) -> Option<usize> {
        self.index(self.bytes.get(at..)?)
    }

    fn index(&self, bytes: &[u8]) -> Option<usize> {
        usize::try_from(self.long(bytes)?).ok()
    }

    fn short(&self, bytes: &[u8]) -> Option<u16> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn long(&self, bytes: &[u8]) -> Option<u32> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::facts::testing::{Value, tiff};

    #[test]
    fn both_byte_orders_are_read() {
        // One folder: orientation 6.
        for chunk in [
            b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
        ] {
            assert_eq!(Tiff::open(chunk).unwrap().number((Folder::Main, 0x0112)), Some(6));
        }
    }

    #[test]
    fn values_are_found_in_their_own_folder() {
        let chunk = tiff(&[
            ((Folder::Main, 0x010F), Value::Text("Canon")),
            ((Folder::Exif, 0x8827), Value::Short(200)),
            ((Folder::Gps, 2), Value::Fractions(&[(48, 1), (51, 1), (300, 10)])),
            ((Folder::Gps, 3), Value::Text("E")),
        ]);
        let exif = Tiff::open(&chunk).unwrap();
        assert_eq!(exif.text((Folder::Main, 0x010F)), Some(b"Canon".as_slice()));
        assert_eq!(exif.text((Folder::Gps, 3)), Some(b"E".as_slice()));
        assert_eq!(exif.number((Folder::Exif, 0x8827)), Some(200));
        assert_eq!(exif.number((Folder::Main, 0x8827)), None);
        assert_eq!(exif.fractions((Folder::Gps, 2)), Some([48.0, 51.0, 30.0]));
        assert_eq!(exif.fraction((Folder::Gps, 2)), None);
        assert_eq!(exif.fractions::<4>((Folder::Gps, 2)), None);
        assert_eq!(exif.text((Folder::Gps, 2)), None);
    }

    #[test]
    fn folders_that_point_at_each_other_cost_nothing() {
        // 5000 pointers to the EXIF folder, which is the main folder itself.
        let entry = b"\x87\x69\0\x04\0\0\0\x01\0\0\0\x08";
        let chunk = [b"MM\0*\0\0\0\x08\x13\x88".as_slice(), &entry.repeat(5000)].concat();
        let exif = Tiff::open(&chunk).unwrap();
        assert_eq!((exif.main, exif.exif, exif.gps), (8, 8, 0));
        assert_eq!(exif.text((Folder::Exif, 0x9003)), None);
    }
}
