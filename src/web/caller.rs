//! Who is asking where programs ask too: an access token counts before the cookie, and one that is worth nothing is
//! refused, whatever the cookie says.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{Error, FromRequest, HttpRequest, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::{Session, SessionId, User};
use crate::tokens::RefreshToken;
use crate::web::auth::{SignedIn, signed_in, user_agent};

/// Someone signed in by an access token or by the cookie; without either the answer is [`AppError::LoginRequired`].
pub struct Caller(Rc<SignedIn>);

impl Deref for Caller {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

/// Anyone, signed in by an access token, by the cookie, or not. A token that is worth nothing is refused.
pub struct AnyCaller(pub Option<Rc<SignedIn>>);

/// A caller and what they sent, in this order. Extractors otherwise run side by side, and the first complaint wins: nobody
/// is told what is wrong with a body before it is known who sends it, and it is not even read.
pub struct Sent<T>(pub Caller, pub T);

/// The access token a request brings. Other schemes are not for us: a proxy in front may have one of its own.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whoever a request comes from: by its access token if it has one, else by its cookie.
async fn caller(request: &HttpRequest) -> Result<Option<Rc<SignedIn>>, AppError> {
    let Some(token) = bearer(request.headers()) else { return signed_in(request).await };
    let state = request.app_data::<web::Data<AppState>>().ok_or_else(|| AppError::internal("no state"))?;
    let named = state.tokens.read(token).ok_or(AppError::LoginRequired)?;
    let (session, user) =
        state.db.read(move |conn| Session::find(conn, named.session)).await?.ok_or(AppError::LoginRequired)?;
    if user.id != named.user || session.refresh_hash.is_none() {
        return Err(AppError::LoginRequired);
    }
    Ok(Some(Rc::new(SignedIn { session, user })))
}

type Extracted<T, E = AppError> = Pin<Box<dyn Future<Output = Result<T, E>>>>;

impl FromRequest for Caller {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await?.map(Caller).ok_or(AppError::LoginRequired) })
    }
}

impl FromRequest for AnyCaller {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await.map(AnyCaller) })
    }
}

impl<T: FromRequest + 'static> FromRequest for Sent<T> {
    type Error = Error;
    type Future = Extracted<Self, Error>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = Caller::from_request(&request, &mut Payload::None).await?;
            let sent = T::from_request(&request, &mut payload).await.map_err(Into::into)?;
            Ok(Self(caller, sent))
        })
    }
}

/// Signs a program in as `user`; answers the session and the secret that goes into its first refresh token.
///
/// # Errors
/// As [`sign_in`](crate::web::auth::sign_in).
pub async fn sign_in_program(
    request: &HttpRequest,
    state: &AppState,
    user: &User,
) -> Result<(SessionId, RefreshToken), AppError> {
    let (user, user_agent) = (user.clone(), user_agent(request));
    let refresh = RefreshToken::generate();
    let hash = refresh.hash();
    let start = move |conn: &mut diesel::PgConnection| {
        if !user.is_unchanged(conn)? {
            return Err(AppError::LoginRequired);
        }
        Ok(Session::start(conn, user.id, &user_agent, Some(&hash))?)
    };
    Ok((state.db.write(start).await?, refresh))
}
