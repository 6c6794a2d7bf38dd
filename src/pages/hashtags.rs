//! `GET /hashtags?q=`: the hashtags one uses, with counts; also the suggestions while one types.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::Hashtag;
use crate::pages::photos::card::Chip;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::forms::Pairs;
use crate::web::htmx::Htmx;
use crate::web::page::Page;

/// Hashtags on the page.
const LISTED: i64 = 1000;
/// Suggestions while typing.
const SUGGESTED: i64 = 8;

#[derive(Template)]
#[template(path = "hashtags/list.html", blocks = ["list", "suggestions"])]
struct Hashtags {
    page: Page,
    q: String,
    chips: Vec<Chip>,
}

/// Those with `q` in their name, most used first.
pub async fn show_hashtags(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
) -> Result<HttpResponse, AppError> {
    let q: String = Pairs::of_query(&request)?.first("q").chars().take(200).collect();
    let (owner, part) = (user.user.id, q.clone());
    // A script of ours asks for suggestions; htmx says which part of the page it will swap.
    let suggestions = htmx.wants_fragment() && !htmx.has_target;
    let limit = if suggestions { SUGGESTED } else { LISTED };
    let found = state.db.read(move |conn| Hashtag::of_owner(conn, owner, &part, limit)).await?;
    let chip = |(name, photos): (String, i64)| Chip {
        href: routes::photos_with(std::slice::from_ref(&name)),
        name,
        photos: Some(photos),
    };
    let view = Hashtags { page, q, chips: found.into_iter().map(chip).collect() };
    if suggestions {
        return htmx.answer(StatusCode::OK, &view, &view.as_suggestions());
    }
    htmx.answer(StatusCode::OK, &view, &view.as_list())
}
