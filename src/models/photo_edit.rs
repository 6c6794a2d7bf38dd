//! Changing a photo: the one place where title, hashtags and visibility of a photo that is there are saved.

use diesel::prelude::*;

use crate::models::edit::{Edit, Merge, Stale};
use crate::models::{Hashtag, Photo, PhotoId, UserId, Visibility, hashtag};

/// What is to change; what is `None` stays.
#[derive(Debug, Default)]
pub struct PhotoEdit {
    /// May be empty.
    pub title: Option<Edit<String>>,
    /// All that it is to carry, sorted as [`Hashtag::parse_list`] does.
    pub hashtags: Option<Edit<Vec<Hashtag>>>,
    /// Who is to see it.
    pub visibility: Option<Edit<Visibility>>,
}

impl PhotoEdit {
    /// Saves all of it, or nothing when a field was changed since it was seen. The photo is held until the transaction
    /// ends, so that two who save at once come one after the other.
    ///
    /// # Errors
    /// [`diesel::NotFound`] when `owner` has no such photo, else of the database.
    pub fn save(self, conn: &mut PgConnection, owner: UserId, id: PhotoId) -> QueryResult<Result<(), Stale>> {
        hashtag::lock_owner(conn, owner)?;
        let photo = Photo::hold(conn, owner, id)?;
        let mut merge = Merge::default();
        let title = merge.field("title", self.title, &photo.title);
        let hashtags = match self.hashtags {
            Some(edit) => merge.field("hashtags", Some(edit), &Hashtag::on_photo(conn, id)?),
            None => None,
        };
        let visibility = merge.field("visibility", self.visibility, &photo.visibility());
        if let Err(stale) = merge.finish() {
            return Ok(Err(stale));
        }
        if let Some(title) = title {
            Photo::set_title(conn, owner, id, &title)?;
        }
        if let Some(hashtags) = hashtags {
            Hashtag::replace(conn, owner, id, &hashtags)?;
        }
        if let Some(visibility) = visibility {
            Photo::set_visibility(conn, owner, id, visibility)?;
        }
        Ok(Ok(()))
    }
}
