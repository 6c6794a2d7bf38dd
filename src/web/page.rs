//! What the frame around every page needs to know, and how many pages are being made.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::rt::time::timeout;
use actix_web::{Error, FromRequest, HttpRequest, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::Role;
use crate::web::auth::{SignedIn, signed_in};
use crate::web::htmx::Htmx;
use crate::web::notice::{Notice, ShownNotice};

/// The cookie that keeps the colour theme; it says nothing about anyone.
pub const THEME_COOKIE: &str = "theme";

/// The longest that a request counts: what takes longer waits for the storage or a copy to be made, not for a core.
const LONGEST: Duration = Duration::from_secs(1);

/// Middleware that counts what is asked for, pictures too, until its head is answered; uploads and logins come second.
///
/// # Errors
/// Those of what comes next.
pub async fn count<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>();
    let Some(counted) = state.filter(|_| request.method().is_safe()).map(|state| state.pages.begin()) else {
        return next.call(request).await;
    };
    let mut answer = pin!(next.call(request));
    match timeout(LONGEST, &mut answer).await {
        Ok(answer) => answer,
        Err(_) => {
            drop(counted);
            answer.await
        }
    }
}

/// The frame of a page.
pub struct Page {
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// `system`, `light` or `dark`.
    pub theme: &'static str,
    /// Path and query of this page, to come back to.
    pub path: String,
    /// What happened before this page.
    pub notice: Option<ShownNotice>,
    /// Whether anyone may make an account.
    pub registration_open: bool,
    /// What people call the provider they may log in with.
    pub elsewhere: Option<String>,
}

/// Who is signed in, as the frame shows it.
pub struct Viewer {
    /// Their username.
    pub username: String,
    /// Whether the admin pages are theirs.
    pub admin: bool,
}

impl Page {
    /// The frame for `viewer`, without a notice.
    #[must_use]
    pub fn of(request: &HttpRequest, viewer: Option<&SignedIn>) -> Self {
        let state = request.app_data::<web::Data<AppState>>();
        let theme = request.cookie(THEME_COOKIE);
        Self {
            viewer: viewer.map(|SignedIn { user, .. }| Viewer {
                username: user.username.clone(),
                admin: user.role() == Role::Admin,
            }),
            theme: theme_named(theme.as_ref().map_or("", |cookie| cookie.value())),
            path: request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            notice: None,
            elsewhere: state.and_then(|state| state.oidc.as_ref().map(|oidc| oidc.name().to_owned())),
            registration_open: state.is_some_and(|state| state.registration.is_open()),
        }
    }
}

/// The theme of this name, else the system's.
#[must_use]
pub fn theme_named(name: &str) -> &'static str {
    ["light", "dark"].into_iter().find(|theme| *theme == name).unwrap_or("system")
}

impl FromRequest for Page {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AppError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let viewer = signed_in(&request).await?;
            if let Some(state) = request.app_data::<web::Data<AppState>>().filter(|_| viewer.is_none()) {
                state.registration.refresh(&state.db).await;
            }
            let mut page = Self::of(&request, viewer.as_deref());
            let whole = request.method() == Method::GET && !Htmx::of(request.headers()).wants_fragment();
            if let Some(viewer) = viewer.filter(|_| whole) {
                page.notice = Notice::show(&request, &viewer.session);
            }
            Ok(page)
        })
    }
}
