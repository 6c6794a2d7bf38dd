//! `GET /s/{token}…` and `GET /i/{token}`: a shared photo, for those who have its link.

use actix_web::http::StatusCode;
use actix_web::http::header::{EntityTag, HeaderName, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::app::AppState;
use crate::error::AppError;
use crate::media::{RenditionName, preview};
use crate::models::{Hashtag, Photo, Visibility};
use crate::pages::photos::card::{Blur, Chip, DATE_UNKNOWN, Rendition, alt, day_taken, size};
use crate::routes;
use crate::web::accept::{Accept, Shown};
use crate::web::assets;
use crate::web::bytes::{self, Caching, Served};
use crate::web::htmx::page as whole_page;
use crate::web::page::Page;
use crate::web::seen::linked_photo;

#[derive(Template)]
#[template(path = "shared/show.html")]
struct SharedPhoto {
    page: Page,
    title: String,
    alt: String,
    owner: String,
    /// Hashtags, where the photo is public and so are they; each leads to the owner's public photos.
    chips: Vec<Chip>,
    width: u32,
    height: u32,
    blur: Blur,
    small: Rendition,
    medium: Rendition,
    large: Rendition,
    /// What plays, where the photo does.
    moving: Option<Rendition>,
    taken: String,
    page_url: String,
    /// What other sites show beside a link to this page.
    preview: Rendition,
    download: String,
}

/// Search engines find what is public; a link is for those it was given to.
const NOT_INDEXED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));

/// The page.
pub async fn show_shared_photo(
    state: web::Data<AppState>,
    page: Page,
    token: web::Path<String>,
) -> Result<HttpResponse, AppError> {
    let token = token.into_inner();
    let by = token.clone();
    let look_up = state.db.read(move |conn| {
        let (photo, owner) = Photo::by_share_token(conn, &by)?;
        let public = photo.visibility() == Visibility::Public;
        let hashtags = if public { Hashtag::of_photo(conn, photo.id)? } else { Vec::new() };
        diesel::QueryResult::Ok((photo, owner, hashtags))
    });
    let (photo, owner, hashtags) = look_up.await?;
    let (width, height) = size(&photo);
    let public_page = routes::person(&owner.username);
    let chip = |name: String| {
        let query = routes::listing_query(std::slice::from_ref(&name), None);
        Chip { href: format!("{public_page}{query}"), name, photos: None }
    };
    let rendition = |name| Rendition::shared(&state, &photo, &token, name);
    // What is shown here is what is shown on other sites.
    let shown = |name| {
        let url = state.on_cdn(&photo, name).unwrap_or_else(|| routes::shared_bytes(&token, photo.shown_extension()));
        Rendition::at(url, &photo, name)
    };
    let preview = preview::size(width, height);
    let view = SharedPhoto {
        page,
        title: photo.title.clone(),
        alt: alt(&photo, &hashtags),
        owner: owner.display_name().to_owned(),
        chips: hashtags.into_iter().map(chip).collect(),
        width,
        height,
        blur: Blur::of(&photo),
        small: rendition(RenditionName::Small),
        medium: rendition(RenditionName::Medium),
        large: if photo.animated { rendition(RenditionName::Large) } else { shown(RenditionName::Large) },
        moving: photo.animated.then(|| shown(RenditionName::Moving)),
        download: routes::shared_download(&token),
        taken: day_taken(&photo).unwrap_or_else(|| DATE_UNKNOWN.to_owned()),
        page_url: state.absolute(&routes::shared_photo(&token)),
        preview: Rendition {
            url: state.absolute(&routes::shared_bytes(&token, "jpg")),
            width: preview.0,
            height: preview.1,
        },
    };
    let mut answer = whole_page(StatusCode::OK, &view)?;
    if photo.visibility() == Visibility::Link {
        answer.headers_mut().insert(NOT_INDEXED.0, NOT_INDEXED.1);
    }
    Ok(answer)
}

/// The bytes, made smaller and without metadata. Any extension may follow the token, as sites where images are shown
/// often insist on one; of a type that there is, it chooses that.
pub async fn show_shared_bytes(
    request: HttpRequest,
    state: web::Data<AppState>,
    token: web::Path<String>,
) -> Result<HttpResponse, AppError> {
    let (token, extension) = token.split_once('.').unwrap_or((token.as_str(), ""));
    let photo = linked_photo(&state, token).await?;
    let chosen = Shown::by_extension(&photo, extension);
    let mut answer = match chosen.unwrap_or_else(|| Shown::by_accept(&photo, &Accept::of(&request))) {
        Shown::Rendition(name) => answer(&request, &state, &photo, name).await?,
        Shown::Preview => {
            let preview = Served::preview(&photo, Caching::at_link(&photo));
            not_indexed(preview.answer(&request, &state.album).await?)
        }
    };
    if chosen.is_none() {
        answer.headers_mut().append(VARY, HeaderValue::from_static("accept"));
    }
    Ok(answer)
}

/// A rendition, for the page.
pub async fn show_shared_rendition(
    request: HttpRequest,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, AppError> {
    let (token, name) = path.into_inner();
    let name: RenditionName = name.parse().map_err(|_| AppError::NotFound)?;
    let photo = linked_photo(&state, &token).await?;
    answer(&request, &state, &photo, name).await
}

/// The original without metadata, under a name that says nothing.
pub async fn download_shared_photo(
    request: HttpRequest,
    state: web::Data<AppState>,
    token: web::Path<String>,
) -> Result<HttpResponse, AppError> {
    let photo = linked_photo(&state, &token).await?;
    // Made anew each time, the same by the same program: a download that broke off goes on.
    let tag = EntityTag::new_strong(format!("{token}-{}-{}", env!("CARGO_PKG_VERSION"), assets::build()));
    let mut answer = match bytes::known(&request, &tag) {
        Some(answer) => answer,
        None => bytes::attachment(&request, state.album.clean_copy(&photo).await?, tag).await?,
    };
    answer.headers_mut().insert(NOT_INDEXED.0, NOT_INDEXED.1);
    Ok(answer)
}

async fn answer(
    request: &HttpRequest,
    state: &AppState,
    photo: &Photo,
    name: RenditionName,
) -> Result<HttpResponse, AppError> {
    let answer = Served::answer_rendition(photo, name, Caching::at_link(photo), request, &state.album).await?;
    Ok(not_indexed(answer))
}

fn not_indexed(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(NOT_INDEXED.0, NOT_INDEXED.1);
    answer
}
