//! The signed session cookie: its name, its keys, and what happens when keys are rotated.
//!
//! actix-session signs with one key. `secret_key` may list several: the first signs, and a cookie that an older one
//! signed is signed anew with the first before the session layer sees it, and sent back so. Rotating keys signs nobody
//! out who comes by while the older key is still listed.

use actix_session::SessionMiddleware;
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::CookieSessionStore;
use actix_web::body::MessageBody;
use actix_web::cookie::{Cookie, CookieJar, Key, SameSite, time::Duration};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use sha2::{Digest, Sha512};

use crate::app::AppState;
use crate::config::{Config, Secret};

/// The longest life browsers give a cookie. The row behind it decides much earlier.
const LIFETIME: Duration = Duration::days(400);

/// The name of the session cookie. `__Host-` (RFC 6265bis, 4.1.3.2) binds it to https, this host and the whole site.
#[must_use]
pub fn session_cookie(config: &Config) -> &'static str {
    if config.public_url.https() { "__Host-lumina" } else { "lumina" }
}

/// Signing keys from secrets: the key for this one use, such as `session`, is a hash of the secret and the use's name, so
/// that what was signed for one is worth nothing for another.
#[must_use]
pub fn keys(secrets: &[Secret], what: &str) -> Vec<Key> {
    let derive = |secret: &Secret| {
        let use_of_it = format!("lumina {what} cookie\0");
        let digest = Sha512::new().chain_update(use_of_it).chain_update(secret.expose()).finalize();
        Key::from(&digest)
    };
    secrets.iter().map(derive).collect()
}

/// The session layer.
pub fn sessions(config: &Config, key: Key) -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::builder(CookieSessionStore::default(), key)
        .cookie_name(session_cookie(config).to_owned())
        .cookie_secure(config.public_url.https())
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_path("/".to_owned())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(PersistentSession::default().session_ttl(LIFETIME))
        .build()
}

/// Signs a session cookie anew that one of the older keys signed. Outermost of the layers that look at cookies: actix
/// parses the header once and keeps what it found.
pub async fn accept_older_keys(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let renewed = state.and_then(|state| renew(request.headers_mut(), &state));
    let mut response = next.call(request).await?;
    // Logging in or out has set a cookie of its own; and what anyone may keep a copy of must not hold somebody's cookie.
    let headers = response.headers();
    let public = headers.get(CACHE_CONTROL).is_some_and(|value| value.as_bytes().starts_with(b"public"));
    if let Some(renewed) = renewed
        && !headers.contains_key(SET_COOKIE)
        && !public
    {
        response.headers_mut().append(SET_COOKIE, renewed);
    }
    Ok(response)
}

/// Rewrites the `Cookie` header where an older key signed the session, and answers the `Set-Cookie` that makes it last.
fn renew(headers: &mut HeaderMap, state: &AppState) -> Option<HeaderValue> {
    let (signing, older) = state.cookie_keys.split_first().filter(|(_, older)| !older.is_empty())?;
    let name = session_cookie(&state.config);
    let sent = headers.get(COOKIE)?.to_str().ok()?;
    let mut pairs: Vec<String> = sent.split(';').map(|pair| pair.trim().to_owned()).collect();
    let pair = pairs.iter_mut().find(|pair| pair.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))?;
    let mut cookie = signed_anew(Cookie::parse_encoded(pair.clone()).ok()?, signing, older)?;
    *pair = cookie.stripped().encoded().to_string();
    let rewritten = HeaderValue::from_str(&pairs.join("; ")).ok()?;
    cookie.set_path("/");
    cookie.set_secure(state.config.public_url.https());
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_max_age(LIFETIME);
    let renewed = HeaderValue::from_str(&cookie.encoded().to_string()).ok()?;
    headers.insert(COOKIE, rewritten);
    Some(renewed)
}

/// The cookie under the signing key, if one of the `older` keys signed it.
fn signed_anew(cookie: Cookie<'static>, signing: &Key, older: &[Key]) -> Option<Cookie<'static>> {
    let mut jar = CookieJar::new();
    let name = cookie.name().to_owned();
    jar.add_original(cookie);
    if jar.signed(signing).get(&name).is_some() {
        return None;
    }
    let content = older.iter().find_map(|key| jar.signed(key).get(&name))?;
    jar.signed_mut(signing).add(Cookie::new(name.clone(), content.value().to_owned()));
    jar.get(&name).cloned()
}

/// Cookies that the answer to a request sends along, whatever the answer will be.
#[derive(Default)]
struct Pending(Vec<HeaderValue>);

/// Sends a cookie along with the answer to this request.
pub fn send_along(request: &HttpRequest, cookie: &Cookie<'_>) {
    // A cookie of a name of ours and an encoded value can always be written into a header.
    let Ok(value) = HeaderValue::from_str(&cookie.encoded().to_string()) else { return };
    let mut pending = request.extensions_mut().remove::<Pending>().unwrap_or_default();
    pending.0.push(value);
    request.extensions_mut().insert(pending);
}

/// Adds what [`send_along`] was given.
pub async fn send_pending(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let pending = response.request().extensions_mut().remove::<Pending>().unwrap_or_default();
    for cookie in pending.0 {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
