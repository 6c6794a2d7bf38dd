//! `GET /photos?hashtag=&after=`: the gallery.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::app::AppState;
use crate::error::AppError;
use crate::media::Format;
use crate::models::gallery::Listed;
use crate::models::{Cursor, Hashtag, Listing, UserId};
use crate::pages::photos::card::{Card, Chip, Month, PAGE, months};
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::filter::{ActiveFilter, Filter, cut_page};
use crate::web::htmx::Htmx;
use crate::web::page::Page;
use crate::web::upload_form::Refusal;

/// Hashtags offered to narrow by.
const OFFERED: i64 = 20;

/// The gallery. The answer to an upload is it too: with what came in, and what did not.
#[derive(Template)]
#[template(path = "photos/list.html", blocks = ["grid", "uploaded"])]
pub(super) struct Gallery {
    page: Page,
    filters: Vec<ActiveFilter>,
    /// The most used hashtags; with a filter, those found beside it on this page. Each narrows.
    hashtags: Vec<Chip>,
    months: Vec<Month>,
    /// The page of older photos.
    next: Option<String>,
    /// The first page, where this is not it.
    newest: Option<String>,
    /// There is no photo at all, or else none that matches.
    empty_library: bool,
    pub(super) uploaded: Vec<Card>,
    pub(super) refused: Vec<Refusal>,
    pub(super) upload_hashtags: String,
    limits: Limits,
}

/// What the upload form says before anything is sent.
struct Limits {
    upload_mib: u32,
    files_per_upload: u32,
    megapixels: u32,
    /// For people: "JPEG, PNG or GIF".
    formats: String,
    /// For the browser's file chooser.
    accept: String,
    /// By which scripts know photos in a folder.
    extensions: String,
}

/// A page of photos, newest first.
pub async fn show_gallery(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
) -> Result<HttpResponse, AppError> {
    let view = Gallery::load(&state, page, user.user.id, Filter::of(&request)?).await?;
    htmx.answer(StatusCode::OK, &view, &view.as_grid())
}

impl Gallery {
    /// One page of the gallery, nothing uploaded.
    pub(super) async fn load(state: &AppState, page: Page, owner: UserId, filter: Filter) -> Result<Self, AppError> {
        let listing = Listing { owner, only_public: false, hashtags: filter.hashtags.clone() };
        let after: Option<Cursor> = filter.after()?;
        let (mut listed, most_used) = state
            .db
            .read(move |conn| {
                let listed = listing.page(conn, after, PAGE as i64 + 1)?;
                let filtered = !listing.hashtags.is_empty();
                let most_used = if filtered { Vec::new() } else { Hashtag::most_used(conn, owner, OFFERED)? };
                diesel::QueryResult::Ok((listed, most_used))
            })
            .await?;
        let next = cut_page(&mut listed, PAGE).map(|cursor| {
            format!("{}{}", routes::photos(), routes::listing_query(&filter.hashtags, Some(&cursor.to_string())))
        });
        let query = routes::listing_query(&filter.hashtags, None);
        let offered = if filter.hashtags.is_empty() {
            most_used.into_iter().map(|(name, photos)| (name, Some(photos))).collect()
        } else {
            also_on(&listed, &filter)
        };
        let chip = |(name, photos): (String, Option<i64>)| Chip {
            href: format!("{}{}", routes::photos(), filter.narrowed_by(&name)),
            name,
            photos,
        };
        let view = Self::empty(state, page);
        Ok(Self {
            filters: filter.active(routes::photos()),
            hashtags: offered.into_iter().map(chip).collect(),
            empty_library: listed.is_empty() && filter.hashtags.is_empty() && after.is_none(),
            months: months(listed, after, |photo, hashtags| {
                Card::new(photo, hashtags, format!("{}{query}", routes::photo(&photo.id.to_string())))
            }),
            next,
            newest: after.map(|_| routes::photos_with(&filter.hashtags)),
            ..view
        })
    }

    /// How many of those that came in are new.
    fn added(&self) -> usize {
        self.uploaded.iter().filter(|card| !card.already_here).count()
    }

    /// The page without photos: all that is needed around the answer to one upload.
    pub(super) fn empty(state: &AppState, page: Page) -> Self {
        let limits = &state.config.limits;
        Self {
            page,
            filters: Vec::new(),
            hashtags: Vec::new(),
            months: Vec::new(),
            next: None,
            newest: None,
            empty_library: true,
            uploaded: Vec::new(),
            refused: Vec::new(),
            upload_hashtags: String::new(),
            limits: Limits {
                upload_mib: limits.upload_mib,
                files_per_upload: limits.files_per_upload,
                megapixels: limits.megapixels,
                formats: state.album.formats_in_words(),
                accept: state.album.formats().map(accepted).collect::<Vec<_>>().join(","),
                extensions: state.album.formats().flat_map(Format::extensions).copied().collect::<Vec<_>>().join(" "),
            },
        }
    }
}

/// A format as file choosers know it: by type, and by extension where systems have no type for it.
fn accepted(format: Format) -> String {
    let by_type = [format.content_type()].into_iter().chain((format == Format::Heic).then_some("image/heif"));
    let extensions = if matches!(format, Format::Heic | Format::Avif) { format.extensions() } else { &[] };
    let by_name = extensions.iter().map(|extension| format!(".{extension}"));
    by_type.map(str::to_owned).chain(by_name).collect::<Vec<_>>().join(",")
}

/// The other hashtags of these photos, the commonest first. No counts: there may be more photos than these.
fn also_on(listed: &[Listed], filter: &Filter) -> Vec<(String, Option<i64>)> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for name in listed.iter().flat_map(|(_, names)| names).filter(|name| !filter.hashtags.contains(name)) {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<_> = counts.into_iter().collect();
    names.sort_by_key(|(_, count)| Reverse(*count));
    names.into_iter().take(OFFERED as usize).map(|(name, _)| (name.clone(), None)).collect()
}
