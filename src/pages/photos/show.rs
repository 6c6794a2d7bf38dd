//! `GET, POST /photos/{id}`: one photo, its facts, and editing them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::media::RenditionName;
use crate::models::{Cursor, Hashtag, Listing, Photo, PhotoId, UserId, Visibility, hashtag};
use crate::pages::photos::card::{Blur, Chip, Filter, Rendition, alt, size};
use crate::pages::photos::facts::Fact;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::forms::Field;
use crate::web::htmx::{Htmx, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

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
    visibility: &'static str,
    share: Option<Share>,
    saved: bool,
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

/// What is to change; what is absent stays.
#[derive(Deserialize)]
pub struct PhotoChanges {
    title: Option<String>,
    hashtags: Option<String>,
    visibility: Option<String>,
}

/// Title, hashtags, visibility: all that are sent, or none when one of them is wrong.
pub async fn update_photo(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    id: web::Path<PhotoId>,
    form: web::Form<PhotoChanges>,
) -> Result<HttpResponse, AppError> {
    let (owner, id, filter) = (user.user.id, *id, Filter::of(&request)?);
    let here = format!("{}{}", routes::photo(&id.to_string()), routes::listing_query(&filter.hashtags, None));
    match Changes::parse(form.into_inner()) {
        Ok(changes) => {
            state.db.write(move |conn| changes.save(conn, owner, id)).await?;
            if !htmx.wants_fragment() {
                Notice::Saved.leave(&state, user.session.id).await?;
                return Ok(see_other(&here));
            }
            let mut view = ShowPhoto::load(&state, page, owner, id, filter).await?;
            view.saved = true;
            htmx.answer(StatusCode::OK, &view, &view.as_details())
        }
        Err(Wrong { title, hashtags }) => {
            let mut view = ShowPhoto::load(&state, page, owner, id, filter).await?;
            view.title = title.unwrap_or(view.title);
            view.hashtags = hashtags.unwrap_or(view.hashtags);
            htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_details())
        }
    }
}

/// Changes that can be saved.
struct Changes {
    title: Option<String>,
    hashtags: Option<Vec<Hashtag>>,
    visibility: Option<Visibility>,
}

/// The fields as they were typed, with what is wrong with them.
struct Wrong {
    title: Option<Field>,
    hashtags: Option<Field>,
}

impl Changes {
    fn parse(form: PhotoChanges) -> Result<Self, Wrong> {
        let mut title = form.title.as_deref().map(|typed| Field::of(typed.trim()));
        if let Some(field) = &mut title
            && (field.value.chars().count() > 200 || field.value.chars().any(char::is_control))
        {
            field.refuse("Use at most 200 characters, on one line.");
        }
        let parsed = form.hashtags.as_deref().map(Hashtag::parse_list);
        let mut hashtags = form.hashtags.map(Field::of);
        if let (Some(field), Some(Err(error))) = (&mut hashtags, &parsed) {
            field.refuse(error.to_string());
        }
        let visibility = match form.visibility.as_deref() {
            Some("private") => Some(Visibility::Private),
            Some("link") => Some(Visibility::Link),
            Some("public") => Some(Visibility::Public),
            None => None,
            // Not something the form can send.
            Some(_) => return Err(Wrong { title, hashtags }),
        };
        match (&title, parsed.transpose()) {
            (Some(field), _) if !field.is_fine() => Err(Wrong { title, hashtags }),
            (_, Err(_)) => Err(Wrong { title, hashtags }),
            (_, Ok(names)) => Ok(Self { title: title.map(|field| field.value), hashtags: names, visibility }),
        }
    }

    fn save(&self, conn: &mut diesel::PgConnection, owner: UserId, id: PhotoId) -> diesel::QueryResult<()> {
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
            title: Field::of(photo.title.as_str()),
            hashtags: Field::of(hashtags.iter().map(|name| format!("#{name}")).collect::<Vec<_>>().join(" ")),
            facts: Fact::all(&photo, &file_facts),
            visibility: photo.visibility().as_str(),
            share: photo.share_token.as_deref().map(|token| Share::new(state, token, &alt(&photo, &hashtags))),
            chips: hashtags.into_iter().map(chip).collect(),
            saved: false,
        })
    }
}

fn chip(name: String) -> Chip {
    Chip { href: routes::photos_with(std::slice::from_ref(&name)), name, photos: None }
}

impl Share {
    fn new(state: &AppState, token: &str, alt: &str) -> Self {
        let page_url = state.absolute(&routes::shared_photo(token));
        let image_url = state.absolute(&routes::shared_bytes(token));
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
