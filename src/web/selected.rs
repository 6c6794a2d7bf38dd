//! The photos that somebody has selected on a page: `photo=…&photo=…`.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::error::AppError;
use crate::models::PhotoId;
use crate::web::forms::Pairs;

/// The most photos that can be selected at a time.
pub const MOST_SELECTED: usize = 5_000;

/// Photos that somebody has selected, each once.
pub struct Selected(Vec<PhotoId>);

impl Selected {
    /// Those named by the fields `photo`. What is no id is passed over, as no photo has it.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when there are none, or too many.
    pub fn of(form: &Pairs) -> Result<Self, AppError> {
        let mut photos = BTreeSet::new();
        for id in form.all("photo").filter_map(|id| Uuid::try_parse(id).ok()) {
            if photos.len() == MOST_SELECTED {
                return Err(AppError::Invalid(format!("Select at most {MOST_SELECTED} photos at a time.")));
            }
            photos.insert(id);
        }
        if photos.is_empty() {
            return Err(AppError::Invalid("Select one or more photos first.".to_owned()));
        }
        Ok(Self(photos.into_iter().map(PhotoId).collect()))
    }

    /// Their ids; they may be anybody's.
    #[must_use]
    pub fn into_ids(self) -> Vec<PhotoId> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_SELECTED, Selected};

    #[test]
    fn a_selection_has_each_photo_once_and_a_bound() {
        let ids =
            |count: u128| (0..count).map(|id| format!("photo={}&", uuid::Uuid::from_u128(id))).collect::<String>();
        let selected = |form: &str| Selected::of(&serde_urlencoded::from_str(form).unwrap()).map(Selected::into_ids);
        assert_eq!(selected(&ids(3).repeat(2)).unwrap().len(), 3);
        assert_eq!(selected(&ids(MOST_SELECTED as u128)).unwrap().len(), MOST_SELECTED);
        assert!(selected(&ids(MOST_SELECTED as u128 + 1)).is_err());
        assert!(selected("photo=x&photo=").is_err());
    }
}
