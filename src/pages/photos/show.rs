//! `GET, POST /photos/{id}`: one photo, its facts, and editing them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::app::AppState;
use crate::error::AppError;
use crate::media::RenditionName;
use crate::models::{Cursor, Hashtag, Listing, Photo, PhotoId, Stale, UserId};
use crate::pages::photos::card::{Blur, Chip, Rendition, alt, size};
use crate::pages::photos::facts::Fact;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::edits::NOT_SAVED;
use crate::web::filter::Filter;
use crate::web::forms::{Field, Pairs};
use crate::web::htmx::{Htmx, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;
use crate::web::photo_changes::{Checked, Typed};

#[derive(Template)]
#[template(path = "photos/show.html", blocks = ["details"])]
struct ShowPhoto {
    page: Page,
    id: String,
    alt: String,
    small: Rendition,
    medium: Rendition,
    large: Rendition,
    /// What plays, where the photo does.
    moving: Option<Rendition>,
    original: String,
    blur: Blur,
    width: u32,
    height: u32,
    /// The newer photo of the listing.
    previous: Option<Neighbour>,
    /// The older one.
    next: Option<Neighbour>,
    /// The gallery, as it was filtered.
    back: String,
    /// The filter, to be kept by this page's forms.
    query: String,
    title: Field,
    hashtags: Field,
    chips: Vec<Chip>,
    facts: Vec<Fact>,
    /// As it is stored.
    visibility: &'static str,
    /// As it is chosen in the form.
    choice: Field,
    share: Option<Share>,
    saved: bool,
    /// Nothing was saved, because the photo was changed meanwhile.
    not_saved: Option<&'static str>,
}

struct Neighbour {
    href: String,
    /// To be fetched ahead.
    image: String,
}

/// What can be copied while the photo is shared.
struct Share {
    page_url: String,
    image_url: String,
    markdown: String,
    html: String,
    bbcode: String,
}

/// One of one's own photos.
pub async fn show_photo(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    let view = ShowPhoto::load(&state, page, user.user.id, *id, Filter::of(&request)?).await?;
    htmx.answer(StatusCode::OK, &view, &view.as_details())
}

/// Title, hashtags, visibility: all that were changed, or none when one of them is wrong or was changed meanwhile.
pub async fn update_photo(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    id: web::Path<PhotoId>,
    form: Pairs,
) -> Result<HttpResponse, AppError> {
    let (owner, id, filter) = (user.user.id, *id, Filter::of(&request)?);
    let here = format!("{}{}", routes::photo(&id.to_string()), routes::listing_query(&filter.hashtags, None));
    let typed = Typed::of(&form);
    let checked = typed.checked();
    if !checked.is_fine() {
        let view = ShowPhoto::load(&state, page, owner, id, filter).await?.again(&typed, checked);
        return htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_details());
    }
    let edit = typed.edit()?;
    let outcome = state.db.write(move |conn| edit.save(conn, owner, id)).await?;
    if outcome.is_ok() && !htmx.wants_fragment() {
        Notice::Saved.leave(&state, user.session.id).await;
        return Ok(see_other(&here));
    }
    let view = ShowPhoto::load(&state, page, owner, id, filter).await?;
    let (status, view) = match outcome {
        Ok(()) => (StatusCode::OK, ShowPhoto { saved: true, ..view }),
        Err(stale) => (StatusCode::CONFLICT, view.after(&typed, &stale)),
    };
    htmx.answer(status, &view, &view.as_details())
}

impl ShowPhoto {
    async fn load(state: &AppState, page: Page, owner: UserId, id: PhotoId, filter: Filter) -> Result<Self, AppError> {
        let listing = Listing { owner, only_public: false, hashtags: filter.hashtags.clone() };
        let (photo, file_facts, hashtags, newer, older) = state
            .db
            .read(move |conn| {
                let photo = Photo::owned_by(conn, owner, id)?;
                let facts = Photo::facts(conn, owner, id)?;
                let hashtags = Hashtag::of_photo(conn, id)?;
                let (newer, older) = listing.neighbours(conn, Cursor::after(&photo))?;
                diesel::QueryResult::Ok((photo, facts, hashtags, newer, older))
            })
            .await?;
        let query = routes::listing_query(&filter.hashtags, None);
        let neighbour = |photo: Photo| Neighbour {
            href: format!("{}{query}", routes::photo(&photo.id.to_string())),
            image: Rendition::of(&photo, RenditionName::Medium).url,
        };
        let (width, height) = size(&photo);
        Ok(Self {
            page,
            id: photo.id.to_string(),
            alt: alt(&photo, &hashtags),
            small: Rendition::of(&photo, RenditionName::Small),
            medium: Rendition::of(&photo, RenditionName::Medium),
            large: Rendition::of(&photo, RenditionName::Large),
            moving: photo.animated.then(|| Rendition::of(&photo, RenditionName::Moving)),
            original: routes::original(&photo.id.to_string()),
            blur: Blur::of(&photo),
            width,
            height,
            previous: newer.map(neighbour),
            next: older.map(neighbour),
            back: routes::photos_with(&filter.hashtags),
            query,
            title: Field::stored(photo.title.as_str()),
            hashtags: Field::stored(hashtags.iter().map(|name| format!("#{name}")).collect::<Vec<_>>().join(" ")),
            facts: Fact::all(&photo, &file_facts),
            visibility: photo.visibility().as_str(),
            choice: Field::stored(photo.visibility().as_str()),
            share: photo.share_token.as_deref().map(|token| Share::new(state, &photo, token, &alt(&photo, &hashtags))),
            chips: hashtags.into_iter().map(chip).collect(),
            saved: false,
            not_saved: None,
        })
    }

    /// The page when something is wrong with what was typed.
    fn again(mut self, typed: &Typed, checked: Checked) -> Self {
        let again = |field: Field, input: &Option<_>, checked: Option<Field>| match (input, checked) {
            (Some(input), Some(checked)) => field.again(input, checked),
            _ => field,
        };
        self.title = again(self.title, &typed.title, checked.title);
        self.hashtags = again(self.hashtags, &typed.hashtags, checked.hashtags);
        self.choice = again(self.choice, &typed.visibility, checked.visibility);
        self
    }

    /// The page as it is now, when something was changed since the form was drawn.
    fn after(mut self, typed: &Typed, stale: &Stale) -> Self {
        self.not_saved = Some(NOT_SAVED);
        if let Some(title) = &typed.title {
            self.title = self.title.after("title", stale, title, &title.value);
        }
        if let Some(hashtags) = &typed.hashtags {
            self.hashtags = self.hashtags.after("hashtags", stale, hashtags, &hashtags.value);
        }
        if let Some(choice) = &typed.visibility {
            self.choice = self.choice.after("visibility", stale, choice, who_sees(&choice.value));
        }
        self
    }
}

/// A visibility as the form calls it.
fn who_sees(visibility: &str) -> &'static str {
    match visibility {
        "public" => "Everyone",
        "link" => "Anyone with the link",
        _ => "Only you",
    }
}

fn chip(name: String) -> Chip {
    Chip { href: routes::photos_with(std::slice::from_ref(&name)), name, photos: None }
}

impl Share {
    fn new(state: &AppState, photo: &Photo, token: &str, alt: &str) -> Self {
        let page_url = state.absolute(&routes::shared_photo(token));
        let image_url = state.absolute(&routes::shared_bytes(token, photo.shown_extension()));
        // What Markdown and HTML would take for their own.
        let plain: String = alt.chars().filter(|c| !"[]()<>\"&\\`".contains(*c)).collect();
        Self {
            markdown: format!("[![{plain}]({image_url})]({page_url})"),
            html: format!("<a href=\"{page_url}\"><img src=\"{image_url}\" alt=\"{plain}\"></a>"),
            bbcode: format!("[url={page_url}][img]{image_url}[/img][/url]"),
            page_url,
            image_url,
        }
    }
}
