//! Room for files that are being received: every temporary file holds some, and no byte is written to one that it has not.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// How many bytes of one person are being received, and how many may be. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Entry>);

#[derive(Debug, Default)]
struct Entry {
    held: AtomicU64,
    most: AtomicU64,
}

/// What one temporary file holds of a [`Ledger`]. Given back when dropped.
#[derive(Debug)]
pub struct Room {
    ledger: Option<Ledger>,
    held: u64,
}

/// There is no room for these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

impl Ledger {
    /// From now on there may be so many bytes. What is held already stays.
    pub fn allow(&self, most: u64) {
        self.0.most.store(most, Relaxed);
    }

    /// Room for one more file, which holds nothing yet.
    #[must_use]
    pub fn room(&self) -> Room {
        Room { ledger: Some(self.clone()), held: 0 }
    }

    /// Whether a file or anybody else still knows of it.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Room {
    /// For bytes that nobody sends: copies that Lumina makes for itself, each of which has bounds of its own.
    #[must_use]
    pub fn of_our_own() -> Self {
        Self { ledger: None, held: 0 }
    }

    /// Whether somebody sends the bytes.
    pub(super) fn is_for_an_upload(&self) -> bool {
        self.ledger.is_some()
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// [`NoRoom`]; nothing more is held then.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), NoRoom> {
        let Some(Ledger(entry)) = &self.ledger else { return Ok(()) };
        let most = entry.most.load(Relaxed);
        let grown = |held: u64| held.checked_add(bytes).filter(|held| *held <= most);
        entry.held.fetch_update(Relaxed, Relaxed, grown).map_err(|_| NoRoom)?;
        self.held += bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(Ledger(entry)) = &self.ledger {
            entry.held.fetch_sub(self.held, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_of_a_person_together_hold_no_more_than_is_allowed() {
        let ledger = Ledger::default();
        ledger.allow(10);
        let (mut one, mut other) = (ledger.room(), ledger.clone().room());
        assert_eq!((one.grow(6), other.grow(4)), (Ok(()), Ok(())));
        assert_eq!(other.grow(1), Err(NoRoom));
        drop(one);
        assert_eq!(other.grow(6), Ok(()));
        ledger.allow(0);
        assert_eq!(other.grow(1), Err(NoRoom));
        drop(other);
        assert!(!ledger.is_in_use());
        assert_eq!(ledger.0.held.load(Relaxed), 0);
        assert_eq!(Room::of_our_own().grow(u64::MAX), Ok(()));
    }
}
