//! Passwords: bcrypt, off the async threads and never more at once than the machine has cores.
//!
//! The bound keeps pages fast while a hundred people log in. bcrypt looks at 72 bytes: [`LONGEST`] keeps every byte
//! meaningful.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::rt::time::timeout;
use rayon::ThreadPoolBuildError;

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
    /// What the password of an unknown user is compared with, so that knowing and not knowing a name cost the same.
    nobody: Arc<OnceLock<String>>,
}

impl Passwords {
    /// Starts the threads for it. `cost` is bcrypt's: each step doubles the work.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(cost: u32, pages: &InFlight) -> Result<Self, ThreadPoolBuildError> {
        Ok(Self { cost, threads: Threads::start("bcrypt", pages)?, nobody: Arc::default() })
    }

    /// The hash to keep.
    ///
    /// # Errors
    /// When the password is over [`LONGEST`] or the machine has no random numbers.
    pub async fn hash(&self, password: String) -> Result<String, AppError> {
        let cost = self.cost;
        self.run(move || bcrypt::non_truncating_hash(password, cost)).await
    }

    /// Whether `password` belongs to `hash`; without a hash it takes as long and is false.
    ///
    /// # Errors
    /// When the kept hash is none.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, AppError> {
        let (cost, nobody) = (self.cost, Arc::clone(&self.nobody));
        self.run(move || {
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
        match self.hash("nobody".to_owned()).await {
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
        job: impl FnOnce() -> Result<T, bcrypt::BcryptError> + Send + 'static,
    ) -> Result<T, AppError> {
        let done = timeout(PATIENCE, self.threads.run(job)).await;
        done.map_err(|_| AppError::unavailable("too many passwords wait to be checked"))??.map_err(AppError::internal)
    }
}
