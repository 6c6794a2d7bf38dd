//! Browsers in which somebody has logged in before, known again by a signed cookie that outlives logging out.
//!
//! After OWASP's device cookies: tries from such a browser at those accounts are counted apart from what everyone else
//! tries, so that strangers who guess cannot keep the owner out. It opens nothing and says nothing but that.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, Key, SameSite};
use actix_web::{HttpRequest, web};
use uuid::Uuid;

use crate::app::AppState;
use crate::config::Config;
use crate::models::UserId;
use crate::web::cookies;

/// As long as browsers keep one.
const LIFETIME: Duration = Duration::days(400);
/// People of one household who share a browser.
const MOST: usize = 8;

/// A browser and those who have logged in there, the latest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    id: Uuid,
    users: Vec<UserId>,
}

impl Device {
    /// What the request's cookie says, if one of our keys signed it.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let state = request.app_data::<web::Data<AppState>>()?;
        let name = cookie_name(&state.config);
        let sent = request.cookie(name)?;
        let mut jar = CookieJar::new();
        jar.add_original(sent);
        let content = state.device_keys.iter().find_map(|key| jar.signed(key).get(name))?;
        Self::parse(content.value())
    }

    /// Tells this browser from others, where `user` has logged in.
    #[must_use]
    pub fn knows(&self, user: UserId) -> Option<Uuid> {
        self.users.contains(&user).then_some(self.id)
    }

    /// `ID.USER.USER`
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let id = Uuid::try_parse(parts.next()?).ok()?;
        let users: Result<Vec<_>, _> = parts.map(|user| user.parse().map(UserId)).collect();
        Some(Self { id, users: users.ok()? })
    }

    fn text(&self) -> String {
        self.users.iter().fold(self.id.simple().to_string(), |text, user| format!("{text}.{user}"))
    }

    fn with(mut self, user: UserId) -> Self {
        self.users.retain(|known| *known != user);
        self.users.insert(0, user);
        self.users.truncate(MOST);
        self
    }
}

fn cookie_name(config: &Config) -> &'static str {
    if config.public_url.https() { "__Host-lumina-device" } else { "lumina-device" }
}

/// Remembers that `user` has logged in here: the answer to this request tells the browser.
pub fn remember(request: &HttpRequest, state: &AppState, user: UserId) {
    let device = Device::of(request).unwrap_or_else(|| Device { id: Uuid::new_v4(), users: Vec::new() }).with(user);
    if let Some(cookie) = signed(&device, &state.device_keys, &state.config) {
        cookies::send_along(request, &cookie);
    }
}

fn signed(device: &Device, keys: &[Key], config: &Config) -> Option<Cookie<'static>> {
    let name = cookie_name(config);
    let mut jar = CookieJar::new();
    jar.signed_mut(keys.first()?).add(Cookie::new(name, device.text()));
    let mut cookie = jar.get(name)?.clone();
    cookie.set_path("/");
    cookie.set_secure(config.public_url.https());
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_max_age(LIFETIME);
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::{Device, MOST};
    use crate::models::UserId;

    #[test]
    fn a_device_remembers_the_last_who_logged_in() {
        let device = Device { id: uuid::Uuid::nil(), users: Vec::new() };
        let device = (1..=20).chain([15]).fold(device, |device, user| device.with(UserId(user)));
        assert_eq!(device.users.len(), MOST);
        assert!(device.knows(UserId(15)).is_some() && device.knows(UserId(1)).is_none());
        assert_eq!(Device::parse(&device.text()), Some(device));
        for nonsense in ["", ".", "x.1", "00000000000000000000000000000000.x", "{\"session\":\"\"}"] {
            assert_eq!(Device::parse(nonsense), None, "{nonsense}");
        }
    }
}
