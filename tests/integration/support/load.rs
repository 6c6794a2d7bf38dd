//! People at work while something goes wrong: they upload, look, share, delete and bring back, each answer is noted for the
//! [`Told`], and whatever was not answered is asked again, as people do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::IndexedRandom;
use reqwest::{Method, RequestBuilder};
use tokio::task::JoinHandle;

use super::client::{Answer, Client, Photo};
use super::images::png;
use super::upload::Upload;
use super::witness::{Told, Witness, sha256};

/// How long one thing is asked for again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a deletion can surely be undone.
const UNDO: Duration = Duration::from_secs(40);

/// Where Lumina listens now: one address for each instance that runs.
#[derive(Clone, Default)]
pub struct Doors(Arc<Mutex<Vec<String>>>);

impl Doors {
    /// These alone.
    pub fn are(&self, bases: &[&str]) {
        *self.0.lock().unwrap() = bases.iter().map(|base| (*base).to_owned()).collect();
    }

    /// One of them, another one each time if there are several.
    fn any(&self) -> Option<String> {
        self.0.lock().unwrap().choose(&mut rand::rng()).cloned()
    }
}

/// Some people, each with photos of their own, who work until they are told to stop.
pub struct Load {
    people: Vec<Arc<Person>>,
    doors: Doors,
    refused: Arc<AtomicUsize>,
}

/// One of them.
pub struct Person {
    pub client: Client,
    pub told: Told,
    photos: Mutex<Vec<(Photo, String)>>,
    deleted: Mutex<VecDeque<(Photo, String, Instant)>>,
}

/// People at work; see [`Load::works`].
pub struct Work {
    stop: Arc<AtomicBool>,
    people: Vec<JoinHandle<()>>,
}

impl Load {
    /// So many people with new accounts.
    pub async fn of(people: usize, visitor: impl Fn() -> Client, doors: Doors) -> Self {
        let people = (0..people).map(async |number| {
            let client = visitor();
            client.register(&format!("person{number}")).await.assert_status(303);
            Arc::new(Person { client, told: Told::default(), photos: Mutex::default(), deleted: Mutex::default() })
        });
        Self { people: futures_util::future::join_all(people).await, doors, refused: Arc::default() }
    }

    /// They begin.
    pub fn works(&self) -> Work {
        let stop = Arc::new(AtomicBool::new(false));
        let people = self.people.iter().map(|person| {
            let (person, doors, refused, stop) =
                (person.clone(), self.doors.clone(), self.refused.clone(), stop.clone());
            tokio::spawn(async move {
                let asking = Asking { person: &person, doors: &doors, refused: &refused };
                while !stop.load(Ordering::SeqCst) {
                    asking.does_something().await;
                }
            })
        });
        Work { people: people.collect(), stop }
    }

    /// Photos that were acknowledged so far.
    pub fn count(&self) -> usize {
        self.people.iter().map(|person| person.told.count()).sum()
    }

    /// Requests so far that were told to come back later.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// What they were told holds, while nobody works.
    pub async fn checks(&self, witness: &Witness) {
        for person in &self.people {
            let base = self.doors.any().expect("somebody listens");
            witness.testifies(&person.told, &person.client.through(&base)).await;
        }
    }
}

impl Work {
    /// They finish what they are at, however often they have to ask for it.
    pub async fn ends(self) {
        self.stop.store(true, Ordering::SeqCst);
        for person in self.people {
            person.await.unwrap();
        }
    }
}

struct Asking<'a> {
    person: &'a Person,
    doors: &'a Doors,
    refused: &'a AtomicUsize,
}

impl Asking<'_> {
    async fn does_something(&self) {
        let chosen = rand::rng().random_range(0..10);
        match chosen {
            0..5 => self.uploads().await,
            5..7 => self.deletes().await,
            7 => self.restores().await,
            _ => self.looks().await,
        }
    }

    /// The same file until it is answered: it is one photo, however often it came.
    async fn uploads(&self) {
        let bytes = png();
        let upload = || Upload::new().hashtags("sea").file("a.png", bytes.clone());
        let send = |client: &Client| client.upload_request(upload()).header("hx-request", "true");
        let photo = self.ask(send).await.0.assert_status(200).photos().remove(0);
        self.person.told.kept(&photo, &bytes);
        let is_shared = rand::rng().random_bool(0.2);
        if is_shared {
            let link = |client: &Client| client.form(&photo.page(), &[("visibility", "link")]);
            self.ask(link).await.0.assert_status(303);
            let page = self.gets(&photo.page()).await.assert_status(200).text();
            let (_, token) = page.split_once("/s/").expect("a link");
            self.person.told.shared(&photo, &token.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
        }
        self.person.photos.lock().unwrap().push((photo, sha256(&bytes)));
    }

    async fn deletes(&self) {
        let Some((photo, hash)) = self.takes_one() else { return };
        self.person.told.unsure(&photo);
        let (answer, again) = self.ask(|client| client.form(&photo.at("delete"), &[])).await;
        // An earlier try may have done it.
        assert!(answer.status == 303 || again && answer.status == 404, "{answer:?}");
        self.person.told.deleted(&photo);
        self.person.deleted.lock().unwrap().push_back((photo, hash, Instant::now()));
    }

    async fn restores(&self) {
        let chosen = self.person.deleted.lock().unwrap().pop_back();
        let Some((photo, hash, since)) = chosen else { return };
        if since.elapsed() > UNDO {
            return;
        }
        self.person.told.unsure(&photo);
        let (answer, again) = self.ask(|client| client.form(&photo.at("restore"), &[])).await;
        assert!(answer.status == 303 || again && answer.status == 404, "{answer:?}");
        // It may have been too late when an answer came at last.
        let there = self.gets(&photo.page()).await;
        match there.status {
            200 => {
                self.person.told.restored(&photo);
                self.person.photos.lock().unwrap().push((photo, hash));
            }
            _ => {
                assert!(since.elapsed() > UNDO, "{photo:?} could be undone: {there:?}");
                there.assert_status(404);
                self.person.told.deleted(&photo);
            }
        }
    }

    async fn looks(&self) {
        self.gets("/photos").await.assert_status(200);
        let chosen = self.person.photos.lock().unwrap().choose(&mut rand::rng()).cloned();
        let Some((photo, hash)) = chosen else { return };
        let original = self.gets(&photo.at("original")).await.assert_status(200);
        assert_eq!(sha256(&original.bytes), hash);
    }

    fn takes_one(&self) -> Option<(Photo, String)> {
        let mut photos = self.person.photos.lock().unwrap();
        (!photos.is_empty()).then(|| rand::rng().random_range(0..photos.len())).map(|at| photos.swap_remove(at))
    }

    async fn gets(&self, path: &str) -> Answer {
        self.ask(|client| client.request(Method::GET, path)).await.0
    }

    /// Asks until somebody answers, and not with "later". Tells whether it was asked more than once.
    async fn ask(&self, request: impl Fn(&Client) -> RequestBuilder) -> (Answer, bool) {
        let begun = Instant::now();
        let (mut last, mut again) = (None, false);
        while begun.elapsed() < PATIENCE {
            if let Some(base) = self.doors.any() {
                let client = self.person.client.through(&base);
                match client.try_send(request(&client)).await {
                    Ok(answer) if answer.status == 503 => {
                        assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                        self.refused.fetch_add(1, Ordering::SeqCst);
                        last = Some(answer);
                    }
                    Ok(answer) => {
                        assert!(!answer.location().starts_with("/login"), "signed out: {answer:?}");
                        return (answer, again);
                    }
                    // Nobody listens there, or it was cut.
                    Err(_) => {}
                }
                again = true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no answer in {PATIENCE:?}: {last:?}");
    }
}
