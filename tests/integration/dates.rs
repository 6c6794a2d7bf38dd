//! When a photo was taken: by what its file says in whichever way, else by its name; and where nothing tells it, no page says
//! that it does.

use serde_json::Value;

use crate::support::exif::{Folder, MAKE, OFFSET, TAKEN, Tag, Value as Tagged, jpeg_saying, tiff};
use crate::support::heif::Heif;
use crate::support::images::corners;
use crate::support::program::Program;
use crate::support::*;

const CHANGED: u16 = 0x0132;
const OFFSET_OF_CHANGE: u16 = 0x9010;

/// What the API says of a file sent under this name: when it was taken, and what tells that.
async fn dated(program: &Program, name: &str, bytes: Vec<u8>) -> (String, String) {
    let photo = program.upload(Upload::new().file(name, bytes)).await.assert_status(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&photo["taken_at"]), text(&photo["date_source"]))
}

#[track_caller]
fn assert_dated(is: &(String, String), at: &str, source: &str) {
    assert_eq!((is.0.as_str(), is.1.as_str()), (at, source));
}

/// XMP as programs write it, with this property.
fn xmp(property: &str) -> Vec<u8> {
    format!(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
         <rdf:Description xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:xmp='http://ns.adobe.com/xap/1.0/' \
         xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' {property}/></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

/// The JPEG with this segment at its beginning.
fn with_segment(mut jpeg: Vec<u8>, marker: u8, name: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(name.len() + data.len() + 2).unwrap().to_be_bytes();
    jpeg.splice(2..2, [&[0xFF, marker], length.as_slice(), name, data].concat());
    jpeg
}

fn with_xmp(jpeg: Vec<u8>, property: &str) -> Vec<u8> {
    with_segment(jpeg, 0xE1, b"http://ns.adobe.com/xap/1.0/\0", &xmp(property))
}

#[tokio::test]
async fn a_scan_is_of_the_day_that_it_shows() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let edited: &[Tag] =
        &[(Folder::Main, MAKE, Tagged::Text("EPSON")), (Folder::Main, CHANGED, Tagged::Text("2021:04:01 08:22:44"))];
    for property in ["exif:DateTimeOriginal='1989-05-05T14:08:45'", "photoshop:DateCreated='1989-05-05T14:08:45'"] {
        let scan = dated(&alice, "scan.jpg", with_xmp(jpeg_saying(edited), property)).await;
        assert_dated(&scan, "1989-05-05T14:08:45Z", "camera");
    }
    let set = |number: u8, value: &str| [&[0x1C, 2, number, 0, value.len() as u8], value.as_bytes()].concat();
    let iptc = [set(55, "19890505"), set(60, "140845+0200")].concat();
    let resource = [b"8BIM\x04\x04\0\0\0\0\0".as_slice(), &[iptc.len() as u8], &iptc].concat();
    let scan = with_segment(jpeg_saying(edited), 0xED, b"Photoshop 3.0\0", &resource);
    assert_dated(&dated(&alice, "scan.jpg", scan).await, "1989-05-05T12:08:45Z", "camera");
    // Of many an old photo no more is known.
    for (property, at) in [
        ("exif:DateTimeOriginal='1989'", "1989-01-01T00:00:00Z"),
        ("photoshop:DateCreated='1989-05'", "1989-05-01T00:00:00Z"),
    ] {
        assert_dated(&dated(&alice, "scan.jpg", with_xmp(jpeg_saying(edited), property)).await, at, "camera");
    }
    let iptc = [set(55, "19890000"), set(60, "000000")].concat();
    let resource = [b"8BIM\x04\x04\0\0\0\0\0".as_slice(), &[iptc.len() as u8], &iptc].concat();
    let scan = with_segment(jpeg_saying(edited), 0xED, b"Photoshop 3.0\0", &resource);
    assert_dated(&dated(&alice, "scan.jpg", scan).await, "1989-01-01T00:00:00Z", "camera");
    // What is said in words is no date; but the day of the scan is none either.
    let vague = with_xmp(jpeg_saying(edited), "photoshop:DateCreated='about 1989'");
    assert_eq!(dated(&alice, "scan.jpg", vague).await.1, "none");
    // The camera knows best when it took a photo.
    let taken = jpeg_saying(&[(Folder::Exif, TAKEN, Tagged::Text("2020:01:01 10:00:00"))]);
    let taken = with_xmp(taken, "photoshop:DateCreated='1989-05-05T14:08:45'");
    assert_dated(&dated(&alice, "IMG_20190828_123456.jpg", taken).await, "2020-01-01T10:00:00Z", "camera");
}

#[tokio::test]
async fn xmp_is_read_in_every_format() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    let packet = xmp("xmp:CreateDate='2017-08-09T10:11:12+02:00'");
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let named = [name.as_slice(), data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length, named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat()
    };
    // Behind the header chunk of 25 bytes.
    let mut in_png = png();
    in_png.splice(33..33, chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), &packet].concat()));
    let simple = webp();
    let padded = [packet.as_slice(), &vec![0; packet.len() % 2]].concat();
    let riff = |name: &[u8; 4], size: usize| [name.as_slice(), &u32::try_from(size).unwrap().to_le_bytes()].concat();
    let extended = [riff(b"VP8X", 10), vec![0x04, 0, 0, 0, 63, 0, 0, 47, 0, 0]].concat();
    let chunks = [&extended, &simple[12..], &riff(b"XMP ", packet.len()), &padded].concat();
    let in_webp = [riff(b"RIFF", chunks.len() + 4), b"WEBP".to_vec(), chunks].concat();
    let heic = super::heif::encoded(&[corners(192, 128)], "heic", &[]);
    let in_heic = Heif::of(&heic).of_a_phone(&tiff(&[]), &packet).build();
    let in_jpeg = with_xmp(jpeg(), "xmp:CreateDate='2017-08-09T10:11:12+02:00'");
    for (name, bytes) in [("a.png", in_png), ("a.webp", in_webp), ("a.heic", in_heic), ("a.jpg", in_jpeg)] {
        let (at, source) = dated(&alice, name, bytes).await;
        assert_eq!((at.as_str(), source.as_str()), ("2017-08-09T08:11:12Z", "camera"), "{name}");
    }
}

#[tokio::test]
async fn odd_spellings_and_offsets_are_understood() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    for (date, offset, at) in [
        ("2004:06:08 09:05", None, "2004-06-08T09:05:00Z"),
        ("2004:06:08", None, "2004-06-08T00:00:00Z"),
        ("2004/06/08 09:05:07", None, "2004-06-08T09:05:07Z"),
        ("2004.06.08 09:05:07", None, "2004-06-08T09:05:07Z"),
        ("2004: 6: 8  9: 5: 7", None, "2004-06-08T09:05:07Z"),
        ("2004:06:08 09:05:07+0200", None, "2004-06-08T07:05:07Z"),
        ("2004:06:08 09:05:07", Some("+0200"), "2004-06-08T07:05:07Z"),
        ("2004:06:08 09:05:07", Some("+2:00"), "2004-06-08T07:05:07Z"),
        ("2004:06:08 09:05:07", Some("+02"), "2004-06-08T07:05:07Z"),
    ] {
        let offset = offset.map(|offset| (Folder::Exif, OFFSET, Tagged::Text(offset)));
        let tags: Vec<_> = [(Folder::Exif, TAKEN, Tagged::Text(date))].into_iter().chain(offset).collect();
        assert_dated(&dated(&alice, "a.jpg", jpeg_saying(&tags)).await, at, "camera");
    }
    let edited = jpeg_saying(&[
        (Folder::Main, CHANGED, Tagged::Text("2024:12:22 06:39:25")),
        (Folder::Exif, TAKEN, Tagged::Text("2024:06:21 23:39:24")),
        (Folder::Exif, OFFSET_OF_CHANGE, Tagged::Text("+01:00")),
    ]);
    assert_dated(&dated(&alice, "a.jpg", edited).await, "2024-06-21T23:39:24Z", "camera");
}

#[tokio::test]
async fn the_name_tells_the_date_where_the_file_does_not() {
    let app = TestApp::start().await;
    let owner = app.user("alice").await;
    let alice = app.program_of("alice").await;
    for (name, at, shown) in [
        ("IMG_20190828_123456.jpg", "2019-08-28T12:34:56Z", "28 August 2019, 12:34, by the file’s name"),
        ("IMG-20200101-WA0001.jpg", "2020-01-01T00:00:00Z", "1 January 2020, by the file’s name"),
        (
            "WhatsApp Image 2019-08-28 at 12.34.56.jpeg",
            "2019-08-28T12:34:56Z",
            "28 August 2019, 12:34, by the file’s name",
        ),
        ("Screenshot_2019-08-28-12-34-56.png", "2019-08-28T12:34:56Z", "28 August 2019, 12:34, by the file’s name"),
    ] {
        let photo = alice.upload(Upload::new().file(name, jpeg())).await.assert_status(201).json();
        assert_eq!((photo["taken_at"].as_str(), &photo["date_source"]), (Some(at), &"file name".into()), "{name}");
        owner.get(&format!("/photos/{}", photo["id"].as_str().unwrap())).await.assert_says(shown);
    }
}

#[tokio::test]
async fn where_nothing_tells_the_date_no_page_states_one() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.visitor());
    let program = app.program_of("alice").await;
    let photo = alice.upload(jpeg()).await;
    let json = program.get(&format!("/api/v1/photos/{}", photo.id)).await.assert_status(200).json();
    assert_eq!(json["date_source"], "none");
    let today = app.ask("SELECT trim(to_char(now() AT TIME ZONE 'UTC', 'FMDD FMMonth YYYY'))");
    let page = alice.get(&photo.page()).await.assert_says("Date unknown");
    assert_eq!(page.text().matches(&today).count(), 1, "when it was uploaded, and nothing else");
    let token = alice.share(&photo, "link").await.unwrap();
    let shared = visitor.get(&format!("/s/{token}")).await.assert_status(200).assert_says("Date unknown");
    assert!(!shared.html().contains(&today), "{shared:?}");

    // Rows of the version before say nothing of it: the time of an upload is told from a camera's.
    app.execute("UPDATE photos SET date_source = NULL");
    visitor.get(&format!("/s/{token}")).await.assert_says("Date unknown");
    app.execute("UPDATE photos SET taken_at = '2019-08-28 12:34:56Z'");
    visitor.get(&format!("/s/{token}")).await.assert_says("28 August 2019").assert_silent_about("Date unknown");
}

/// Of the field's files, when `LUMINA_CORPUS` names a folder: what their README calls right.
#[tokio::test]
async fn real_files_are_of_the_day_that_they_tell() {
    let Some(corpora) = crate::support::corpora::corpora() else { return };
    let app = TestApp::start().await;
    app.user("alice").await;
    let alice = app.program_of("alice").await;
    for (name, at, source) in [
        ("date-acdsee.jpg", "1989-05-05T14:08:45Z", "camera"),
        ("IMG-20200101-WA0001.jpg", "2020-01-01T00:00:00Z", "file name"),
        ("png-xmp-date.png", "2017-08-09T08:11:12Z", "camera"),
        ("date-offset-of-edit-only.jpg", "2024-06-21T23:39:24Z", "camera"),
        ("date-offset-nocolon.jpg", "2024-06-21T21:39:24Z", "camera"),
        ("date-no-seconds.jpg", "2004-06-08T09:05:00Z", "camera"),
    ] {
        let bytes = std::fs::read(corpora.join("field").join(name)).unwrap();
        let (found, by) = dated(&alice, name, bytes).await;
        assert_eq!((found.as_str(), by.as_str()), (at, source), "{name}");
    }
}
