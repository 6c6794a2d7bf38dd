//! The description of the API, as OpenAPI 3.1: `/api/v1/openapi.json` for programs, and `/docs` for people, made from it.
//!
//! Calls are written down in one table (`calls`), which a test holds against the router. What they send and answer is not
//! written down at all: it is read off the very types that handlers read and answer with, so that the two cannot differ.

mod call;
mod calls;

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Flow, Http, HttpAuthScheme, OAuth2, Password, Scopes, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, ServerBuilder,
};

use crate::api::tagged;
use crate::error::AppError;

/// The name of the scheme: an access token.
const BEARER: &str = "bearer";
/// The name of the scheme: OAuth 2's password flow, which gets one.
const PASSWORD: &str = "password";
/// The name of the scheme: a page's cookie.
const COOKIE: &str = "cookie";

/// The same for every Lumina of this version: its own address is the one it is read at.
pub static DESCRIPTION: LazyLock<OpenApi> = LazyLock::new(describe);

/// `GET /openapi.json`.
pub async fn show_description(request: HttpRequest) -> Result<HttpResponse, AppError> {
    tagged(&request, &*DESCRIPTION)
}

fn describe() -> OpenApi {
    let mut components = ComponentsBuilder::new();
    let mut paths = PathsBuilder::new().build();
    for call in calls::all() {
        let (path, method, operation, schemas) = call.finish();
        paths.add_path_operation(path, vec![method], operation);
        components = components.schemas_from_iter(schemas);
    }
    for (name, scheme) in schemes() {
        components = components.security_scheme(name, scheme);
    }
    let info =
        InfoBuilder::new().title("Lumina").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build(),
        ));
    let tags = calls::GROUPS.map(|(name, words)| TagBuilder::new().name(name).description(Some(words)).build());
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url("/").description(Some("The Lumina this was read from.")).build()]))
        .tags(Some(tags))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

const ABOUT: &str = "A self-hosted photo album: upload photos, `#tag` them, find them, share them.\n\n\
    Every call works with and without a slash at the end. Times are RFC 3339 in UTC. A GET also answers HEAD, unless it says otherwise. An error is \
    `application/problem+json` (RFC 9457); decide by its `type`, which does not change. Every answer carries `X-Request-Id`, \
    which names it in the server's log; those under `/api` also say in `RateLimit` and `RateLimit-Policy` \
    (draft-ietf-httpapi-ratelimit-headers) how many requests are left. Request bodies may not be compressed.";

fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An access token (a JWT), or a personal access token made on the account page, as `Authorization: Bearer …`. The latter needs the scope that a call names: `photos:read`, `photos:write` or `account:read`."));
    let flow = Flow::Password(Password::with_refresh_url("/api/v1/auth/token", Scopes::new(), "/api/v1/auth/refresh"));
    let cookie = "The cookie of somebody signed in on a page. On https it is called `__Host-lumina`. A request that changes \
                  something also has to say that it comes from a page of this server (`Origin` or `Sec-Fetch-Site`, which \
                  browsers send by themselves), or from a site in `cors.allowed_origins`; else it is answered 403.";
    [
        (BEARER, SecurityScheme::Http(bearer.build())),
        (PASSWORD, SecurityScheme::OAuth2(OAuth2::with_description([flow], "The way to an access token."))),
        (COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("lumina", cookie)))),
    ]
}
