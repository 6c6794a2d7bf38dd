//! A JPEG with all that cameras, phones and programs write into one.

use image::ImageFormat;

use crate::support::images::{corners, encoded};

/// Maker, serial number, a maker's note and a place in EXIF; a caption in XMP and IPTC; a comment; and a ZIP behind it.
pub fn talkative_jpeg(orientation: u16) -> Vec<u8> {
    let jpeg = encoded(&corners(600, 400), ImageFormat::Jpeg);
    let xmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
               <rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/' dc:format='Secret caption'/></rdf:RDF></x:xmpmeta>";
    // Record 2, dataset 120: the caption.
    let iptc = [&b"\x1C\x02\x78\0\x0E"[..], b"Secret caption"].concat();
    let photoshop = [&b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x13"[..], &iptc, b"\0"].concat();
    [
        &jpeg[..2],
        &segment(0xE1, &[b"Exif\0\0", &exif(orientation)[..]].concat()),
        &segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()].concat()),
        &segment(0xED, &photoshop),
        &segment(0xFE, b"Secret comment 2.29"),
        &jpeg[2..],
        // A stored file of one byte.
        b"PK\x03\x04\x0A\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x0A\0\0\0secret.txt!",
    ]
    .concat()
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker][..], &length, data].concat()
}

/// A value of a folder: its tag, its type and its bytes.
type Entry<'a> = (u16, u16, &'a [u8]);

/// Big-endian TIFF: a folder with the maker and how the camera was held, one on the shot and one on the place.
fn exif(orientation: u16) -> Vec<u8> {
    let orientation = orientation.to_be_bytes();
    let degrees = |degrees: u32, minutes: u32, hundredths: u32| {
        [degrees, 1, minutes, 1, hundredths, 100].map(u32::to_be_bytes).concat()
    };
    let (latitude, longitude) = (degrees(48, 51, 2960), degrees(2, 17, 4020));
    let shot: [Entry; 3] =
        [(0x9003, 2, b"2024:01:02 03:04:05\0"), (0x927C, 7, b"SERIAL-0815 in a note"), (0xA431, 2, b"SERIAL-0815\0")];
    let place: [Entry; 4] = [(1, 2, b"N\0"), (2, 5, &latitude), (3, 2, b"E\0"), (4, 5, &longitude)];
    let first = |shot: u32, place: u32| {
        let (shot, place) = (shot.to_be_bytes(), place.to_be_bytes());
        let entries: [Entry; 4] =
            [(0x010F, 2, b"SecretMaker\0"), (0x0112, 3, &orientation), (0x8769, 4, &shot), (0x8825, 4, &place)];
        folder(8, &entries)
    };
    let shot_at = 8 + u32::try_from(first(0, 0).len()).unwrap();
    let shot = folder(shot_at, &shot);
    let place_at = shot_at + u32::try_from(shot.len()).unwrap();
    [&b"MM\0*\0\0\0\x08"[..], &first(shot_at, place_at), &shot, &folder(place_at, &place)].concat()
}

/// A folder that begins at this place of the file, with what does not fit into its entries behind it.
fn folder(at: u32, entries: &[Entry]) -> Vec<u8> {
    let mut folder = u16::try_from(entries.len()).unwrap().to_be_bytes().to_vec();
    let mut behind = Vec::new();
    let end = at + 2 + 12 * u32::try_from(entries.len()).unwrap() + 4;
    for (tag, kind, bytes) in entries {
        let size = match kind {
            3 => 2,
            4 => 4,
            5 => 8,
            _ => 1,
        };
        let count = u32::try_from(bytes.len() / size).unwrap().to_be_bytes();
        folder.extend([&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count].concat());
        if bytes.len() > 4 {
            folder.extend((end + u32::try_from(behind.len()).unwrap()).to_be_bytes());
            behind.extend_from_slice(bytes);
        } else {
            folder.extend_from_slice(bytes);
            folder.resize(folder.len() + 4 - bytes.len(), 0);
        }
    }
    [folder, vec![0; 4], behind].concat()
}
