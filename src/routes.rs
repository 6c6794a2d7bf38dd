//! Every URL: the table of routes, and the functions that build links. No URL is spelled anywhere else.

use actix_web::guard::{Any, Get, Head};
use actix_web::{Resource, Route, web};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api;
use crate::error::AppError;
use crate::pages::{account, hashtags as hashtag_pages, home as home_page, people, photos as photo_pages};
use crate::pages::{registration, session, shared};
use crate::web::assets;

/// The table. More special paths stand before those with a variable in the same place.
#[rustfmt::skip]
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", read().to(home_page::show_home))
        .service(web::resource("/register").route(read().to(registration::show_registration)).route(web::post().to(registration::create_account)))
        .service(web::resource("/login").route(read().to(session::show_login)).route(web::post().to(session::create_session)))
        .route("/logout", web::post().to(session::delete_session))
        .service(web::resource("/photos").route(read().to(photo_pages::list::show_gallery)).route(web::post().to(photo_pages::create::create_photos)))
        .route("/photos/selection", web::post().to(photo_pages::selection::edit_selection))
        .service(web::resource("/photos/{id}").route(read().to(photo_pages::show::show_photo)).route(web::post().to(photo_pages::show::update_photo)))
        .route("/photos/{id}/delete", web::post().to(photo_pages::delete::delete_photo))
        .route("/photos/{id}/restore", web::post().to(photo_pages::delete::restore_photo))
        .route("/photos/{id}/original", read().to(photo_pages::bytes::show_original))
        .route("/photos/{id}/{rendition}", read().to(photo_pages::bytes::show_rendition))
        .route("/s/{token}", read().to(shared::show_shared_photo))
        .route("/s/{token}/download", web::get().to(shared::download_shared_photo))
        .route("/s/{token}/{rendition}", read().to(shared::show_shared_rendition))
        .route("/i/{token}", read().to(shared::show_shared_bytes))
        .route("/u/{username}", read().to(people::show_public_photos))
        .route("/hashtags", read().to(hashtag_pages::show_hashtags))
        .service(web::resource("/account").route(read().to(account::show_account)).route(web::post().to(account::profile::update_profile)))
        .route("/account/password", web::post().to(account::password::update_password))
        .route("/account/theme", web::post().to(account::theme::update_theme))
        .route("/account/sessions/end-others", web::post().to(account::devices::end_other_sessions))
        .route("/account/sessions/{id}/end", web::post().to(account::devices::end_session))
        .service(api("/auth/register").route(web::post().to(api::auth::create_account)))
        .service(api("/auth/token").route(web::post().to(api::auth::create_token)))
        .service(api("/auth/refresh").route(web::post().to(api::auth::refresh_token)))
        .service(api("/auth/logout").route(web::post().to(api::auth::end_login)))
        .service(api("/auth/me").route(read().to(api::auth::show_me)))
        .service(api("/photos").route(read().to(api::photos::list_photos)).route(web::post().to(api::photos::create_photo)))
        .service(api("/photos/{id}").route(read().to(api::photos::show_photo)).route(web::patch().to(api::photos::update_photo)).route(web::delete().to(api::photos::delete_photo)))
        .service(api("/hashtags").route(read().to(api::hashtags::list_hashtags)).route(web::post().to(api::hashtags::create_hashtag)))
        .service(api("/hashtags/search").route(read().to(api::hashtags::search_hashtags)))
        .route("/health", read().to(api::health::show_health))
        .route("/static/{build}/{path:.*}", read().to(assets::show_asset))
        .default_service(web::to(|| async { Err::<&str, _>(AppError::NotFound) }));
}

/// GET, and HEAD for those who want the headers alone.
fn read() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

/// A resource of the API, with or without a slash at the end.
fn api(path: &str) -> Resource {
    web::resource([format!("/api/v1{path}"), format!("/api/v1{path}/")])
}

/// Whether this path is the API's, or would be.
#[must_use]
pub fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// A photo in the API.
pub fn api_photo(id: &str) -> String {
    format!("/api/v1/photos/{id}")
}

/// A page of photos in the API.
pub fn api_photos(hashtags: &[String], limit: usize, after: &str) -> String {
    let query = listing_query(hashtags, Some(after));
    format!("/api/v1/photos/{query}&limit={limit}")
}

/// What stays as it is in a query's value and in a path's segment.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Who we are.
pub fn home() -> &'static str {
    "/"
}

/// Make an account.
pub fn register() -> &'static str {
    "/register"
}

/// Log in.
pub fn login() -> &'static str {
    "/login"
}

/// Log in, then go on to `next`.
pub fn login_next(next: &str) -> String {
    format!("/login?next={}", encoded(next))
}

/// Make an account, then go on to `next`.
pub fn register_next(next: &str) -> String {
    format!("/register?next={}", encoded(next))
}

/// Log out (POST).
pub fn logout() -> &'static str {
    "/logout"
}

/// The gallery; to upload, POST.
pub fn photos() -> &'static str {
    "/photos"
}

/// A query that filters by hashtags and goes on from a cursor: empty, or with its `?`.
pub fn listing_query(hashtags: &[String], after: Option<&str>) -> String {
    let filters = hashtags.iter().map(|name| format!("hashtag={}", encoded(name)));
    let pairs: Vec<_> = filters.chain(after.map(|cursor| format!("after={}", encoded(cursor)))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The gallery of the photos with all of these hashtags.
pub fn photos_with(hashtags: &[String]) -> String {
    format!("/photos{}", listing_query(hashtags, None))
}

/// A photo's page; to edit it, POST.
pub fn photo(id: &str) -> String {
    format!("/photos/{id}")
}

/// Delete a photo (POST).
pub fn delete_photo(id: &str) -> String {
    format!("/photos/{id}/delete")
}

/// Take a deletion back (POST).
pub fn restore_photo(id: &str) -> String {
    format!("/photos/{id}/restore")
}

/// A photo's bytes as they were uploaded.
pub fn original(id: &str) -> String {
    format!("/photos/{id}/original")
}

/// A photo's bytes, made smaller. Browsers keep them for ever, so those of another version have another address; those of
/// version 2, the first one released, have the plain one.
pub fn rendition(id: &str, name: &str, version: i16) -> String {
    if version == 2 { format!("/photos/{id}/{name}") } else { format!("/photos/{id}/{name}?v={version}") }
}

/// Change the photos that are selected (POST).
pub fn edit_selection() -> &'static str {
    "/photos/selection"
}

/// A shared photo's page.
pub fn shared_photo(token: &str) -> String {
    format!("/s/{token}")
}

/// A shared photo's bytes.
pub fn shared_bytes(token: &str) -> String {
    format!("/i/{token}.webp")
}

/// A shared photo's rendition.
pub fn shared_rendition(token: &str, name: &str) -> String {
    format!("/s/{token}/{name}")
}

/// A shared photo's original, without metadata.
pub fn shared_download(token: &str) -> String {
    format!("/s/{token}/download")
}

/// A place on a map elsewhere. Only followed by a click.
pub fn map(latitude: f64, longitude: f64) -> String {
    format!("https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=15/{latitude}/{longitude}")
}

/// The hashtags one uses.
pub fn hashtags() -> &'static str {
    "/hashtags"
}

/// The public photos of one person.
pub fn person(username: &str) -> String {
    format!("/u/{}", encoded(username))
}

/// One's account; to change the profile, POST.
pub fn account() -> &'static str {
    "/account"
}

/// Change the password (POST).
pub fn account_password() -> &'static str {
    "/account/password"
}

/// Choose light or dark (POST).
pub fn account_theme() -> &'static str {
    "/account/theme"
}

/// Sign a device out (POST).
pub fn end_session(id: &str) -> String {
    format!("/account/sessions/{id}/end")
}

/// Sign all other devices out (POST).
pub fn end_other_sessions() -> &'static str {
    "/account/sessions/end-others"
}

/// A static file of this build.
pub fn asset(path: &str) -> String {
    format!("/static/{}/{path}", assets::build())
}
