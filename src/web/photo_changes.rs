//! What an owner may change of a photo, by the form on its page or by the API.

use diesel::{PgConnection, QueryResult};
use serde::Deserialize;

use crate::models::{Hashtag, Photo, PhotoId, UserId, Visibility, hashtag};
use crate::web::forms::Field;

/// What is to change; what is absent stays.
#[derive(Default, Deserialize)]
pub struct Typed {
    /// May be empty.
    pub title: Option<String>,
    /// A list as people type it.
    pub hashtags: Option<String>,
    /// `private`, `link` or `public`.
    pub visibility: Option<String>,
}

/// Changes that can be saved.
pub struct Changes {
    title: Option<String>,
    /// What it is to carry.
    pub hashtags: Option<Vec<Hashtag>>,
    /// Who is to see it.
    pub visibility: Option<Visibility>,
}

/// The fields as they were typed, with what is wrong with them.
pub struct Wrong {
    /// The title, if it was sent.
    pub title: Option<Field>,
    /// The hashtags, if they were sent.
    pub hashtags: Option<Field>,
    /// What was sent is no visibility; no form of ours can send it.
    pub visibility: bool,
}

impl Changes {
    /// Checks what was typed.
    ///
    /// # Errors
    /// [`Wrong`]: everything that is wrong.
    pub fn parse(typed: Typed) -> Result<Self, Wrong> {
        let mut title = typed.title.as_deref().map(|typed| Field::of(typed.trim()));
        if let Some(field) = &mut title
            && (field.value.chars().count() > 200 || field.value.chars().any(char::is_control))
        {
            field.refuse("Use at most 200 characters, on one line.");
        }
        let names = typed.hashtags.as_deref().map(Hashtag::parse_list);
        let mut hashtags = typed.hashtags.map(Field::of);
        if let (Some(field), Some(Err(error))) = (&mut hashtags, &names) {
            field.refuse(error.to_string());
        }
        let chosen = typed.visibility.as_deref().map(Visibility::parse);
        let visibility = chosen == Some(None);
        let title_is_fine = title.as_ref().is_none_or(Field::is_fine);
        match names.transpose() {
            Ok(hashtags) if title_is_fine && !visibility => {
                Ok(Self { title: title.map(|field| field.value), hashtags, visibility: chosen.flatten() })
            }
            _ => Err(Wrong { title, hashtags, visibility }),
        }
    }

    /// Saves all of them.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when `owner` has no such photo, else of the database.
    pub fn save(&self, conn: &mut PgConnection, owner: UserId, id: PhotoId) -> QueryResult<()> {
        hashtag::lock_owner(conn, owner)?;
        Photo::owned_by(conn, owner, id)?;
        if let Some(title) = &self.title {
            Photo::set_title(conn, owner, id, title)?;
        }
        if let Some(hashtags) = &self.hashtags {
            Hashtag::replace(conn, owner, id, hashtags)?;
        }
        if let Some(visibility) = self.visibility {
            Photo::set_visibility(conn, owner, id, visibility)?;
        }
        Ok(())
    }
}
