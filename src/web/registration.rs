//! Whether pages offer to make an account. What may be done is decided where it is done, by the database
//! ([`Admission`](crate::models::admission::Admission)); this only keeps the offer true to a few seconds, without a look
//! at the database for every page that a visitor sees.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Registration;
use crate::db::Db;
use crate::models::settings::Settings;

/// How old what is known may be. Another instance may have changed it.
const FRESH: Duration = Duration::from_secs(5);

/// Who may make an account, as far as is known.
pub struct Offer {
    fixed: Option<Registration>,
    known: Mutex<Option<(Instant, Registration)>>,
}

impl Offer {
    /// `fixed` is what the configuration says, if it does.
    #[must_use]
    pub fn new(fixed: Option<Registration>) -> Self {
        Self { fixed, known: Mutex::default() }
    }

    /// Whether anyone may make an account; no, while that is not known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let known = || self.known().map(|(_, registration)| registration);
        self.fixed.or_else(known) == Some(Registration::Open)
    }

    /// Looks, if that was not done lately. A database that does not answer leaves what was known.
    pub async fn refresh(&self, db: &Db) {
        if self.fixed.is_some() || self.known().is_some_and(|(at, _)| at.elapsed() < FRESH) {
            return;
        }
        match db.read(Settings::load).await {
            Ok(settings) => self.set(Some((Instant::now(), settings.registration))),
            Err(error) => tracing::warn!(%error, "who may make an account is not known"),
        }
    }

    /// It was changed: the next page looks.
    pub fn look_again(&self) {
        self.set(None);
    }

    fn known(&self) -> Option<(Instant, Registration)> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, known: Option<(Instant, Registration)>) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}
