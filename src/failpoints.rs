//! Points at which tests end the process as `kill -9` would, to see what a crash leaves at each step.
//!
//! They exist only with the feature `failpoints`, which `./dev test` switches on and a release build refuses. Without it
//! [`FailPoint::reach`] is nothing. `LUMINA_FAIL_AT=original-put` ends the process where an original has been put in;
//! `LUMINA_FAIL_AT=rendition-put:2` when it gets there for the second time.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("the feature `failpoints` is for tests: a release build has none of them");

/// Whether this build has them.
pub const ENABLED: bool = cfg!(feature = "failpoints");

/// The environment variable that names one.
pub const VARIABLE: &str = "LUMINA_FAIL_AT";

/// A step of taking photos in, deleting them or sweeping up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// A file has arrived whole.
    Staged,
    /// Its renditions are made.
    Processed,
    /// That objects are coming is written down.
    Announced,
    /// A rendition has been put in; three times for a still photo.
    RenditionPut,
    /// The original has been put in.
    OriginalPut,
    /// The photo's row is inserted, and not committed.
    Inserted,
    /// The photo's row is committed, and nobody told.
    Kept,
    /// A file that was put into the storage past us is a photo, and the row of its upload says so.
    Confirmed,
    /// Photos' rows are moved to the removals, and that not committed.
    Removed,
    /// That is committed, and nobody told.
    LetGo,
    /// Photos' rows are moved back, and that not committed.
    Restored,
    /// That is committed, and nobody told.
    TakenBack,
    /// The sweeper has claimed photos whose objects are to go.
    Claimed,
    /// One object of a photo has been removed; five times for each photo.
    ObjectRemoved,
    /// All objects that can be have been removed, and the removals are still there.
    ObjectsRemoved,
    /// The removals are crossed out.
    Swept,
}

impl FailPoint {
    /// All of them, in the order of a photo's life.
    pub const ALL: [Self; 16] = [
        Self::Staged,
        Self::Processed,
        Self::Announced,
        Self::RenditionPut,
        Self::OriginalPut,
        Self::Inserted,
        Self::Kept,
        Self::Confirmed,
        Self::Removed,
        Self::LetGo,
        Self::Restored,
        Self::TakenBack,
        Self::Claimed,
        Self::ObjectRemoved,
        Self::ObjectsRemoved,
        Self::Swept,
    ];

    /// As [`VARIABLE`] names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Processed => "processed",
            Self::Announced => "announced",
            Self::RenditionPut => "rendition-put",
            Self::OriginalPut => "original-put",
            Self::Inserted => "inserted",
            Self::Kept => "kept",
            Self::Confirmed => "confirmed",
            Self::Removed => "removed",
            Self::LetGo => "let-go",
            Self::Restored => "restored",
            Self::TakenBack => "taken-back",
            Self::Claimed => "claimed",
            Self::ObjectRemoved => "object-removed",
            Self::ObjectsRemoved => "objects-removed",
            Self::Swept => "swept",
        }
    }

    /// The process gets here. When that was asked for, it gets no further.
    #[cfg(feature = "failpoints")]
    pub fn reach(self) {
        use std::sync::OnceLock;
        use std::sync::atomic::{AtomicU32, Ordering};

        static ASKED: OnceLock<Option<(String, u32)>> = OnceLock::new();
        static TIMES: AtomicU32 = AtomicU32::new(0);
        let asked = ASKED.get_or_init(|| {
            let text = std::env::var(VARIABLE).ok()?;
            let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
            Some((name.to_owned(), times.parse().ok()?))
        });
        if let Some((name, times)) = asked
            && name == self.name()
            && TIMES.fetch_add(1, Ordering::SeqCst) + 1 == *times
        {
            use rustix::process::{Signal, getpid, kill_process};
            // No destructor runs and nothing is flushed. The signal arrives before the call returns.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }

    /// Nothing.
    #[cfg(not(feature = "failpoints"))]
    #[inline]
    pub fn reach(self) {}
}
