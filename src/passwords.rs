//! Passwords: bcrypt, off the async threads and never more at once than the machine has cores.
//!
//! The bound keeps pages fast while a hundred people log in. bcrypt looks at 72 bytes: [`LONGEST`] keeps every byte
//! meaningful.
//!
//! There are two lanes. Of strangers no more wait for a thread than there are threads, and the others wait for that; those who
//! are known from before wait for a thread directly. So a flood of strangers' wrong passwords costs one who is known the time
//! of two or three of them, however many there are.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::rt::time::timeout;
use rayon::ThreadPoolBuildError;
use tokio::sync::Semaphore;

use crate::error::AppError;
use crate::threads::{InFlight, Threads};

/// The shortest password, in characters.
pub const SHORTEST: usize = 8;
/// The longest password, in bytes: bcrypt's 72 less its closing zero.
pub const LONGEST: usize = 71;

/// The longest wait for a thread and its work.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hashes and checks passwords. Clones share the bound.
#[derive(Clone)]
pub struct Passwords {
    cost: u32,
    threads: Threads,
    /// As many as there are threads.
    strangers: Arc<Semaphore>,
    /// What the password of an unknown user is compared with, so that knowing and not knowing a name cost the same.
    nobody: Arc<OnceLock<String>>,
}

/// In which order passwords are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody who is signed in, or tries at an account from a device or an address from which its owner has logged in.
    Known,
    /// Everybody else.
    Stranger,
}

impl Passwords {
    /// Starts the threads for it. `cost` is bcrypt's: each step doubles the work.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(cost: u32, pages: &InFlight) -> Result<Self, ThreadPoolBuildError> {
        let threads = Threads::start("bcrypt", pages)?;
        let strangers = Arc::new(Semaphore::new(threads.count()));
        Ok(Self { cost, threads, strangers, nobody: Arc::default() })
    }

    /// The hash to keep.
    ///
    /// # Errors
    /// When the password is over [`LONGEST`] or the machine has no random numbers.
    pub async fn hash(&self, lane: Lane, password: String) -> Result<String, AppError> {
        let cost = self.cost;
        self.run(lane, move || bcrypt::non_truncating_hash(password, cost)).await
    }

    /// Whether `password` belongs to `hash`; without a hash it takes as long and is false.
    ///
    /// # Errors
    /// When the kept hash is none.
    pub async fn verify(&self, lane: Lane, password: String, hash: Option<String>) -> Result<bool, AppError> {
        let (cost, nobody) = (self.cost, Arc::clone(&self.nobody));
        self.run(lane, move || {
            // Nobody's password can be this long, so what is too long is compared in the same time and fails.
            let password = if password.len() > LONGEST { String::new() } else { password };
            let known = hash.is_some();
            let hash = match hash {
                Some(hash) => hash,
                None => match nobody.get() {
                    Some(hash) => hash.clone(),
                    None => {
                        let made = bcrypt::non_truncating_hash("nobody", cost)?;
                        nobody.get_or_init(|| made).clone()
                    }
                },
            };
            Ok(bcrypt::non_truncating_verify(password, &hash)? && known)
        })
        .await
    }

    /// Makes nobody's hash ahead of the first login, which would otherwise take twice as long.
    pub async fn warm_up(&self) {
        match self.hash(Lane::Stranger, "nobody".to_owned()).await {
            Ok(hash) => drop(self.nobody.set(hash)),
            Err(error) => tracing::warn!(%error, "passwords"),
        }
    }

    /// How many passwords may be worked on at once, and how many are.
    #[must_use]
    pub fn usage(&self) -> (u64, u64) {
        (self.threads.count() as u64, self.threads.busy() as u64)
    }

    async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        job: impl FnOnce() -> Result<T, bcrypt::BcryptError> + Send + 'static,
    ) -> Result<T, AppError> {
        let work = async {
            let turn = match lane {
                Lane::Known => None,
                Lane::Stranger => Some(Arc::clone(&self.strangers).acquire_owned().await.map_err(AppError::internal)?),
            };
            let job = move || {
                let done = job();
                drop(turn);
                done
            };
            self.threads.run(job).await
        };
        let done = timeout(PATIENCE, work).await;
        done.map_err(|_| AppError::unavailable("too many passwords wait to be checked"))??.map_err(AppError::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    #[tokio::test]
    async fn one_who_is_known_waits_for_no_more_strangers_than_there_are_threads_twice() {
        let passwords = Passwords::start(4, &InFlight::default()).unwrap();
        let threads = passwords.threads.count();
        let (next, turns) = channel();
        let turns = Arc::new(Mutex::new(turns));
        let order = Arc::new(Mutex::new(Vec::new()));
        let begin = |lane: Lane, who: &'static str| {
            let (passwords, turns, order) = (passwords.clone(), Arc::clone(&turns), Arc::clone(&order));
            tokio::spawn(async move {
                passwords
                    .run(lane, move || {
                        let turn: Result<(), _> = Receiver::recv(&turns.lock().unwrap());
                        order.lock().unwrap().push(who);
                        turn.map_err(|_| bcrypt::BcryptError::InvalidHash(String::new()))
                    })
                    .await
            })
        };
        let strangers: Vec<_> = (0..50).map(|_| begin(Lane::Stranger, "stranger")).collect();
        while passwords.threads.busy() < threads {
            tokio::task::yield_now().await;
        }
        let known = begin(Lane::Known, "known");
        // It waits for a thread when it has been polled once.
        tokio::task::yield_now().await;
        (0..51).for_each(|_| next.send(()).unwrap());
        known.await.unwrap().unwrap();
        for stranger in strangers {
            stranger.await.unwrap().unwrap();
        }
        let before = order.lock().unwrap().iter().position(|who| *who == "known").unwrap();
        assert!(before <= 2 * threads, "{before} strangers came first");
    }
}
