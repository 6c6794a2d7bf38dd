//! Which photos an address asks for: `?hashtag=…&hashtag=…&after=…`, in the gallery, on public pages and in the API.

use std::str::FromStr;

use actix_web::HttpRequest;

use crate::error::AppError;
use crate::models::gallery::{Listed, MOST_FILTERS};
use crate::models::{Cursor, Hashtag};
use crate::routes;
use crate::web::forms::Pairs;

/// A hashtag that is filtered by.
pub struct ActiveFilter {
    /// Without `#`.
    pub name: String,
    /// The same listing without it.
    pub remove: String,
}

/// Which part of a listing a URL asks for; by default the beginning of all.
#[derive(Default)]
pub struct Filter {
    /// Normalised names, each once.
    pub hashtags: Vec<String>,
    /// Where the page begins; may be empty.
    after: String,
}

impl Filter {
    /// From `?hashtag=…&hashtag=…&after=…`; empty hashtags are ignored.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] for too many hashtags.
    pub fn of(request: &HttpRequest) -> Result<Self, AppError> {
        let query = Pairs::of_query(request)?;
        let hashtags = Hashtag::filter_names(query.all("hashtag"), MOST_FILTERS)
            .map_err(|_| AppError::BadRequest(format!("Filter by at most {MOST_FILTERS} hashtags.")))?;
        Ok(Self { hashtags, after: query.first("after").to_owned() })
    }

    /// Where the page begins: a [`Cursor`] in links for owners, a link's secret in those for visitors.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] when it is no such thing.
    pub fn after<T: FromStr>(&self) -> Result<Option<T>, AppError> {
        let wrong = "This address does not lead to photos. Start from the first page.";
        let parse = |text: &str| text.parse().map_err(|_| AppError::BadRequest(wrong.to_owned()));
        Some(self.after.as_str()).filter(|text| !text.is_empty()).map(parse).transpose()
    }

    /// The hashtags filtered by, each with the way to drop it.
    #[must_use]
    pub fn active(&self, listing: &str) -> Vec<ActiveFilter> {
        let without = |name: &String| {
            let others: Vec<_> = self.hashtags.iter().filter(|other| *other != name).cloned().collect();
            format!("{listing}{}", routes::listing_query(&others, None))
        };
        self.hashtags.iter().map(|name| ActiveFilter { name: name.clone(), remove: without(name) }).collect()
    }

    /// The query that narrows by one more hashtag.
    #[must_use]
    pub fn narrowed_by(&self, name: &str) -> String {
        let mut hashtags = self.hashtags.clone();
        hashtags.push(name.to_owned());
        routes::listing_query(&hashtags, None)
    }
}

/// Cuts the extra photo that was read to see whether there is a next page, and says where that begins.
pub fn cut_page(listed: &mut Vec<Listed>, page: usize) -> Option<Cursor> {
    let more = listed.len() > page;
    listed.truncate(page);
    listed.last().filter(|_| more).map(|(photo, _)| Cursor::after(photo))
}
