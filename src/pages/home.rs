//! `GET /`: who we are.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use crate::error::AppError;
use crate::routes;
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
}

/// For visitors; who is signed in goes on to their photos.
pub async fn show_home(page: Page) -> Result<HttpResponse, AppError> {
    if page.viewer.is_some() {
        return Ok(see_other(routes::photos()));
    }
    whole_page(StatusCode::OK, &Home { page })
}
