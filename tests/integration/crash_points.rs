//! The real program, killed at every step of taking photos in, deleting them, bringing them back and sweeping up; started
//! again, asked again, and looked at past its own code.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lumina::failpoints::{ENABLED, FailPoint, VARIABLE};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::binary::{Binary, Settings};
use crate::support::s3::S3Server;
use crate::support::witness::{Objects, Told, Witness, files_below};
use crate::support::*;

/// The setting of a point.
type Fatal = (String, String);

/// What leads to a point.
enum Way {
    Upload,
    Confirm,
    Delete,
    Restore,
    Sweep,
}

/// How to get to a point, and how often it is passed on the way.
fn way_to(point: FailPoint) -> (Way, u32) {
    match point {
        FailPoint::RenditionPut => (Way::Upload, 3),
        FailPoint::Staged
        | FailPoint::Processed
        | FailPoint::Announced
        | FailPoint::OriginalPut
        | FailPoint::Inserted
        | FailPoint::Kept => (Way::Upload, 1),
        FailPoint::Confirmed => (Way::Confirm, 1),
        FailPoint::Removed | FailPoint::LetGo => (Way::Delete, 1),
        FailPoint::Restored | FailPoint::TakenBack => (Way::Restore, 1),
        FailPoint::ObjectRemoved => (Way::Sweep, 5),
        FailPoint::Claimed | FailPoint::ObjectsRemoved | FailPoint::Swept => (Way::Sweep, 1),
    }
}

#[tokio::test]
async fn killed_at_every_step_on_disk() {
    let Some(house) = House::new(None) else { return };
    house.is_killed_at_every_step().await;
}

#[tokio::test]
async fn killed_at_every_step_with_a_bucket() {
    let Some(house) = House::new(Some(S3Server::start())) else { return };
    house.is_killed_at_every_step().await;
}

/// What stays when the program dies.
struct House {
    folder: TempDir,
    settings: Vec<(String, String)>,
    witness: Witness,
    told: Told,
    _database: Database,
    _server: Option<S3Server>,
}

impl House {
    fn new(server: Option<S3Server>) -> Option<Self> {
        if !ENABLED {
            eprintln!("SKIPPED: built without the feature failpoints, which ./dev test switches on");
            return None;
        }
        let (folder, database) = (cluster::scratch(), Database::create());
        let objects = server.as_ref().map_or_else(|| folder.path().join("data"), S3Server::bucket);
        let witness = Witness::new(database.url(), Objects::Folder(objects));
        let mut settings = vec![("DATABASE_URL".to_owned(), database.url())];
        settings.extend(server.iter().flat_map(S3Server::settings));
        // Without programs that decode, which are tried out at each start.
        settings.push(("PATH".to_owned(), String::new()));
        Some(Self { folder, settings, witness, told: Told::default(), _database: database, _server: server })
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn is_killed_at_every_step(&self) {
        let mut lumina = self.starts(&[]);
        let alice = lumina.visitor();
        alice.register("alice").await.assert_status(303);
        lumina.kill();
        for point in FailPoint::ALL {
            let (way, times) = way_to(point);
            for time in 1..=times {
                let fatal = (VARIABLE.to_owned(), format!("{}:{time}", point.name()));
                match way {
                    Way::Upload => self.dies_uploading(&alice, fatal).await,
                    Way::Confirm => self.dies_confirming(&alice, fatal).await,
                    Way::Delete => self.dies_deleting(&alice, fatal).await,
                    Way::Restore => self.dies_restoring(&alice, fatal).await,
                    Way::Sweep => self.dies_sweeping(&alice, fatal).await,
                }
            }
        }
        let lumina = self.starts_in_order(&[]).await;
        self.witness.testifies(&self.told, &alice.moved_to_base(&lumina.base)).await;
        assert!(self.told.count() > 15);
    }

    /// The same upload again makes one photo.
    async fn dies_uploading(&self, alice: &Client, fatal: Fatal) {
        let bytes = png();
        let lumina = self.starts_in_order(&[fatal]).await;
        let here = alice.moved_to_base(&lumina.base);
        let upload = here.upload_request(Upload::new().hashtags("sea").file("a.png", bytes.clone()));
        let mut lumina = self.dies_of(lumina, &here, upload).await;
        let here = alice.moved_to_base(&lumina.base);
        self.told.kept(&here.upload(bytes.clone()).await, &bytes);
        self.witness.testifies(&self.told, &here).await;
        lumina.kill();
    }

    /// Confirmed again, it is one photo.
    async fn dies_confirming(&self, alice: &Client, fatal: Fatal) {
        let bytes = png();
        let lumina = self.starts_in_order(&[fatal]).await;
        let here = alice.moved_to_base(&lumina.base);
        let announced = json!({ "filename": "a.png", "content_type": "image/png", "size_bytes": bytes.len() });
        let announced = here.json(Method::POST, "/api/v1/photos/upload-url", &announced);
        let ticket = here.send(announced).await.assert_status(200).json();
        let put = reqwest::Client::new().put(ticket["upload_url"].as_str().unwrap()).body(bytes.clone());
        let put = put.header("content-type", ticket["headers"]["Content-Type"].as_str().unwrap());
        assert_eq!(put.send().await.unwrap().status(), 200);
        let confirm = |here: &Client| {
            here.json(Method::POST, "/api/v1/photos/confirm", &json!({ "key": ticket["key"], "hashtags": "sea" }))
        };
        let mut lumina = self.dies_of(lumina, &here, confirm(&here)).await;
        let here = alice.moved_to_base(&lumina.base);
        let answer = here.send(confirm(&here)).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        self.told.kept(&Photo { id: answer.json()["id"].as_str().unwrap().to_owned() }, &bytes);
        self.witness.testifies(&self.told, &here).await;
        lumina.kill();
    }

    /// It may have happened; afterwards it has.
    async fn dies_deleting(&self, alice: &Client, fatal: Fatal) {
        let lumina = self.starts_in_order(&[fatal]).await;
        let here = alice.moved_to_base(&lumina.base);
        let photo = self.photo_of(&here).await;
        self.told.unsure(&photo);
        let mut lumina = self.dies_of(lumina, &here, here.form(&photo.at("delete"), &[])).await;
        let here = alice.moved_to_base(&lumina.base);
        let again = here.post(&photo.at("delete"), &[]).await;
        assert!([303, 404].contains(&again.status), "{again:?}");
        self.told.deleted(&photo);
        self.witness.testifies(&self.told, &here).await;
        lumina.kill();
    }

    /// It may have happened; afterwards it has.
    async fn dies_restoring(&self, alice: &Client, fatal: Fatal) {
        let lumina = self.starts_in_order(&[fatal]).await;
        let here = alice.moved_to_base(&lumina.base);
        let photo = self.photo_of(&here).await;
        here.post(&photo.at("delete"), &[]).await.assert_status(303);
        self.told.unsure(&photo);
        let mut lumina = self.dies_of(lumina, &here, here.form(&photo.at("restore"), &[])).await;
        let here = alice.moved_to_base(&lumina.base);
        let again = here.post(&photo.at("restore"), &[]).await;
        assert!([303, 404].contains(&again.status), "{again:?}");
        self.told.restored(&photo);
        self.witness.testifies(&self.told, &here).await;
        lumina.kill();
    }

    /// It sweeps as soon as it is started.
    async fn dies_sweeping(&self, alice: &Client, fatal: Fatal) {
        let mut lumina = self.starts_in_order(&[]).await;
        let here = alice.moved_to_base(&lumina.base);
        let photo = self.photo_of(&here).await;
        here.post(&photo.at("delete"), &[]).await.assert_status(303);
        self.told.deleted(&photo);
        self.witness.testifies(&self.told, &here).await;
        lumina.kill();
        self.witness.lets_time_pass();
        let settings = [self.settings.as_slice(), &[fatal]].concat();
        assert_eq!(Binary::run_to_its_end(&self.data_dir(), &settings).signal(), Some(9), "{settings:?}");
    }

    fn starts(&self, more: &Settings) -> Binary {
        Binary::start_with(&self.data_dir(), &[self.settings.as_slice(), more].concat())
    }

    /// Starts it when no time to undo is left: it sweeps up, and all is in order.
    async fn starts_in_order(&self, more: &Settings) -> Binary {
        self.witness.lets_time_pass();
        let lumina = self.starts(more);
        let begin = Instant::now();
        while !self.witness.is_swept() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the sweeper does not finish");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.witness.finds_nothing_left_over().await;
        let temporary = files_below(&self.data_dir().join("tmp"));
        assert!(temporary.is_empty(), "left by a killed upload: {temporary:?}");
        lumina
    }

    /// It dies of a request and is started again, with all promises kept.
    async fn dies_of(&self, mut lumina: Binary, alice: &Client, request: reqwest::RequestBuilder) -> Binary {
        let answer = alice.try_send(request).await;
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(lumina.wait().signal(), Some(9));
        let lumina = self.starts(&[]);
        self.witness.testifies(&self.told, &alice.moved_to_base(&lumina.base)).await;
        lumina
    }

    async fn photo_of(&self, alice: &Client) -> Photo {
        let bytes = png();
        let photo = alice.upload_tagged(bytes.clone(), "sea").await;
        self.told.kept(&photo, &bytes);
        self.told.shared(&photo, &alice.share(&photo, "link").await.unwrap());
        photo
    }
}
