//! What cameras write into a photo: EXIF data with whatever tags a test wants (TIFF 6.0; EXIF 2.32, section 4.6).

use super::images::jpeg;

/// Where a tag belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// The picture's own: maker, model, orientation.
    Main,
    /// How it was taken.
    Exif,
    /// Where.
    Gps,
}

/// A value of one of the types that cameras use.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Text(&'a str),
    Short(u16),
    Fractions(&'a [(u32, u32)]),
}

/// A tag and its value.
pub type Tag<'a> = (Folder, u16, Value<'a>);

pub const MAKE: u16 = 0x010F;
pub const MODEL: u16 = 0x0110;
pub const TAKEN: u16 = 0x9003;
pub const OFFSET: u16 = 0x9011;

/// A small JPEG, another one at every call, that says this.
pub fn jpeg_saying(tags: &[Tag]) -> Vec<u8> {
    let data = [b"Exif\0\0".as_slice(), &tiff(tags)].concat();
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    let mut jpeg = jpeg();
    jpeg.splice(2..2, [&[0xFF, 0xE1], length.as_slice(), &data].concat());
    jpeg
}

/// A small JPEG, another one at every call, taken when the camera's clock showed this. The clock is so far ahead of UTC,
/// if it says.
pub fn jpeg_taken(at: &str, offset: Option<&str>) -> Vec<u8> {
    let offset = offset.map(|offset| (Folder::Exif, OFFSET, Value::Text(offset)));
    jpeg_saying(&[(Folder::Exif, TAKEN, Value::Text(at))].into_iter().chain(offset).collect::<Vec<_>>())
}

/// The tags as a big-endian TIFF structure: the three folders, then what does not fit into them. Those of one folder are
/// to be in the order of their numbers.
pub fn tiff(tags: &[Tag]) -> Vec<u8> {
    let of = |folder| tags.iter().filter(move |(its, ..)| *its == folder);
    let size = |entries: usize| 2 + 12 * entries + 4;
    let exif_at = 8 + size(of(Folder::Main).count() + 2);
    let gps_at = exif_at + size(of(Folder::Exif).count());
    let mut data_at = gps_at + size(of(Folder::Gps).count());
    let (mut out, mut data) = (b"MM\0*\0\0\0\x08".to_vec(), Vec::new());
    let mut write = |folder, pointers: &[(u16, usize)]| {
        out.extend(u16::try_from(of(folder).count() + pointers.len()).unwrap().to_be_bytes());
        for (_, tag, value) in of(folder) {
            let (kind, count, mut bytes) = encoded(*value);
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

/// A value's type, how many of it, and its bytes.
fn encoded(value: Value) -> (u16, usize, Vec<u8>) {
    match value {
        Value::Text(text) => (2, text.len() + 1, [text.as_bytes(), &[0]].concat()),
        Value::Short(number) => (3, 1, number.to_be_bytes().to_vec()),
        Value::Fractions(all) => {
            (5, all.len(), all.iter().flat_map(|(n, d)| [n.to_be_bytes(), d.to_be_bytes()].concat()).collect())
        }
    }
}
