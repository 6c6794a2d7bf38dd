//! Where the EXIF and XMP data of a HEIC or AVIF photo are.
//!
//! Ours for the same reason as [`tiff`](super::tiff): `kamadak-exif`, which can find it too, hands it at once to the
//! reader that can be made to take gigabytes, and reads boxes of any length. Here the one box that describes the photo
//! may have [`MOST_BYTES`], and nothing else is read but the data itself.
//!
//! Boxes: ISO/IEC 14496-12, sections 4.2 and 8.11; the item of EXIF data: ISO/IEC 23008-12, annex A.2.1.

use std::io::{Read, Seek, SeekFrom};

use super::{LONGEST, LONGEST_XMP, Said};
use crate::media::heif::MOST_BYTES;
use crate::media::heif_place::{number, place};

/// Most boxes looked at on the way to that box; it is the second in practice.
const BOXES: usize = 64;

/// What the file says of itself.
pub(super) fn said(mut file: impl Read + Seek) -> Said {
    let Some(meta) = meta(&mut file) else { return Said::default() };
    Said { exif: exif(&meta, &mut file, LONGEST), xmp: xmp(&meta, &mut file), iptc: None }
}

/// The EXIF data of the file, a TIFF structure, if it has any and at most `longest` bytes of it.
fn exif(meta: &[u8], file: impl Read + Seek, longest: u64) -> Option<Vec<u8>> {
    let item = item(child(meta, b"iinf")?, |entry| entry.starts_with(b"Exif"))?;
    let data = data(meta, file, item, longest)?;
    // The TIFF header's distance from here; mostly 0, or 6 for the prefix that only JPEG wants.
    let skip = usize::try_from(number(&mut data.as_slice(), 4)?).ok()?;
    data.get(4..)?.get(skip..).map(<[u8]>::to_vec)
}

/// The XMP packet of the file (ISO/IEC 23008-12, annex A.3).
fn xmp(meta: &[u8], file: impl Read + Seek) -> Option<Vec<u8>> {
    // The item's type, its name, and the type of its contents, each with a terminator.
    let is_xmp = |entry: &[u8]| {
        let mut texts = entry.strip_prefix(b"mime").unwrap_or_default().split(|byte| *byte == 0);
        texts.nth(1) == Some(b"application/rdf+xml")
    };
    data(meta, file, item(child(meta, b"iinf")?, is_xmp)?, LONGEST_XMP)
}

/// The data of an item.
fn data(meta: &[u8], mut file: impl Read + Seek, item: u64, longest: u64) -> Option<Vec<u8>> {
    let (iloc, idat) = (child(meta, b"iloc")?, child(meta, b"idat"));
    let place = place(iloc, item)?;
    let mut data = Vec::new();
    for (offset, length) in place.extents {
        // A length of 0 is the rest of the file. No writer needs that for such data.
        let whole = length.saturating_add(data.len() as u64);
        let length = Some(length).filter(|length| *length > 0 && whole <= longest)?;
        if place.in_meta {
            let start = usize::try_from(offset).ok()?;
            data.extend(idat?.get(start..)?.get(..usize::try_from(length).ok()?)?);
        } else {
            file.seek(SeekFrom::Start(offset)).ok()?;
            file.by_ref().take(length).read_to_end(&mut data).ok()?;
        }
    }
    Some(data)
}

/// What is in the file's box `meta`, after its version.
fn meta(file: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    let mut at = 0;
    for _ in 0..BOXES {
        file.seek(SeekFrom::Start(at)).ok()?;
        let mut header = [0; 16];
        file.read_exact(&mut header).ok()?;
        let (size, kind, start) = box_header(&header)?;
        if &kind != b"meta" {
            at = at.checked_add(size)?;
            continue;
        }
        let length = size.checked_sub(start + 4).filter(|length| *length <= MOST_BYTES)?;
        file.seek(SeekFrom::Start(at + start + 4)).ok()?;
        let mut contents = Vec::new();
        file.take(length).read_to_end(&mut contents).ok()?;
        return Some(contents);
    }
    None
}

/// A box's size with its header, its type, and the header's own size. One that reaches to the file's end has none.
fn box_header(mut bytes: &[u8]) -> Option<(u64, [u8; 4], u64)> {
    let size = number(&mut bytes, 4)?;
    let kind = *bytes.split_off(..4)?.first_chunk()?;
    let (size, start) = if size == 1 { (number(&mut bytes, 8)?, 16) } else { (size, 8) };
    (size >= start).then_some((size, kind, start))
}

/// What is in the first box of this type among `boxes`.
fn child<'a>(mut boxes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let (size, kind, start) = box_header(boxes)?;
        let whole = boxes.split_off(..usize::try_from(size).ok()?)?;
        if &kind == wanted {
            return whole.get(usize::try_from(start).ok()?..);
        }
    }
}

/// The number of the first item of which the entry in the box `iinf`, from its type on, is the one wanted.
fn item(mut iinf: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> Option<u64> {
    let version = number(&mut iinf, 4)? >> 24;
    let entries = number(&mut iinf, if version == 0 { 2 } else { 4 })?;
    for _ in 0..entries {
        let (size, _, start) = box_header(iinf)?;
        let mut entry = iinf.split_off(..usize::try_from(size).ok()?)?.get(usize::try_from(start).ok()?..)?;
        let version = number(&mut entry, 4)? >> 24;
        let item = number(&mut entry, if version == 2 { 2 } else { 4 })?;
        let _protection = number(&mut entry, 2)?;
        if version >= 2 && is_wanted(entry) {
            return Some(item);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::media::facts::testing::heif;

    fn exif(mut file: impl Read + Seek, longest: u64) -> Option<Vec<u8>> {
        super::exif(&meta(&mut file)?, file, longest)
    }

    #[test]
    fn exif_data_is_found_in_the_file_and_in_the_description() {
        for in_meta in [false, true] {
            let file = heif(b"MM\0*data", in_meta);
            assert_eq!(exif(Cursor::new(&file), 100).unwrap(), b"MM\0*data");
            assert_eq!(exif(Cursor::new(&file), 17), None, "too long");
        }
    }

    #[test]
    fn pieces_that_are_too_long_together_are_not_read() {
        let head = [1_u8, 0, 0, 0, 0x88, 0, 0, 1, 0, 7, 0, 0, 0, 0, 0, 2];
        let with_second = |length: u64| {
            let pieces = [0, 10, 10, length].map(u64::to_be_bytes).concat();
            let size = u32::try_from(8 + head.len() + pieces.len()).unwrap().to_be_bytes();
            let iloc = [size.as_slice(), b"iloc", &head, &pieces].concat();
            data(&iloc, Cursor::new([1_u8; 100]), 7, 20).map(|data| data.len())
        };
        assert_eq!(with_second(5), Some(15));
        assert_eq!(with_second(10), Some(20));
        // With the first one, 2^64 bytes and 4 more.
        for length in [0, 11, u64::MAX - 5, u64::MAX] {
            assert_eq!(with_second(length), None, "{length}");
        }
    }

    #[test]
    fn broken_boxes_hold_nothing() {
        for in_meta in [false, true] {
            let file = heif(b"MM\0*data", in_meta);
            for length in 0..file.len() {
                exif(Cursor::new(&file[..length]), 100);
            }
            for at in 0..file.len() {
                for value in [0, 1, 0x7F, 0xFF] {
                    let mut file = file.clone();
                    file[at] = value;
                    exif(Cursor::new(&file), 100);
                }
            }
        }
        assert_eq!(exif(Cursor::new(b""), 100), None);
        assert_eq!(exif(Cursor::new(vec![0; 1000]), 100), None);
    }
}
