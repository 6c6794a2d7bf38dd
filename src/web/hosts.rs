//! At which address Lumina was asked for: by a name that is not its own, or by http where its login needs https.
//!
//! A page of a stranger may give its own name the address of a server in the reader's network (DNS rebinding): to the browser
//! that server is then of the page's own site, and all that keeps other sites out holds no more. So a request must name the
//! host of `public_url`, this machine, or a bare IP address, which nobody can give to another server.

use std::net::IpAddr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HOST, HeaderMap, ORIGIN};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};

use crate::app::AppState;
use crate::config::{Config, PublicUrl, is_loopback_name};
use crate::error::AppError;
use crate::routes;

/// Answers 421 to a request for another host, except where that makes no difference.
pub async fn refuse_other_hosts(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<AppState>>();
    let refusal = state.filter(|_| !routes::is_for_any_host(request.path())).and_then(|state| {
        let asked = other_host(request.request(), &state.config.public_url)?;
        Some(AppError::OtherHost { asked, ours: state.config.public_url.origin() })
    });
    match refusal {
        Some(refusal) => Ok(request.error_response(refusal)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

/// The first host that the request names and that is not ours. One that names none comes from no browser.
fn other_host(request: &HttpRequest, public_url: &PublicUrl) -> Option<String> {
    let in_target = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let in_headers = request.headers().get_all(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    in_target.into_iter().chain(in_headers).find(|host| !is_ours(host, public_url))
}

fn is_ours(host: &str, public_url: &PublicUrl) -> bool {
    let name = without_port(host);
    name.parse::<IpAddr>().is_ok() || is_loopback_name(&name) || name == public_url.host()
}

/// The name or address in a `Host` header, as URLs have it.
fn without_port(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Where to log in instead, when the browser will keep no login from here: `public_url` is https, and this request came by
/// http. `path` is added to it.
#[must_use]
pub fn address_for_login(request: &HttpRequest, config: &Config, path: &str) -> Option<String> {
    let public_url = &config.public_url;
    if !public_url.https() {
        return None;
    }
    let came_by_http = match sent_from(request.headers()) {
        // Most browsers keep Secure cookies of this machine.
        Some(origin) => !origin.https() && !origin.is_this_machine(),
        None => is_elsewhere(request.headers(), public_url),
    };
    came_by_http.then(|| format!("{}{path}", public_url.origin()))
}

/// The site whose page sent a form. Browsers say so of every POST.
fn sent_from(headers: &HeaderMap) -> Option<PublicUrl> {
    PublicUrl::parse(headers.get(ORIGIN)?.to_str().ok()?)
}

/// A page that is asked for says no scheme: one that no proxy calls encrypted, at another host than ours, came past the proxy.
fn is_elsewhere(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    let encrypted = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    !encrypted && host.is_some_and(|host| without_port(host) != public_url.host())
}

#[cfg(test)]
mod tests {
    use super::is_ours;
    use crate::config::PublicUrl;

    #[test]
    fn our_name_this_machine_and_bare_addresses_are_ours() {
        let ours = ["photos.example", "PHOTOS.EXAMPLE:443", "photos.example.", "localhost:8080", "album.localhost"];
        let addresses = ["127.0.0.1:8080", "192.168.1.5", "[::1]:8080", "[fd00::1]"];
        let public_url = PublicUrl::parse("https://photos.example").unwrap();
        for host in ours.into_iter().chain(addresses) {
            assert!(is_ours(host, &public_url), "{host}");
        }
        let others =
            ["evil.example", "photos.example.evil.example", "localhost.evil.example", "nas", "", "1.2.3.4.evil"];
        for host in others.into_iter().chain(["xphotos.example:443", "[evil]", "127.0.0.1@evil.example"]) {
            assert!(!is_ours(host, &public_url), "{host}");
        }
    }
}
