//! Passwords: bcrypt, off the async threads and never more at once than the machine has cores.
//!
//! The bound keeps pages fast while a hundred people log in. bcrypt looks at 72 bytes: [`LONGEST`] keeps every byte
//! meaningful.
//!
//! There are two lanes. Of strangers no more wait for a thread than there are threads, and the others wait for that; those who
//! are known from before wait for a thread directly. So a flood of strangers' wrong passwords costs one who is known the time
//! of two or three of them, however many there are.
//!
//! Keyboards and systems send the same letters as different code points. So a password is [normalised] before it is hashed or
//! compared (NIST SP 800-63B, 5.1.1.2). Hashes from before that was so are of what was typed: they are compared too, and renewed.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::timeout;
use rayon::ThreadPoolBuildError;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::error::AppError;
use crate::threads::{InFlight, Threads};

/// The shortest password, in characters.
pub const SHORTEST: usize = 8;
/// The longest password once it is normalised, in bytes: bcrypt's 72 less its closing zero.
pub const LONGEST: usize = 71;

/// The longest wait for a thread and its work.
const PATIENCE: Duration = Duration::from_secs(30);

/// The one form of a password, however it is typed: RFC 8265's `OpaqueString`, of which everything else is checked where it
/// is chosen.
#[must_use]
pub fn normalised(password: &str) -> String {
    let is_space =
        |c| matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}');
    password.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect()
}

/// Whether a password is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not.
    Wrong,
    /// It is.
    Right,
    /// It is, and the hash is of what was typed: it should be renewed.
    RightAsTyped,
}

impl Verdict {
    /// It is.
    #[must_use]
    pub fn is_right(self) -> bool {
        self != Self::Wrong
    }
}

/// Hashes and checks passwords. Clones share the bound.
#[derive(Clone)]
pub struct Passwords {
    cost: u32,
    threads: Threads,
    /// As many as there are threads.
    strangers: Arc<Semaphore>,
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
        Ok(Self { cost, threads, strangers })
    }

    /// The hash to keep.
    ///
    /// # Errors
    /// When the password is over [`LONGEST`] or the machine has no random numbers.
    pub async fn hash(&self, lane: Lane, password: String) -> Result<String, AppError> {
        let cost = self.cost;
        self.run(lane, move || bcrypt::non_truncating_hash(normalised(&password), cost)).await
    }

    /// Whether `password` belongs to `hash`; without a hash it takes as long and is wrong.
    ///
    /// # Errors
    /// When the kept hash is none.
    pub async fn verify(&self, lane: Lane, password: String, hash: Option<String>) -> Result<Verdict, AppError> {
        let cost = self.cost;
        self.run(lane, move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| nobody(cost));
            let normal = normalised(&password);
            Ok(match is_of(&normal, &hash)? {
                true if known => Verdict::Right,
                false if normal != password && is_of(&password, &hash)? && known => Verdict::RightAsTyped,
                _ => Verdict::Wrong,
            })
        })
        .await
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

/// What the password of an unknown user is compared with, so that knowing and not knowing a name cost the same: a hash that is
/// zero, with a salt of zero.
fn nobody(cost: u32) -> String {
    format!("$2b${cost:02}${}", ".".repeat(53))
}

/// Nobody's password can be longer than allowed, so what is too long is compared in the same time and fails.
fn is_of(password: &str, hash: &str) -> Result<bool, bcrypt::BcryptError> {
    let fits = password.len() <= LONGEST;
    Ok(bcrypt::non_truncating_verify(if fits { password } else { "" }, hash)? && fits)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    #[tokio::test]
    async fn nobodys_password_is_compared_as_anybodys_and_wrong() {
        let passwords = Passwords::start(4, &InFlight::default()).unwrap();
        for password in ["", "nobody", "a password", &"long".repeat(30)] {
            let verdict = passwords.verify(Lane::Stranger, password.to_owned(), None).await;
            assert_eq!(verdict.unwrap(), Verdict::Wrong, "{password}");
        }
    }

    #[tokio::test]
    async fn one_who_is_known_waits_for_no_more_strangers_than_there_are_threads_twice() {
        let passwords = Passwords::start(4, &InFlight::default()).unwrap();
        let threads = passwords.threads.count();
        let (next, turns) = channel();
        let turns = Arc::new(Mutex::new(turns));
        let order = Arc::new(Mutex::new(Vec::new()));
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        let begin = |lane: Lane, who: &'static str| {
            let (passwords, turns, order) = (passwords.clone(), Arc::clone(&turns), Arc::clone(&order));
            tokio::spawn(async move {
                passwords
                    .run(lane, move || {
                        let turn: Result<(), _> = Receiver::recv(&turns.lock().unwrap());
                        order.lock().unwrap().push(who);
                        turn.map_err(|_| bcrypt::BcryptError::InvalidHash(""))
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

    #[test]
    fn one_password_has_one_form_on_every_keyboard() {
        assert_eq!(normalised("Cafe\u{301} noir"), "Caf\u{e9} noir");
        assert_eq!(normalised("Caf\u{e9}\u{a0}noir\u{3000}"), "Caf\u{e9} noir ");
        // Not NFKC: these are different letters to whoever chose them.
        assert_ne!(normalised("\u{fb01}"), "fi");
    }
}
