//! Saving only what changed: a new value comes with the value that its author saw, and is compared with what is stored
//! under the lock of the row.
//!
//! Setters of stored fields take an [`Edit`], so that a form that was drawn some time ago cannot bring an old value back.

/// A new value for a stored field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<T> {
    to: T,
    seen: Option<T>,
}

/// Names of the fields that were changed by somebody else since they were seen: nothing was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale(pub Vec<&'static str>);

impl Stale {
    /// Whether this field was changed since it was seen.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.contains(&field)
    }
}

impl<T: PartialEq> Edit<T> {
    /// By somebody who saw `seen`.
    pub fn of(seen: T, to: T) -> Self {
        Self { to, seen: Some(seen) }
    }

    /// By a program or a person at the terminal, who sets a value whatever it was.
    pub fn blind(to: T) -> Self {
        Self { to, seen: None }
    }

    /// What the field is to be, where it is `now`. `None`: it stays as it is.
    fn onto(self, now: &T) -> Result<Option<T>, ()> {
        match self.seen {
            Some(seen) if seen == self.to => Ok(None),
            Some(seen) if seen != *now && self.to != *now => Err(()),
            _ => Ok(Some(self.to).filter(|to| to != now)),
        }
    }
}

/// Compares the edits of one row with what is stored.
#[derive(Debug, Default)]
pub struct Merge {
    stale: Vec<&'static str>,
}

impl Merge {
    /// What `field` is to be, where it is `now`. `None`: it stays as it is.
    pub fn field<T: PartialEq>(&mut self, field: &'static str, edit: Option<Edit<T>>, now: &T) -> Option<T> {
        match edit?.onto(now) {
            Ok(to) => to,
            Err(()) => {
                self.stale.push(field);
                None
            }
        }
    }

    /// To be asked before anything is saved.
    ///
    /// # Errors
    /// [`Stale`] when a field was changed since it was seen.
    pub fn finish(self) -> Result<(), Stale> {
        if self.stale.is_empty() { Ok(()) } else { Err(Stale(self.stale)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Edit, Merge, Stale};

    #[test]
    fn only_what_its_author_changed_is_saved() {
        // The value seen, the value sent, the value stored; what is saved.
        for (seen, to, now, saved) in [
            (Some("a"), "a", "a", Ok(None)),
            (Some("a"), "b", "a", Ok(Some("b"))),
            (Some("a"), "a", "c", Ok(None)),
            (Some("a"), "b", "b", Ok(None)),
            (Some("a"), "b", "c", Err(Stale(vec!["title"]))),
            (None, "b", "c", Ok(Some("b"))),
            (None, "b", "b", Ok(None)),
        ] {
            let mut merge = Merge::default();
            let to = merge.field("title", Some(Edit { to, seen }), &now);
            assert_eq!(merge.finish().map(|()| to), saved, "{seen:?} {to:?} {now}");
        }
        let mut merge = Merge::default();
        assert_eq!((merge.field("title", None, &"now"), merge.finish()), (None, Ok(())));
    }
}
