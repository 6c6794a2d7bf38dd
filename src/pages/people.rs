//! `GET /u/{username}?hashtag=&after=`: the public photos of one person.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use diesel::OptionalExtension;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::{Cursor, Listing, Photo, User};
use crate::pages::photos::card::{Card, Month, PAGE, months};
use crate::routes;
use crate::web::auth::Visitor;
use crate::web::filter::{ActiveFilter, Filter, cut_page};
use crate::web::htmx::Htmx;
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "people/show.html", blocks = ["grid"])]
struct PublicPhotos {
    page: Page,
    username: String,
    full_name: String,
    filters: Vec<ActiveFilter>,
    months: Vec<Month>,
    next: Option<String>,
    newest: Option<String>,
}

/// Someone without public photos has no public page to anyone else: whether they have an account is nobody's business.
pub async fn show_public_photos(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    visitor: Visitor,
    htmx: Htmx,
    username: web::Path<String>,
) -> Result<HttpResponse, AppError> {
    let filter = Filter::of(&request)?;
    let hashtags = filter.hashtags.clone();
    // The times at which a photo was taken and uploaded would be in an owner's cursor.
    let after: Option<String> = filter.after()?;
    let viewer = visitor.0.map(|signed_in| signed_in.user.id);
    let (owner, after, mut listed) = state
        .db
        .read(move |conn| {
            let owner = User::by_username(conn, &username)?.ok_or(diesel::NotFound)?;
            let mut listing = Listing { owner: owner.id, only_public: true, hashtags: Vec::new() };
            if viewer != Some(owner.id) && listing.page(conn, None, 1)?.is_empty() {
                return Err(diesel::NotFound);
            }
            listing.hashtags = hashtags;
            // When that photo is public no more, the reader begins anew.
            let after = after.map(|token| Photo::public_of(conn, owner.id, &token).optional()).transpose()?.flatten();
            let after = after.as_ref().map(Cursor::after);
            Ok((owner, after, listing.page(conn, after, PAGE as i64 + 1)?))
        })
        .await?;
    let here = routes::person(&owner.username);
    let more = cut_page(&mut listed, PAGE).is_some();
    let last = listed.last().and_then(|(photo, _)| photo.share_token.clone()).filter(|_| more);
    let next = last.map(|token| format!("{here}{}", routes::listing_query(&filter.hashtags, Some(&token))));
    let view = PublicPhotos {
        page,
        filters: filter.active(&here),
        months: months(listed, after, |photo, hashtags| Card::shared(&state, photo, hashtags)),
        next,
        newest: after.map(|_| format!("{here}{}", routes::listing_query(&filter.hashtags, None))),
        username: owner.username,
        full_name: owner.full_name,
    };
    htmx.answer(StatusCode::OK, &view, &view.as_grid())
}
