//! Every URL: the table of routes, and the functions that build links. No URL is spelled anywhere else.

pub mod admin;
mod place;

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::api;
use crate::error::AppError;
use crate::pages::{
    account, admin as admin_pages, docs, hashtags as hashtag_pages, home as home_page, oidc, people,
    photos as photo_pages,
};
use crate::pages::{registration, session, shared};
use crate::routes::place::{Place, api, at};
use crate::web::assets;

/// The table. More special paths stand before those with a variable in the same place.
#[rustfmt::skip]
fn table() -> Vec<Place> {
    vec![
        at("/").get(home_page::show_home),
        at("/register").get(registration::show_registration).post(registration::create_account),
        at("/login").get(session::show_login).post(session::create_session),
        at("/login/oidc").get_only(oidc::begin_login),
        at("/login/oidc/callback").get_only(oidc::finish_login),
        at("/logout").post(session::delete_session),
        at("/photos").get(photo_pages::list::show_gallery).post(photo_pages::create::create_photos),
        at("/photos/selection").post(photo_pages::selection::edit_selection),
        at("/photos/{id}").get(photo_pages::show::show_photo).post(photo_pages::show::update_photo),
        at("/photos/{id}/delete").post(photo_pages::delete::delete_photo),
        at("/photos/{id}/restore").post(photo_pages::delete::restore_photo),
        at("/photos/{id}/original").get(photo_pages::bytes::show_original),
        at("/photos/{id}/{rendition}").get(photo_pages::bytes::show_rendition),
        at("/s/{token}").get(shared::show_shared_photo),
        at("/s/{token}/download").get(shared::download_shared_photo),
        at("/s/{token}/{rendition}").get(shared::show_shared_rendition),
        at("/i/{token}").get(shared::show_shared_bytes),
        at("/u/{username}").get(people::show_public_photos),
        at("/hashtags").get(hashtag_pages::show_hashtags),
        at("/account").get(account::show_account).post(account::profile::update_profile),
        at("/account/password").post(account::password::update_password),
        at("/account/theme").post(account::theme::update_theme),
        at("/account/sharex").get(account::sharex::show_sharex),
        at("/account/sessions/end-others").post(account::devices::end_other_sessions),
        at("/account/sessions/{id}/end").post(account::devices::end_session),
        at("/admin/people").get(admin_pages::people::show_people),
        at("/admin/people/{id}").get(admin_pages::person::show_person),
        at("/admin/people/{id}/role").post(admin_pages::person::update_role),
        at("/admin/people/{id}/quota").post(admin_pages::person::update_quota),
        at("/admin/people/{id}/email").post(admin_pages::person::update_email),
        at("/admin/people/{id}/delete").get(admin_pages::deletion::show_deletion).post(admin_pages::deletion::delete_person),
        at("/admin/people/{id}/disable").post(admin_pages::person::disable_person),
        at("/admin/people/{id}/enable").post(admin_pages::person::enable_person),
        at("/admin/registration").get(admin_pages::registration::show_registration).post(admin_pages::registration::update_registration),
        at("/admin/invitations").post(admin_pages::invitations::create_invitation),
        at("/admin/invitations/{id}/revoke").post(admin_pages::invitations::revoke_invitation),
        at("/account/identity").post(oidc::begin_connecting),
        at("/account/identity/end").post(oidc::disconnect),
        at("/account/tokens").post(account::tokens::create_token),
        at("/account/tokens/{id}/end").post(account::tokens::end_token),
        api("/auth/register").post(api::auth::create_account),
        api("/auth/token").post(api::auth::create_token),
        api("/auth/refresh").post(api::auth::refresh_token),
        api("/auth/login").get_only(api::oidc::begin_login),
        api("/auth/callback").get_only(api::oidc::finish_login),
        api("/auth/logout").post(api::auth::end_login),
        api("/auth/me").get(api::auth::show_me),
        api("/photos").get(api::photos::list_photos).post(api::photos::create_photo),
        api("/photos/upload-url").post(api::uploads::create_upload),
        api("/photos/uploads/{id}").put(api::uploads::receive_upload),
        api("/photos/confirm").post(api::uploads::confirm_upload),
        api("/photos/{id}").get(api::photos::show_photo).patch(api::photos::update_photo).delete(api::photos::delete_photo),
        api("/hashtags").get(api::hashtags::list_hashtags).post(api::hashtags::create_hashtag),
        // Before the names, of which it is none.
        api("/hashtags/search").get(api::hashtags::search_hashtags),
        api("/hashtags/{name}").delete(api::hashtags::remove_hashtag),
        api("/openapi.json").get(api::description::show_description),
        api("/docs").get(docs::show_docs),
        at("/docs").get(docs::show_docs),
        at("/metrics").get(api::metrics::show_metrics),
        at("/health").get(api::health::show_health),
        at("/static/{build}/{path:.*}").get(assets::show_asset),
    ]
}

/// Puts the table into the application.
pub fn configure(config: &mut web::ServiceConfig) {
    for place in table() {
        config.service(place.resource);
    }
    config.default_service(web::to(lead_on));
}

/// An address that leads nowhere: with a slash too many it leads to the page without. 308 also keeps what was sent as it is.
async fn lead_on(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let path = request.path().trim_end_matches('/');
    // Only one slash at the beginning, or it would lead to another site.
    if path.is_empty() || path == request.path() || path.starts_with("//") || !request.resource_map().has_resource(path)
    {
        return Err(AppError::NotFound);
    }
    let location = request.uri().query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    Ok(HttpResponse::PermanentRedirect().insert_header((header::LOCATION, location)).finish())
}

/// Every method and pattern of the table: tests hold their own tables against it. HEAD is not mentioned where GET is.
pub fn all() -> impl Iterator<Item = (Method, String)> {
    table().into_iter().flat_map(|place| place.methods.into_iter().map(move |method| (method, place.pattern.clone())))
}

/// Whether this path is the API's, or would be.
#[must_use]
pub fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Whether this path answers the same to everybody, whatever name Lumina is asked for by: what watches over it may know
/// it by another one.
#[must_use]
pub fn is_for_any_host(path: &str) -> bool {
    path == health() || path == metrics() || path.starts_with("/static/")
}

/// The API to read and to try.
pub fn docs() -> &'static str {
    "/docs"
}

/// The API's description for programs.
pub fn api_description() -> &'static str {
    "/api/v1/openapi.json"
}

/// Whether Lumina can work now.
pub fn health() -> &'static str {
    "/health"
}

/// What is measured, for Prometheus.
pub fn metrics() -> &'static str {
    "/metrics"
}

/// Where programs send photos to (POST).
pub fn api_new_photo() -> &'static str {
    "/api/v1/photos/"
}

/// A custom uploader for ShareX.
pub fn sharex() -> &'static str {
    "/account/sharex"
}

/// A photo in the API.
pub fn api_photo(id: &str) -> String {
    format!("/api/v1/photos/{id}")
}

/// Where an upload is put when Lumina receives it itself (PUT). Whoever knows this address may.
pub fn api_upload(id: &str, secret: &str) -> String {
    format!("/api/v1/photos/uploads/{id}?secret={secret}")
}

/// A page of photos in the API.
pub fn api_photos(hashtags: &[String], limit: usize, after: &str) -> String {
    let query = listing_query(hashtags, Some(after));
    format!("/api/v1/photos/{query}&limit={limit}")
}

/// A page of public hashtags in the API.
pub fn api_hashtags(limit: usize, after: &str) -> String {
    format!("/api/v1/hashtags/?limit={limit}&after={}", encoded(after))
}

/// A page of those with `q` in their name.
pub fn api_hashtag_search(q: &str, limit: usize, after: &str) -> String {
    format!("/api/v1/hashtags/search?q={}&limit={limit}&after={}", encoded(q), encoded(after))
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

/// Log in with the provider, then go on to `next`; who is new may need an invitation (empty: none).
pub fn login_elsewhere(next: Option<&str>, invitation: &str) -> String {
    let invitation = Some(invitation).filter(|invitation| !invitation.is_empty());
    let query = [("next", next), ("invitation", invitation)];
    let given = query.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?))));
    let query = given.collect::<Vec<_>>().join("&");
    if query.is_empty() { "/login/oidc".to_owned() } else { format!("/login/oidc?{query}") }
}

/// Where the provider sends browsers back to.
pub fn login_elsewhere_callback() -> &'static str {
    "/login/oidc/callback"
}

/// Where the provider sends programs back to.
pub fn api_login_callback() -> &'static str {
    "/api/v1/auth/callback"
}

/// Connect the account with the provider (POST).
pub fn account_identity() -> &'static str {
    "/account/identity"
}

/// Disconnect it again (POST).
pub fn end_identity() -> &'static str {
    "/account/identity/end"
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

/// A shared photo's bytes, as a file with this extension.
pub fn shared_bytes(token: &str, extension: &str) -> String {
    format!("/i/{token}.{extension}")
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

/// Make a personal access token (POST).
pub fn account_tokens() -> &'static str {
    "/account/tokens"
}

/// End a personal access token (POST).
pub fn end_token(id: &str) -> String {
    format!("/account/tokens/{id}/end")
}

/// Sign all other devices out (POST).
pub fn end_other_sessions() -> &'static str {
    "/account/sessions/end-others"
}

/// A static file of this build.
pub fn asset(path: &str) -> String {
    format!("/static/{}/{path}", assets::build())
}
