//! What the file says of how and where it was taken: shown to its owner, told to nobody else, and what the gallery is
//! ordered by.

use crate::support::exif::{Folder, MAKE, MODEL, OFFSET, TAKEN, Tag, Value, jpeg_saying, jpeg_taken};
use crate::support::*;

/// A camera in Chania that tells everything.
const TALKATIVE: &[Tag] = &[
    (Folder::Main, MAKE, Value::Text("FUJIFILM")),
    (Folder::Main, MODEL, Value::Text("X-T4")),
    (Folder::Exif, 0x829A, Value::Fractions(&[(10, 2500)])),
    (Folder::Exif, 0x829D, Value::Fractions(&[(28, 10)])),
    (Folder::Exif, 0x8827, Value::Short(200)),
    (Folder::Exif, TAKEN, Value::Text("2024:07:04 18:03:00")),
    (Folder::Exif, OFFSET, Value::Text("+03:00")),
    (Folder::Exif, 0x920A, Value::Fractions(&[(350, 10)])),
    (Folder::Exif, 0xA431, Value::Text("SERIAL-4711")),
    (Folder::Exif, 0xA433, Value::Text("Sigma")),
    (Folder::Exif, 0xA434, Value::Text("35mm F1.4 DG")),
    (Folder::Gps, 1, Value::Text("N")),
    (Folder::Gps, 2, Value::Fractions(&[(35, 1), (30, 1), (36, 1)])),
    (Folder::Gps, 3, Value::Text("E")),
    (Folder::Gps, 4, Value::Fractions(&[(24, 1), (1, 1), (12, 1)])),
];

/// Parts of what it tells, in lower case, and of the file's name.
const SECRETS: [&str; 16] = [
    "fujifilm",
    "x-t4",
    "sigma",
    "35mm",
    "35 mm",
    "f/2.8",
    "iso 200",
    "1/250",
    "serial-4711",
    "35.51",
    "35° 30",
    "24.02",
    "openstreetmap",
    "utc+3",
    "chania",
    "exif",
];

/// "About this photo": the names and values, tags left in.
fn about(page: &Answer) -> Vec<(String, String)> {
    let html = page.text();
    let (_, facts) = html.split_once("<section class=\"facts\"").unwrap();
    let facts = facts.split("</section>").next().unwrap().split("<dt>").skip(1).map(|fact| {
        let (name, rest) = fact.split_once("</dt><dd dir=\"auto\">").unwrap();
        (name.to_owned(), rest.split("</dd>").next().unwrap().to_owned())
    });
    facts.collect()
}

/// The value of one of them.
fn fact(page: &Answer, name: &str) -> Option<String> {
    about(page).into_iter().find(|(its, _)| its == name).map(|(_, value)| value)
}

#[tokio::test]
async fn the_owner_sees_what_the_camera_wrote() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let photo = alice.upload(jpeg_saying(TALKATIVE)).await;
    let page = alice.get(&photo.page()).await.assert_status(200);
    for (name, value) in [
        ("Taken", "4 July 2024, 18:03 (UTC+3)"),
        ("Camera", "FUJIFILM X-T4"),
        ("Lens", "Sigma 35mm F1.4 DG"),
        ("Exposure", "35 mm, f/2.8, 1/250 s, ISO 200"),
        ("Dimensions", "64 × 48"),
        ("File", "photo.jpg"),
    ] {
        assert_eq!(fact(&page, name).as_deref(), Some(value), "{:?}", about(&page));
    }
    let place = fact(&page, "Place").unwrap();
    assert!(place.starts_with("<a href=\"https://www.openstreetmap.org/?mlat=35.51"), "{place}");
    assert!(place.ends_with("target=\"_blank\" rel=\"noopener noreferrer\">35.5100° N, 24.0200° E</a>"), "{place}");
    assert!(!page.text().contains("SERIAL-4711"));
    // A file that says nothing: what is not known is not there.
    let silent = alice.upload(jpeg()).await;
    let names: Vec<_> = about(&alice.get(&silent.page()).await).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Taken", "Uploaded", "Dimensions", "File", "Size"]);
}

#[tokio::test]
async fn the_time_is_that_of_the_clock_there() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (offset, shown, utc) in [
        (None, "4 July 2024, 23:30", "2024-07-04 23:30:00+00"),
        (Some("Z"), "4 July 2024, 23:30 (UTC+0)", "2024-07-04 23:30:00+00"),
        (Some("+05:30"), "4 July 2024, 23:30 (UTC+5:30)", "2024-07-04 18:00:00+00"),
        (Some("-09:30"), "4 July 2024, 23:30 (UTC−9:30)", "2024-07-05 09:00:00+00"),
        (Some("+14:00"), "4 July 2024, 23:30 (UTC+14)", "2024-07-04 09:30:00+00"),
        (Some("nonsense"), "4 July 2024, 23:30", "2024-07-04 23:30:00+00"),
    ] {
        let photo = alice.upload(jpeg_taken("2024:07:04 23:30:00", offset)).await;
        let page = alice.get(&photo.page()).await;
        assert_eq!(fact(&page, "Taken").as_deref(), Some(shown), "{offset:?}");
        assert_eq!(app.ask(&format!("SELECT taken_at FROM photos WHERE id = '{}'", photo.id)), utc);
        // Visitors are told the day, which is the one there too.
        let token = alice.share(&photo, "link").await.unwrap();
        app.visitor().get(&format!("/s/{token}")).await.assert_says("4 July 2024").assert_silent_about("23:30");
    }
}

#[tokio::test]
async fn visitors_are_told_none_of_it() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let named = Upload::new().hashtags("crete").file("IMG_Chania_home.jpg", jpeg_saying(TALKATIVE));
    alice.post_upload(named).await.assert_status(303);
    let photo = alice.get("/photos").await.photos().remove(0);
    alice.get(&photo.page()).await.assert_says("IMG_Chania_home.jpg");
    let token = alice.share(&photo, "public").await.unwrap();
    let shared = ["", "/small", "/medium", "/large", "/download"].map(|what| format!("/s/{token}{what}"));
    let others = ["/u/alice".to_owned(), format!("/i/{token}"), format!("/i/{token}.jpg")];
    let renditions = ["small", "medium", "large"].map(|name| photo.at(name));
    for path in shared.iter().chain(&others).chain(&renditions) {
        for client in [&bob, &app.visitor()] {
            for kind in [("accept", "*/*"), ("accept", "application/json"), ("hx-request", "true")] {
                let answer = client.get_with(path, &[kind]).await.assert_status(200);
                let all = [format!("{:?}", answer.headers).into_bytes(), answer.text().into(), answer.bytes.clone()];
                let all = String::from_utf8_lossy(&all.concat()).to_lowercase();
                for secret in SECRETS {
                    assert!(!all.contains(secret), "{secret} in {path} {kind:?}");
                }
                // Of the day they are told, of the time not. (Headers say what time it is.)
                assert!(!answer.text().contains("18:03") && !answer.text().contains("15:03"), "{path} {kind:?}");
            }
        }
    }
    // Exactly what came, for the owner alone.
    let original = alice.get(&photo.at("original")).await.assert_status(200);
    assert!(String::from_utf8_lossy(&original.bytes).contains("SERIAL-4711"));
    bob.get(&photo.at("original")).await.assert_status(404);
    let download = bob.get(&format!("/s/{token}/download")).await;
    assert!(download.header("content-disposition").starts_with("attachment; filename=\"photo.jpg\""), "{download:?}");
}

#[tokio::test]
async fn what_a_camera_calls_itself_cannot_break_the_page() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let evil = "<script>alert(1)</script>\"'";
    let tags = [MAKE, MODEL].map(|tag| (Folder::Main, tag, Value::Text(evil)));
    let photo = alice.upload(jpeg_saying(&tags)).await;
    let page = alice.get(&photo.page()).await.assert_status(200).assert_says(evil);
    assert!(!page.html().contains("<script>alert"));
}

/// The headings of a gallery, each with how many photos stand below it.
fn headings(page: &Answer) -> Vec<(String, usize)> {
    let html = page.html();
    let months = html.split("<h2 class=\"month\">").skip(1);
    months.map(|month| (month.split('<').next().unwrap().to_owned(), month.matches(" data-id=\"").count())).collect()
}

#[tokio::test]
async fn the_gallery_goes_by_when_and_where_photos_were_taken() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = async |at: &str, offset: Option<&str>| alice.upload(jpeg_taken(at, offset)).await;
    // The order in which they come does not matter.
    let july = upload("2024:07:15 12:00:00", None).await;
    // In UTC it was still July there, and July already here.
    let august = upload("2024:08:01 00:30:00", Some("+03:00")).await;
    let june = upload("2024:06:30 23:30:00", Some("-03:00")).await;
    let first_of_june = upload("2024:06:01 00:00:00", Some("+00:00")).await;
    let older = upload("2023:08:01 00:30:00", None).await;
    let page = alice.get("/photos").await.assert_photos(&[&august, &july, &june, &first_of_june, &older]);
    let expected = [("August 2024", 1), ("July 2024", 1), ("June 2024", 2), ("August 2023", 1)];
    assert_eq!(headings(&page), expected.map(|(month, photos)| (month.to_owned(), photos)));
    // Neighbours are those of the gallery.
    let page = alice.get(&july.page()).await.html();
    assert!(page.contains(&format!("rel=\"prev\" href=\"{}\"", august.page())), "{page}");
    assert!(page.contains(&format!("rel=\"next\" href=\"{}\"", june.page())), "{page}");
}

#[tokio::test]
async fn a_photo_from_behind_the_date_line_does_not_open_a_month_twice() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let upload = async |at: &str, offset: &str| alice.upload(jpeg_taken(at, Some(offset))).await;
    // In the order of the instants: Samoa and Hawaii are 25 hours apart by the clock and 5 by the sun.
    let in_hawaii = upload("2024:07:31 23:00:00", "-10:00").await; // 1 August, 9:00 UTC
    let in_samoa = upload("2024:08:01 20:00:00", "+13:00").await; // 1 August, 7:00 UTC
    let later_there = upload("2024:07:31 20:00:00", "-10:00").await; // 1 August, 6:00 UTC
    let before = upload("2024:06:30 12:00:00", "+00:00").await;
    let page = alice.get("/photos").await.assert_photos(&[&in_hawaii, &in_samoa, &later_there, &before]);
    assert_eq!(headings(&page), [("July 2024".to_owned(), 3), ("June 2024".to_owned(), 1)]);
}

/// Sixty photos fill a page.
#[tokio::test]
async fn the_next_page_goes_on_in_the_month_that_was_last_seen() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    // Sixty on 1 August by the clock there, still July in UTC; then one on 31 July, then one more in July.
    app.execute(
        "INSERT INTO photos (id, owner_id, filename, content_type, size_bytes, sha256, width, height, taken_at,
                             utc_offset_minutes)
         SELECT gen_random_uuid(), (SELECT id FROM users), 'n.jpg', 'image/jpeg', 1, decode(repeat('00', 32), 'hex'),
                4, 3, timestamptz '2024-07-31 22:00Z' - make_interval(mins => CASE WHEN n > 60 THEN 120 + n ELSE 0 END),
                180
         FROM generate_series(1, 62) n",
    );
    let first = alice.get("/photos").await.assert_status(200);
    assert_eq!(headings(&first), [("August 2024".to_owned(), 60)]);
    let next = first.attributes("hx-get").pop().unwrap();
    assert_eq!(headings(&alice.get(&next).await.assert_status(200)), [("July 2024".to_owned(), 2)]);
}
