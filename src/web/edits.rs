//! Saving only what changed. A form sends each stored field twice: as it is now (`title`) and as it was when the page was
//! drawn (`was_title`). What the person did not change stays as it is stored by now, and what somebody else changed
//! meanwhile is not overwritten: the page comes back (409) with what is stored, and what was typed beside it.
//!
//! Programs may leave `was_…` out: they set what they send. The comparison itself is [`Edit`]'s, under the lock of the row.

use crate::error::AppError;
use crate::models::{Edit, Stale};
use crate::web::forms::{Field, Pairs};

/// Said beside a field that was changed meanwhile.
const CHANGED: &str =
    "This was changed meanwhile, in another tab or on another device. What you entered was not saved.";

/// Said above a form that was not saved for that reason.
pub const NOT_SAVED: &str =
    "Not saved: something here was changed meanwhile. Look at it as it is now, then save again.";

/// One field as it was sent.
#[derive(Debug, Default, Clone)]
pub struct Input {
    /// What it is to be.
    pub value: String,
    /// What it was on the page that was filled in, if that was sent along.
    pub was: Option<String>,
}

impl Pairs {
    /// The field of this name, if it was sent.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<Input> {
        let value = self.all(name).next()?.to_owned();
        let was = self.all(&format!("was_{name}")).next().map(str::to_owned);
        Some(Input { value, was })
    }
}

impl Input {
    /// From a program that saw no page.
    #[must_use]
    pub fn blind(value: String) -> Self {
        Self { value, was: None }
    }

    /// Of a field that was not sent: it stays as it is.
    #[must_use]
    pub fn untouched(stored: &str) -> Self {
        Self { value: stored.to_owned(), was: Some(stored.to_owned()) }
    }

    /// Whether it is as the page had it.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.was.as_deref().is_some_and(|was| was.trim() == self.value.trim())
    }

    /// What is wrong with it. Nothing where the person did not touch it: it will not be saved.
    #[must_use]
    pub fn checked(&self, check: impl FnOnce(&str) -> Field) -> Field {
        let field = if self.is_untouched() { Field::of(self.value.trim()) } else { check(&self.value) };
        Field { was: self.was.clone(), ..field }
    }

    /// As the change of a value that forms write in this way.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] when `was_…` is nothing that a page of ours has written. What is wrong with the value itself
    /// was said by [`Input::checked`].
    pub fn edit<T: PartialEq>(&self, read: impl Fn(&str) -> Option<T>) -> Result<Edit<T>, AppError> {
        let read = |text: &str| read(text).ok_or_else(|| AppError::BadRequest("The form is not complete.".to_owned()));
        let to = read(&self.value)?;
        match &self.was {
            Some(was) => Ok(Edit::of(read(was)?, to)),
            None => Ok(Edit::blind(to)),
        }
    }

    /// As the change of a text.
    #[must_use]
    pub fn text_edit(&self) -> Edit<String> {
        let text = |text: &str| text.trim().to_owned();
        match &self.was {
            Some(was) => Edit::of(text(was), text(&self.value)),
            None => Edit::blind(text(&self.value)),
        }
    }
}

impl Field {
    /// A field of a form that changes what is stored.
    pub fn stored(value: impl Into<String>) -> Self {
        let value = value.into();
        Self { was: Some(value.clone()), ..Self::of(value) }
    }

    /// This field, drawn from what is stored, for a form that comes back: what was typed stays, with what is wrong about it.
    #[must_use]
    pub fn again(self, input: &Input, checked: Field) -> Self {
        if input.is_untouched() {
            return self;
        }
        // Where the page did not say what it was drawn from, the next one will.
        Self { was: checked.was.clone().or(self.was), ..checked }
    }

    /// As [`Field::again`], after nothing was saved because of stale fields: `name` is this one's.
    #[must_use]
    pub fn after(self, name: &str, stale: &Stale, input: &Input, typed: &str) -> Self {
        if stale.has(name) {
            return Self { errors: vec![CHANGED.to_owned()], typed: Some(typed.to_owned()), ..self };
        }
        let typed = Field { was: input.was.clone(), ..Field::of(input.value.trim()) };
        self.again(input, typed)
    }
}
