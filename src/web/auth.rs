//! Who is asking. An extractor in a handler's signature is its authorization.
//!
//! A browser's signed cookie names a session row, and so does a program's access token; the row is read at every request,
//! so that what was signed out is out at once. Pages take the cookie alone (here), the API and photos' bytes take either
//! (`caller`). A database that does not answer is [`AppError::Unavailable`], never "not signed in".

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;

use actix_session::{Session as Cookie, SessionExt};
use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use tokio::sync::OnceCell;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::{Role, Session, SessionId, User, tries};
use crate::passwords::{Lane, Verdict};
use crate::web::limits::device;
use crate::web::limits::guesses::Source;
use crate::web::new_account::checked_password;

/// The one thing in the cookie.
const SESSION_ID: &str = "session";

/// A signed-in device and its user.
pub struct SignedIn {
    /// Which device.
    pub session: Session,
    /// Who.
    pub user: User,
}

/// Someone signed in; without it the answer is [`AppError::LoginRequired`].
pub struct CurrentUser(Rc<SignedIn>);

impl Deref for CurrentUser {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

/// An admin; to everyone else the answer is [`AppError::NotFound`], as for an address that leads nowhere.
pub struct Admin(Rc<SignedIn>);

impl Deref for Admin {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

/// Anyone, signed in or not.
pub struct Visitor(pub Option<Rc<SignedIn>>);

/// Kept in the request, so that one request asks the database once: extractors run side by side, and the second waits
/// for what the first finds.
type LookUp = Rc<OnceCell<Option<Rc<SignedIn>>>>;

/// The signed-in device this request comes from.
///
/// # Errors
/// [`AppError::Unavailable`] when the database does not answer.
pub async fn signed_in(request: &HttpRequest) -> Result<Option<Rc<SignedIn>>, AppError> {
    let known = request.extensions().get::<LookUp>().cloned();
    let look_up = known.unwrap_or_else(|| {
        let new = LookUp::default();
        request.extensions_mut().insert(Rc::clone(&new));
        new
    });
    look_up.get_or_try_init(|| find(request)).await.cloned()
}

/// The session that the cookie names, whether it is there or not.
pub(super) fn claimed_session(request: &HttpRequest) -> Option<SessionId> {
    // A cookie whose content we cannot read is one we did not make.
    request.get_session().get::<SessionId>(SESSION_ID).ok().flatten()
}

async fn find(request: &HttpRequest) -> Result<Option<Rc<SignedIn>>, AppError> {
    let state = request.app_data::<web::Data<AppState>>().ok_or_else(|| AppError::internal("no state"))?;
    let Some(id) = claimed_session(request) else { return Ok(None) };
    let found = state.db.read(move |conn| Session::find(conn, id)).await?;
    Ok(found.map(|(session, user)| Rc::new(SignedIn { session, user })))
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, AppError>>>>;

impl FromRequest for CurrentUser {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { signed_in(&request).await?.map(CurrentUser).ok_or(AppError::LoginRequired) })
    }
}

impl FromRequest for Admin {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let found = signed_in(&request).await?;
            found.filter(|found| found.user.role() == Role::Admin).map(Admin).ok_or(AppError::NotFound)
        })
    }
}

impl FromRequest for Visitor {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { signed_in(&request).await.map(Visitor) })
    }
}

/// The active user whose username or email address and password these are. It takes as long when there is none.
///
/// # Errors
/// [`AppError::TooMany`] before the password is looked at; of the database.
pub async fn with_password(
    request: &HttpRequest,
    state: &AppState,
    login: &str,
    password: String,
) -> Result<Option<User>, AppError> {
    let source = Source::of(request);
    let (user, tried) = state.guesses.at_password_of(&source, login).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let lane = tried.lane;
    let verdict = state.passwords.verify(lane, password.clone(), hash).await?;
    let mut user = user.filter(|user| verdict.is_right() && user.active);
    match &mut user {
        Some(user) => {
            tried.take_back().await?;
            if verdict == Verdict::RightAsTyped {
                renew_hash(state, user, lane, password).await?;
            }
        }
        None => tracing::info!(address = %source.address(), "login refused"),
    }
    Ok(user)
}

/// Keeps the hash of the normalised password instead, so that it is right from every keyboard.
async fn renew_hash(state: &AppState, user: &mut User, lane: Lane, password: String) -> Result<(), AppError> {
    // One that was allowed before and is too long once it is normalised stays as it is.
    let Some(old) = user.password_hash.clone().filter(|_| checked_password(&password).is_fine()) else { return Ok(()) };
    let (id, new) = (user.id, state.passwords.hash(lane, password).await?);
    let kept = new.clone();
    if state.db.write(move |conn| User::renew_password_hash(conn, id, &old, &kept)).await? {
        user.password_hash = Some(new);
    }
    Ok(())
}

/// What the client says it is.
pub(super) fn user_agent(request: &HttpRequest) -> String {
    let value = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Signs this device in as `user`, with a new session whatever the cookie said before.
///
/// # Errors
/// Of the database; [`AppError::LoginRequired`] when the account is not as it was any more.
pub async fn sign_in(request: &HttpRequest, state: &AppState, user: &User) -> Result<SessionId, AppError> {
    device::remember(request, state, user.id);
    let (user, user_agent) = (user.clone(), user_agent(request));
    let place = state.guesses.place(&Source::of(request), user.id);
    let before = signed_in(request).await?.map(|before| (before.user.id, before.session.id));
    let session = SessionId::generate();
    state
        .db
        .write(move |conn| {
            // Comparing a password takes a while, in which it may have been changed.
            if !user.is_unchanged(conn)? {
                return Err(AppError::LoginRequired);
            }
            if let Some((user, session)) = before {
                Session::end(conn, user, session)?;
            }
            tries::know(conn, &place)?;
            Ok(Session::start(conn, session, user.id, &user_agent, None)?)
        })
        .await?;
    let cookie = request.get_session();
    cookie.clear();
    cookie.insert(SESSION_ID, session).map_err(|error| AppError::internal(error.to_string()))?;
    cookie.renew();
    Ok(session)
}

/// Removes the cookie. The row is the caller's to end.
pub fn forget(cookie: &Cookie) {
    cookie.purge();
}
