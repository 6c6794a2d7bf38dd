//! EXIF data for tests.

use super::tiff::{Folder, Tag};

/// A value to write.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Text(&'a str),
    Short(u16),
    Fractions(&'a [(u32, u32)]),
}

/// EXIF data with these tags, big-endian: the three folders, then what does not fit into them.
pub fn tiff(tags: &[(Tag, Value)]) -> Vec<u8> {
    let of = |folder| tags.iter().filter(move |((its, _), _)| *its == folder);
    let size = |entries: usize| 2 + 12 * entries + 4;
    let exif_at = 8 + size(of(Folder::Main).count() + 2);
    let gps_at = exif_at + size(of(Folder::Exif).count());
    let mut data_at = gps_at + size(of(Folder::Gps).count());
    let (mut out, mut data) = (b"MM\0*\0\0\0\x08".to_vec(), Vec::new());
    let mut write = |folder, pointers: &[(u16, usize)]| {
        out.extend(u16::try_from(of(folder).count() + pointers.len()).unwrap().to_be_bytes());
        for ((_, tag), value) in of(folder) {
            let (kind, count, mut bytes) = match *value {
                Value::Text(text) => (2_u16, text.len() + 1, [text.as_bytes(), &[0]].concat()),
                Value::Short(number) => (3, 1, number.to_be_bytes().to_vec()),
                Value::Fractions(all) => {
                    (5, all.len(), all.iter().flat_map(|(n, d)| [n.to_be_bytes(), d.to_be_bytes()].concat()).collect())
                }
            };
            out.extend([tag.to_be_bytes(), kind.to_be_bytes()].concat());
            out.extend(u32::try_from(count).unwrap().to_be_bytes());
            if bytes.len() <= 4 {
                bytes.resize(4, 0);
                out.extend(bytes);
            } else {
                out.extend(u32::try_from(data_at).unwrap().to_be_bytes());
                data_at += bytes.len();
                data.extend(bytes);
            }
        }
        for (tag, at) in pointers {
            out.extend([&tag.to_be_bytes(), [0, 4, 0, 0, 0, 1].as_slice()].concat());
            out.extend(u32::try_from(*at).unwrap().to_be_bytes());
        }
        out.extend([0; 4]);
    };
    write(Folder::Main, &[(0x8769, exif_at), (0x8825, gps_at)]);
    write(Folder::Exif, &[]);
    write(Folder::Gps, &[]);
    out.extend(data);
    out
}

/// A HEIF file of one item, this EXIF data: in the file's own `mdat`, or in `idat` within its description.
pub fn heif(exif: &[u8], in_meta: bool) -> Vec<u8> {
    fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
        let contents = parts.concat();
        let size = u32::try_from(contents.len() + 8).unwrap().to_be_bytes();
        [size.as_slice(), kind, &contents].concat()
    }
    // The prefix that only JPEG wants, and its length, stand before the TIFF header.
    let item = [[0, 0, 0, 6].as_slice(), b"Exif\0\0", exif].concat();
    let length = u32::try_from(item.len()).unwrap().to_be_bytes();
    let meta = |offset: u32| {
        let entry = boxed(b"infe", &[&[2, 0, 0, 0, 0, 7, 0, 0], b"Exif\0"]);
        let iinf = boxed(b"iinf", &[&[0, 0, 0, 0, 0, 1], &entry]);
        let iloc_head = [1, 0, 0, 0, 0x44, 0, 0, 1, 0, 7, 0, u8::from(in_meta), 0, 0, 0, 1];
        let iloc = boxed(b"iloc", &[&iloc_head, &offset.to_be_bytes(), &length]);
        let idat = if in_meta { boxed(b"idat", &[&item]) } else { Vec::new() };
        boxed(b"meta", &[&[0; 4], &boxed(b"hdlr", &[&[0; 20]]), &idat, &iinf, &iloc])
    };
    let ftyp = boxed(b"ftyp", &[b"heic\0\0\0\0mif1heic"]);
    if in_meta {
        return [ftyp, meta(0)].concat();
    }
    let offset = u32::try_from(ftyp.len() + meta(0).len() + 8).unwrap();
    [ftyp, meta(offset), boxed(b"mdat", &[&item])].concat()
}
