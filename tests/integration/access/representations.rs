//! Every way in which a photo shows × everyone × whatever its owner has decided.
//!
//! Where a photo does not show, the answer is the very same as for one that never was.

use Audience::{Everyone, NoOne, Owner};

use reqwest::Method;
use serde_json::json;

use super::Cast;
use crate::support::{Answer, animations, jpeg};

/// Who gets to see it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Audience {
    NoOne,
    Owner,
    Everyone,
}

/// What happened to the photo, in the order of a row.
const STATES: [&str; 7] = ["private", "link", "public", "revoked", "disabled", "enabled", "deleted"];

/// What is looked at, its address, what stands there when the photo shows (nothing: bytes of an image), and who sees it
/// while the photo is private, shared by link and public. Taken back it is private; while its owner is disabled, and when
/// it is deleted, nobody sees it.
type Row = (&'static str, &'static str, &'static str, [Audience; 3]);

const OWNERS: [Audience; 3] = [Owner; 3];
const PUBLIC: [Audience; 3] = [NoOne, NoOne, Everyone];
const BYTES: [Audience; 3] = [Owner, Owner, Everyone];
const LINK: [Audience; 3] = [NoOne, Everyone, Everyone];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("page", "/photos/{id}", "Evening at sea", OWNERS),
    ("original", "/photos/{id}/original", "", OWNERS),
    ("small", "/photos/{id}/small", "", BYTES),
    ("medium", "/photos/{id}/medium", "", BYTES),
    ("large", "/photos/{id}/large", "", BYTES),
    ("moving", "/photos/{id}/moving", "", BYTES),
    ("JSON", "/api/v1/photos/{id}", "Evening at sea", OWNERS),
    ("gallery", "/photos", "{id}", OWNERS),
    ("gallery by hashtag", "/photos?hashtag=sea", "{id}", OWNERS),
    ("neighbours", "/photos/{other}", "{id}", OWNERS),
    ("list in JSON", "/api/v1/photos/", "{id}", OWNERS),
    ("list by hashtag in JSON", "/api/v1/photos/?hashtag=sea", "{id}", OWNERS),
    ("count in JSON", "/api/v1/photos/?hashtag=sea", "\"total\":1", OWNERS),
    ("hashtags with counts", "/hashtags", "1 photo", OWNERS),
    ("hashtag found", "/hashtags?q=se", "#sea", OWNERS),
    ("shared page", "/s/{token}", "Evening at sea", LINK),
    ("OpenGraph", "/s/{token}", "property=\"og:image\"", LINK),
    ("small of the shared page", "/s/{token}/small", "", LINK),
    ("medium of the shared page", "/s/{token}/medium", "", LINK),
    ("large of the shared page", "/s/{token}/large", "", LINK),
    ("moving of the shared page", "/s/{token}/moving", "", LINK),
    ("copy without metadata", "/s/{token}/download", "", LINK),
    ("shared image", "/i/{token}", "", LINK),
    ("shared image by name", "/i/{token}.png", "", LINK),
    ("public page", "/u/alice", "Evening at sea", PUBLIC),
    ("public page by hashtag", "/u/alice?hashtag=sea", "Evening at sea", PUBLIC),
    ("public hashtags in JSON", "/api/v1/hashtags/", "\"sea\"", PUBLIC),
    ("public hashtag search in JSON", "/api/v1/hashtags/search?q=se", "\"sea\"", PUBLIC),
];

#[tokio::test]
async fn a_photo_shows_to_those_it_is_for_and_to_nobody_else() {
    let cast = Cast::start().await;
    let Cast { app, admin, alice, bob, carol } = &cast;
    let photo = alice.upload_tagged(animations::gif(2), "sea").await;
    let other = alice.upload(jpeg()).await;
    alice.post(&photo.page(), &[("title", "Evening at sea")]).await.assert_status(303);
    // Before there is a link, and after it was taken back.
    let mut token = "neverwasalinkbeforeabc".to_owned();
    let (nobody, in_api) = (app.visitor(), format!("/api/v1/photos/{}", photo.id));
    for state in STATES {
        match state {
            "private" | "link" | "public" => token = alice.share(&photo, state).await.unwrap_or(token),
            "revoked" => drop(alice.share(&photo, "private").await),
            "disabled" => {
                token = alice.share(&photo, "public").await.unwrap();
                app.execute("UPDATE users SET active = false WHERE username = 'alice'");
            }
            "enabled" => app.execute("UPDATE users SET active = true WHERE username = 'alice'"),
            // Not by its page, which would offer to undo that in the gallery.
            _ => drop(alice.send(alice.json(Method::DELETE, &in_api, &json!({}))).await.assert_status(204)),
        }
        for (what, pattern, shows, audiences) in TABLE {
            let audience = match state {
                "private" | "revoked" => audiences[0],
                "link" => audiences[1],
                "public" | "enabled" => audiences[2],
                _ => NoOne,
            };
            let path = pattern.replace("{id}", &photo.id).replace("{token}", &token).replace("{other}", &other.id);
            let shows = shows.replace("{id}", &photo.id);
            for (who, client) in
                [("nobody", &nobody), ("stranger", bob), ("owner", alice), ("admin", admin), ("disabled", carol)]
            {
                let answer = client.get(&path).await;
                let seen = answer.status == 200
                    && if shows.is_empty() {
                        answer.header("content-type").starts_with("image/")
                    } else {
                        answer.text().contains(&shows)
                    };
                let expected = audience == Everyone || (audience == Owner && who == "owner");
                assert_eq!(seen, expected, "{what} to {who} while {state}: {answer:?}");
                if !seen {
                    let absent = path.replace(&photo.id, ABSENT).replace(&token, "neverwasalinkbeforeabd");
                    let like = client.get(&absent).await;
                    assert_eq!(look(&answer, &path), look(&like, &absent), "{what} to {who} while {state}");
                }
            }
        }
    }
}

const ABSENT: &str = "01a1fc12-baf3-76fe-baec-ddb41e978b19";

/// All that an answer tells, without what differs between any two requests.
fn look(answer: &Answer, path: &str) -> (u16, Vec<(String, String)>, String) {
    let varying = ["date", "ratelimit", "x-request-id", "set-cookie"];
    let id = answer.header("x-request-id");
    let encoded: String = path.replace('/', "%2F");
    let plain = |text: &str| text.replace(id, "").replace(path, "").replace(&encoded, "");
    let headers = answer.headers.iter().filter(|(name, _)| !varying.contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), plain(value.to_str().unwrap_or_default()))).collect();
    headers.sort();
    (answer.status, headers, plain(&answer.text()))
}
