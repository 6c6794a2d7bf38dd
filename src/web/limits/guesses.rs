//! Guesses at passwords, counted in Postgres before anything is looked at, and taken back when it was no guess.
//!
//! Secrets of 128 random bits and more (links, tokens, invitations) have no such limit: nobody can guess one, and any web page
//! can make a visitor's browser ask for wrong ones, which would use the visitor's limit up.
//!
//! Passwords are counted by address and by account, whether that exists or not; of IPv6 by wider networks too, each with a
//! higher bound ([`address::wider`]). Where somebody has logged in before, by a browser that is known again or from the same
//! address, their tries at their account are counted apart and looked at first ([`Lane`]), so that strangers who guess cannot
//! keep them out, neither by using limits up nor by being many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use diesel::{PgConnection, QueryResult};
use tokio::sync::OwnedSemaphorePermit;

use super::device::Device;
use super::gates::Gates;
use super::{Keys, address};
use crate::config::Secret;
use crate::db::Db;
use crate::error::{AppError, TooMany};
use crate::models::tries::{self, Key, Limit};
use crate::models::{User, UserId};
use crate::passwords::Lane;

const MINUTES: u32 = 60;

/// Wrong passwords from one address.
pub const PASSWORDS_BY_ADDRESS: Limit = Limit { name: "passwords-by-address", count: 10, seconds: 5 * MINUTES };
/// Wrong passwords for one account.
pub const PASSWORDS_BY_ACCOUNT: Limit = Limit { name: "passwords-by-account", count: 25, seconds: 60 * MINUTES };
/// New accounts, and tries at names that are taken.
pub const ACCOUNTS: Limit = Limit { name: "new-accounts", count: 30, seconds: 60 * MINUTES };
/// Coming back from a provider with what is worth nothing, for a login that was begun in this browser.
pub const LOGINS_ELSEWHERE: Limit = Limit { name: "logins-elsewhere", count: 30, seconds: 5 * MINUTES };

/// How long a refusal is repeated without asking the database, at most: a try that is taken back makes room again.
const REPEATED: Duration = Duration::from_secs(5);
/// The most refusals remembered.
const REMEMBERED: usize = 10_000;
/// Counts guesses.
#[derive(Clone)]
pub struct Guesses(Arc<Inner>);

struct Inner {
    on: bool,
    db: Db,
    keys: Keys,
    refused: Mutex<HashMap<Key, Refused>>,
    strangers: Gates,
    known: Gates,
}

/// What a try counts against.
struct Counters {
    lane: Lane,
    /// With whom it takes turns.
    gate: Vec<u8>,
    limits: Vec<(Key, Limit)>,
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
    /// How the password is to be looked at.
    pub lane: Lane,
    guesses: Guesses,
    counted: Vec<Key>,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Guesses {
    /// `on`: false counts nothing, for tests.
    #[must_use]
    pub fn new(on: bool, db: Db, secrets: &[Secret]) -> Self {
        let (strangers, known) = (Gates::new(), Gates::new());
        Self(Arc::new(Inner { on, db, keys: Keys::new(secrets), refused: Mutex::default(), strangers, known }))
    }

    /// Counts a try by its address alone.
    ///
    /// # Errors
    /// [`AppError::TooMany`]; of the database.
    pub async fn count(&self, source: &Source, limit: Limit) -> Result<Try, AppError> {
        let limits = self.by_address(source, limit);
        self.refuse_any_again(&limits)?;
        let counted = self.count_all(limits).await?;
        Ok(Try { lane: Lane::Stranger, guesses: self.clone(), counted, _turn: None })
    }

    /// Counts something that `user` does, by the account alone.
    ///
    /// # Errors
    /// [`AppError::TooMany`]; of the database.
    pub async fn count_of(&self, user: UserId, limit: Limit) -> Result<Try, AppError> {
        let limits = vec![(self.0.keys.of(&[limit.name.as_bytes(), b"user", &user.0.to_be_bytes()]), limit)];
        self.refuse_any_again(&limits)?;
        let counted = self.count_all(limits).await?;
        Ok(Try { lane: Lane::Known, guesses: self.clone(), counted, _turn: None })
    }

    /// What a try from there counts against: the address, then the networks around it.
    fn by_address(&self, source: &Source, limit: Limit) -> Vec<(Key, Limit)> {
        let keys = &self.0.keys;
        let wider = address::wider(source.address).map(|wider| {
            let key = keys.of(&[limit.name.as_bytes(), &[wider.bits], &wider.network.octets()]);
            (key, Limit { count: limit.count.saturating_mul(wider.factor), ..limit })
        });
        std::iter::once(self.by_this_address(source, limit)).chain(wider).collect()
    }

    fn by_this_address(&self, source: &Source, limit: Limit) -> (Key, Limit) {
        (self.0.keys.of(&[limit.name.as_bytes(), &source.bytes()]), limit)
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
            // Not by the networks around it, which are nothing to an address that turns out to be known.
            let (key, limit) = self.by_this_address(source, PASSWORDS_BY_ADDRESS);
            self.refuse_again(&key, limit)?;
        }
        let (guesses, from, login) = (self.clone(), source.clone(), named(login));
        let (user, Counters { lane, gate, limits }) = self
            .0
            .db
            .read(move |conn| {
                let user = User::by_login(conn, &login)?;
                let counters = guesses.counters(conn, &from, user.as_ref().map(|user| user.id), &login)?;
                QueryResult::Ok((user, counters))
            })
            .await?;
        self.refuse_any_again(&limits)?;
        let turn = self.turn(lane, &gate).await?;
        let counted = self.count_all(limits).await?;
        Ok((user, Try { lane, guesses: self.clone(), counted, _turn: Some(turn) }))
    }

    /// Counts a try at the password of somebody who is signed in.
    ///
    /// # Errors
    /// As [`Guesses::at_password_of`].
    pub async fn at_own_password(&self, user: UserId) -> Result<Try, AppError> {
        let account = user.0.to_be_bytes();
        let turn = self.turn(Lane::Known, &account).await?;
        let limits = vec![(self.0.keys.of(&[b"own password", &account]), PASSWORDS_BY_ACCOUNT)];
        let counted = self.count_all(limits).await?;
        Ok(Try { lane: Lane::Known, guesses: self.clone(), counted, _turn: Some(turn) })
    }

    /// Under what it is remembered that `user` has logged in from there: for [`tries::know`].
    #[must_use]
    pub fn place(&self, source: &Source, user: UserId) -> Key {
        self.0.keys.of(&[b"known", b"user", &user.0.to_be_bytes(), &source.bytes()])
    }

    /// What a try counts against, and which lane it is in.
    fn counters(
        &self,
        conn: &mut PgConnection,
        source: &Source,
        user: Option<UserId>,
        login: &str,
    ) -> QueryResult<Counters> {
        let keys = &self.0.keys;
        // A name that nobody has is counted as one that somebody has, so that the answers do not tell them apart.
        let (kind, account) = match user {
            Some(user) => (&b"user"[..], user.0.to_be_bytes().to_vec()),
            None => (&b"name"[..], login.to_lowercase().into_bytes()),
        };
        let place = source.bytes();
        let known_place = keys.of(&[b"known", kind, &account, &place]);
        let device = user.and_then(|user| source.device.as_ref()?.knows(user));
        let (lane, gate, mut limits, by_account) = match device {
            Some(device) => (
                Lane::Known,
                device.as_bytes().to_vec(),
                vec![(keys.of(&[b"address of device", device.as_bytes(), &account]), PASSWORDS_BY_ADDRESS)],
                keys.of(&[b"device", device.as_bytes(), &account]),
            ),
            // Of its networks only the narrowest counts: what others around it do must not keep its people out.
            None if tries::is_known(conn, &known_place)? => (
                Lane::Known,
                place.clone(),
                vec![self.by_this_address(source, PASSWORDS_BY_ADDRESS)],
                keys.of(&[b"place", kind, &account, &place]),
            ),
            None => (Lane::Stranger, place, self.by_address(source, PASSWORDS_BY_ADDRESS), keys.of(&[kind, &account])),
        };
        limits.push((by_account, PASSWORDS_BY_ACCOUNT));
        Ok(Counters { lane, gate, limits })
    }

    async fn count_all(&self, limits: Vec<(Key, Limit)>) -> Result<Vec<Key>, AppError> {
        if !self.0.on {
            return Ok(Vec::new());
        }
        let guesses = self.clone();
        self.0.db.read(move |conn| guesses.take_all(conn, &limits)).await
    }

    /// Counts a try against all of these, or against none when one of them is used up.
    fn take_all(&self, conn: &mut PgConnection, limits: &[(Key, Limit)]) -> Result<Vec<Key>, AppError> {
        let mut counted = Vec::new();
        for (key, limit) in limits {
            if let Err(refusal) = self.take(conn, key, *limit) {
                counted.iter().try_for_each(|key| tries::give_back(conn, key))?;
                return Err(refusal);
            }
            counted.push(*key);
        }
        Ok(counted)
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
            refused.insert(*key, Refused { repeated: now + wait.min(REPEATED), room: now + wait });
        }
        tracing::info!(limit = limit.name, "too many tries");
        Err(AppError::TooMany(TooMany { limit, wait }))
    }

    async fn turn(&self, lane: Lane, whose: &[u8]) -> Result<OwnedSemaphorePermit, AppError> {
        let gates = match lane {
            Lane::Known => &self.0.known,
            Lane::Stranger => &self.0.strangers,
        };
        gates.turn(&self.0.keys.of(&[b"gate", whose])).await
    }

    /// Whether one of these is used up, as far as this process remembers. Costs nothing.
    fn refuse_any_again(&self, limits: &[(Key, Limit)]) -> Result<(), AppError> {
        limits.iter().try_for_each(|(key, limit)| self.refuse_again(key, *limit))
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
}

/// What is looked up and counted of a name that somebody typed. No name or address is longer than that.
fn named(login: &str) -> String {
    login.trim().chars().take(255).collect()
}

impl Try {
    /// It was no guess.
    ///
    /// # Errors
    /// Of the database.
    pub async fn take_back(self) -> Result<(), AppError> {
        let Self { guesses, counted, _turn, lane: _ } = self;
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
