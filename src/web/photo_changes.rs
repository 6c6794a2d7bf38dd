//! What an owner may change of a photo, by the form on its page or by the API.

use crate::error::AppError;
use crate::models::{Hashtag, PhotoEdit, Visibility};
use crate::web::edits::Input;
use crate::web::forms::{Field, Pairs};

/// What is to change; what is absent stays.
#[derive(Default)]
pub struct Typed {
    /// May be empty.
    pub title: Option<Input>,
    /// A list as people type it.
    pub hashtags: Option<Input>,
    /// `private`, `link` or `public`.
    pub visibility: Option<Input>,
}

/// The fields that were sent, with what is wrong with them.
pub struct Checked {
    /// The title.
    pub title: Option<Field>,
    /// The hashtags.
    pub hashtags: Option<Field>,
    /// Who is to see it.
    pub visibility: Option<Field>,
}

impl Typed {
    /// By the form of a page.
    #[must_use]
    pub fn of(form: &Pairs) -> Self {
        Self { title: form.input("title"), hashtags: form.input("hashtags"), visibility: form.input("visibility") }
    }

    /// By a program, which sets what it sends.
    #[must_use]
    pub fn by_program(title: Option<String>, hashtags: Option<String>, visibility: Option<String>) -> Self {
        let [title, hashtags, visibility] = [title, hashtags, visibility].map(|sent| sent.map(Input::blind));
        Self { title, hashtags, visibility }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn checked(&self) -> Checked {
        let checked =
            |input: &Option<Input>, check: fn(&str) -> Field| input.as_ref().map(|input| input.checked(check));
        Checked {
            title: checked(&self.title, checked_title),
            hashtags: checked(&self.hashtags, checked_hashtags),
            visibility: checked(&self.visibility, checked_visibility),
        }
    }

    /// To be saved, once nothing is wrong with it.
    ///
    /// # Errors
    /// As [`Input::edit`].
    pub fn edit(&self) -> Result<PhotoEdit, AppError> {
        let hashtags = |text: &str| Hashtag::parse_list(text).ok();
        Ok(PhotoEdit {
            title: self.title.as_ref().map(Input::text_edit),
            hashtags: self.hashtags.as_ref().map(|input| input.edit(hashtags)).transpose()?,
            visibility: self.visibility.as_ref().map(|input| input.edit(Visibility::parse)).transpose()?,
        })
    }
}

impl Checked {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        [&self.title, &self.hashtags, &self.visibility].into_iter().flatten().all(Field::is_fine)
    }
}

fn checked_title(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    if field.value.chars().count() > 200 || field.value.chars().any(char::is_control) {
        field.refuse("Use at most 200 characters, on one line.");
    }
    field
}

fn checked_hashtags(typed: &str) -> Field {
    let mut field = Field::of(typed);
    if let Err(error) = Hashtag::parse_list(typed) {
        field.refuse(error.to_string());
    }
    field
}

fn checked_visibility(typed: &str) -> Field {
    let mut field = Field::of(typed);
    if Visibility::parse(typed).is_none() {
        field.refuse("Use private, link or public.");
    }
    field
}
