//! What must not be guessed: passwords, refresh tokens, links. Counted in Postgres before anything is looked at, and taken
//! back when it was no guess.
//!
//! Passwords are counted by address and by account, whether that exists or not. Where somebody has logged in before, by a
//! browser that is known again or from the same address, their tries at their account are counted apart, so that strangers
//! who guess cannot keep them out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use diesel::{PgConnection, QueryResult};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::device::Device;
use super::{Keys, address};
use crate::config::Secret;
use crate::db::Db;
use crate::error::{AppError, TooMany};
use crate::models::tries::{self, Key, Limit};
use crate::models::{User, UserId};

const MINUTES: u32 = 60;

/// Wrong passwords from one address.
pub const PASSWORDS_BY_ADDRESS: Limit = Limit { name: "passwords-by-address", count: 10, seconds: 5 * MINUTES };
/// Wrong passwords for one account.
pub const PASSWORDS_BY_ACCOUNT: Limit = Limit { name: "passwords-by-account", count: 25, seconds: 60 * MINUTES };
/// New accounts, and tries at names that are taken.
pub const ACCOUNTS: Limit = Limit { name: "new-accounts", count: 30, seconds: 60 * MINUTES };
/// Refresh tokens that are worth nothing.
pub const REFRESH_TOKENS: Limit = Limit { name: "refresh-tokens", count: 60, seconds: 5 * MINUTES };
/// Links that lead nowhere.
pub const LINKS: Limit = Limit { name: "links", count: 100, seconds: 5 * MINUTES };
/// Coming back from a provider with what is worth nothing.
pub const LOGINS_ELSEWHERE: Limit = Limit { name: "logins-elsewhere", count: 30, seconds: 5 * MINUTES };

/// How long a refusal is repeated without asking the database, at most: a try that is taken back makes room again.
const REPEATED: Duration = Duration::from_secs(5);
/// The most refusals remembered.
const REMEMBERED: usize = 10_000;
/// So many tries of one address are decided at a time, and others wait: those who log in all at once from one place are no
/// guessers. Addresses share the gates by chance.
const AT_A_TIME: usize = 4;
const GATES: usize = 64;
/// The longest wait there: less than proxies wait. On two cores a hundred who log in at once wait for fifteen seconds, and
/// for forty while pages are asked for all the time, because these come first.
const PATIENCE: Duration = Duration::from_secs(50);

/// Counts guesses.
#[derive(Clone)]
pub struct Guesses(Arc<Inner>);

struct Inner {
    on: bool,
    db: Db,
    keys: Keys,
    refused: Mutex<HashMap<Key, Refused>>,
    gates: Vec<Arc<Semaphore>>,
}

/// Until when.
#[derive(Clone, Copy)]
struct Refused {
    /// Not asked again before.
    repeated: Instant,
    /// Room again at the latest.
    room: Instant,
}

/// From where somebody tries.
#[derive(Clone)]
pub struct Source {
    address: IpAddr,
    device: Option<Device>,
}

impl Source {
    /// Of a request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        Self { address: address::of(request), device: Device::of(request) }
    }

    /// Whose limits it counts against.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    fn bytes(&self) -> Vec<u8> {
        match self.address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        }
    }
}

/// A try that was counted. It stays counted unless it is taken back.
pub struct Try {
    guesses: Guesses,
    counted: Vec<Key>,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Guesses {
    /// `on`: false counts nothing, for tests.
    #[must_use]
    pub fn new(on: bool, db: Db, secrets: &[Secret]) -> Self {
        let gates = (0..GATES).map(|_| Arc::new(Semaphore::new(AT_A_TIME))).collect();
        Self(Arc::new(Inner { on, db, keys: Keys::new(secrets), refused: Mutex::default(), gates }))
    }

    /// Counts a try by its address alone.
    ///
    /// # Errors
    /// [`AppError::TooMany`]; of the database.
    pub async fn count(&self, source: &Source, limit: Limit) -> Result<Try, AppError> {
        let key = self.0.keys.of(&[limit.name.as_bytes(), &source.bytes()]);
        self.refuse_again(&key, limit)?;
        let (guesses, counted) = (self.clone(), vec![key]);
        if self.0.on {
            self.0.db.read(move |conn| guesses.take(conn, &key, limit)).await?;
        }
        Ok(Try { guesses: self.clone(), counted, _turn: None })
    }

    /// Whether tries from there are refused already. Costs nothing.
    ///
    /// # Errors
    /// [`AppError::TooMany`].
    pub fn refuse_known(&self, source: &Source, limit: Limit) -> Result<(), AppError> {
        self.refuse_again(&self.0.keys.of(&[limit.name.as_bytes(), &source.bytes()]), limit)
    }

    /// Whether this is seen for the first time within the hour, by any instance.
    ///
    /// # Errors
    /// Of the database.
    pub async fn is_first(&self, what: &'static str, seen: &[u8]) -> Result<bool, AppError> {
        let key = self.0.keys.of(&[what.as_bytes(), seen]);
        let once = Limit { name: what, count: 1, seconds: 60 * MINUTES };
        Ok(self.0.db.read(move |conn| tries::take(conn, &key, once)).await?.is_none())
    }

    /// Finds the account that `login` names and counts a try at its password, by address and account.
    ///
    /// # Errors
    /// [`AppError::TooMany`]; [`AppError::Unavailable`] when too many wait; of the database.
    pub async fn at_password_of(&self, source: &Source, login: &str) -> Result<(Option<User>, Try), AppError> {
        if source.device.is_none() {
            self.refuse_known(source, PASSWORDS_BY_ADDRESS)?;
        }
        let turn = self.turn(source).await?;
        let (guesses, source, login) = (self.clone(), source.clone(), login.trim().to_owned());
        let (user, counted) = self
            .0
            .db
            .read(move |conn| {
                let user = User::by_login(conn, &login)?;
                let counted = guesses.take_for(conn, &source, user.as_ref().map(|user| user.id), &login)?;
                Ok::<_, AppError>((user, counted))
            })
            .await?;
        Ok((user, Try { guesses: self.clone(), counted, _turn: Some(turn) }))
    }

    /// Counts a try at the password of somebody who is signed in.
    ///
    /// # Errors
    /// As [`Guesses::at_password_of`].
    pub async fn at_own_password(&self, source: &Source, user: UserId) -> Result<Try, AppError> {
        let turn = self.turn(source).await?;
        let key = self.0.keys.of(&[b"own password", &user.0.to_be_bytes()]);
        let guesses = self.clone();
        if self.0.on {
            self.0.db.read(move |conn| guesses.take(conn, &key, PASSWORDS_BY_ACCOUNT)).await?;
        }
        Ok(Try { guesses: self.clone(), counted: vec![key], _turn: Some(turn) })
    }

    /// Under what it is remembered that `user` has logged in from there: for [`tries::know`].
    #[must_use]
    pub fn place(&self, source: &Source, user: UserId) -> Key {
        self.0.keys.of(&[b"known", b"user", &user.0.to_be_bytes(), &source.bytes()])
    }

    fn take_for(
        &self,
        conn: &mut PgConnection,
        source: &Source,
        user: Option<UserId>,
        login: &str,
    ) -> Result<Vec<Key>, AppError> {
        if !self.0.on {
            return Ok(Vec::new());
        }
        let keys = &self.0.keys;
        // A name that nobody has is counted as one that somebody has, so that the answers do not tell them apart.
        let (kind, account) = match user {
            Some(user) => (&b"user"[..], user.0.to_be_bytes().to_vec()),
            None => (&b"name"[..], login.to_lowercase().into_bytes()),
        };
        let place = source.bytes();
        let known_place = keys.of(&[b"known", kind, &account, &place]);
        let device = user.and_then(|user| source.device.as_ref()?.knows(user));
        let (by_address, by_account) = match device {
            Some(device) => (
                keys.of(&[b"address of device", device.as_bytes(), &account]),
                keys.of(&[b"device", device.as_bytes(), &account]),
            ),
            None if tries::is_known(conn, &known_place)? => {
                (keys.of(&[PASSWORDS_BY_ADDRESS.name.as_bytes(), &place]), keys.of(&[b"place", kind, &account, &place]))
            }
            None => (keys.of(&[PASSWORDS_BY_ADDRESS.name.as_bytes(), &place]), keys.of(&[kind, &account])),
        };
        self.take(conn, &by_address, PASSWORDS_BY_ADDRESS)?;
        self.take(conn, &by_account, PASSWORDS_BY_ACCOUNT)?;
        Ok(vec![by_address, by_account])
    }

    fn take(&self, conn: &mut PgConnection, key: &Key, limit: Limit) -> Result<(), AppError> {
        self.refuse_again(key, limit)?;
        let Some(wait) = tries::take(conn, key, limit)? else { return Ok(()) };
        let mut refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if refused.len() >= REMEMBERED {
            refused.retain(|_, until| until.repeated > now);
        }
        if refused.len() < REMEMBERED {
            // A try at a link is never taken back.
            let repeated = if limit == LINKS { wait } else { wait.min(REPEATED) };
            refused.insert(*key, Refused { repeated: now + repeated, room: now + wait });
        }
        tracing::info!(limit = limit.name, "too many tries");
        Err(AppError::TooMany(TooMany { limit, wait }))
    }

    fn refuse_again(&self, key: &Key, limit: Limit) -> Result<(), AppError> {
        let mut refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = refused.get(key).copied() else { return Ok(()) };
        let now = Instant::now();
        if until.repeated <= now {
            refused.remove(key);
            return Ok(());
        }
        Err(AppError::TooMany(TooMany { limit, wait: until.room.saturating_duration_since(now) }))
    }

    async fn turn(&self, source: &Source) -> Result<OwnedSemaphorePermit, AppError> {
        let [chance, ..] = self.0.keys.of(&[b"gate", &source.bytes()]);
        let gate =
            self.0.gates.get(usize::from(chance) % GATES).cloned().ok_or_else(|| AppError::internal("no gate"))?;
        let turn = tokio::time::timeout(PATIENCE, gate.acquire_owned()).await;
        turn.map_err(|_| AppError::unavailable("too many passwords wait to be checked"))?.map_err(AppError::internal)
    }
}

impl Try {
    /// It was no guess.
    ///
    /// # Errors
    /// Of the database.
    pub async fn take_back(self) -> Result<(), AppError> {
        let Self { guesses, counted, _turn } = self;
        if !guesses.0.on {
            return Ok(());
        }
        let db = guesses.0.db.clone();
        db.read(move |conn| -> QueryResult<()> {
            counted.iter().try_for_each(|key| {
                guesses.0.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
                tries::give_back(conn, key)
            })
        })
        .await
    }
}
