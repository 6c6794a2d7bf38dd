//! The long campaign: the real program is killed at random moments while people upload, delete and bring back, by turns with
//! a private database and photos on disk, and with photos in a bucket; each time it is started again and everything looked
//! at. Only where `./dev test --chaos` runs; `LUMINA_CHAOS` says how often it is killed.

use std::time::{Duration, Instant};

use rand::Rng;

use crate::support::binary::{Binary, free_port};
use crate::support::db::private_url;
use crate::support::load::{Doors, Load};
use crate::support::s3::S3Server;
use crate::support::witness::{Objects, Witness, files_below};
use crate::support::*;

const ADDRESS: &str = "http://lumina.localhost";

#[tokio::test]
async fn killed_at_random_under_load() {
    let Some(kills) = std::env::var("LUMINA_CHAOS").ok() else {
        eprintln!("SKIPPED: ./dev test --chaos runs this");
        return;
    };
    let kills: usize = kills.parse().expect("LUMINA_CHAOS is how often to kill");
    let mut houses = [House::new(None).await, House::new(Some(S3Server::start())).await];
    for kill in 0..kills {
        houses[kill % 2].is_killed_once().await;
        if (kill + 1) % 10 == 0 {
            let photos: usize = houses.iter().map(|house| house.load.count()).sum();
            eprintln!("{} of {kills} kills, {photos} photos acknowledged", kill + 1);
        }
    }
    for house in houses {
        house.ends_in_order().await;
    }
}

/// One Lumina, and what stays when it dies.
struct House {
    lumina: Option<Binary>,
    load: Load,
    witness: Witness,
    settings: Vec<(String, String)>,
    data_dir: std::path::PathBuf,
    _folder: tempfile::TempDir,
    _server: Option<(S3Server, Database)>,
}

impl House {
    async fn new(server: Option<S3Server>) -> Self {
        let folder = cluster::scratch();
        let data_dir = folder.path().join("data");
        let bind = format!("127.0.0.1:{}", free_port());
        let base = format!("http://{bind}");
        let mut settings = vec![
            ("PUBLIC_URL".to_owned(), ADDRESS.to_owned()),
            ("BIND".to_owned(), bind),
            ("LOG_LEVEL".to_owned(), "warn".to_owned()),
        ];
        let server = server.map(|server| (server, Database::create()));
        let witness = match &server {
            Some((server, database)) => {
                settings.extend(server.settings());
                settings.push(("DATABASE_URL".to_owned(), database.url()));
                Witness::new(database.url(), Objects::Folder(server.bucket()))
            }
            None => {
                let database = private_url(&data_dir);
                Witness::new(database, Objects::Folder(data_dir.clone()))
            }
        };
        let lumina = Some(Binary::start_with(&data_dir, &settings));
        let doors = Doors::default();
        doors.are(&[&base]);
        let load = Load::of(4, || Client::new(&base, ADDRESS), doors).await;
        Self { lumina, load, witness, settings, data_dir, _folder: folder, _server: server }
    }

    async fn is_killed_once(&mut self) {
        let work = self.load.works();
        let moment = rand::rng().random_range(30..1500);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        self.lumina.take().unwrap().kill();
        let (data_dir, settings) = (self.data_dir.clone(), self.settings.clone());
        let starting = tokio::task::spawn_blocking(move || Binary::start_with(&data_dir, &settings));
        self.lumina = Some(starting.await.unwrap());
        work.ends().await;
        self.load.checks(&self.witness).await;
    }

    async fn ends_in_order(mut self) {
        self.witness.lets_time_pass();
        self.lumina.take().unwrap().kill();
        // It sweeps when it starts.
        self.lumina = Some(Binary::start_with(&self.data_dir, &self.settings));
        let begin = Instant::now();
        while !self.witness.is_swept() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the sweeper does not finish");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.witness.finds_nothing_left_over().await;
        self.load.checks(&self.witness).await;
        assert!(files_below(&self.data_dir.join("tmp")).is_empty(), "left by killed uploads");
    }
}
