//! Who is asking where programs ask too: a token counts before the cookie, and one that is worth nothing is refused,
//! whatever the cookie says.
//!
//! A handler's signature says what a personal access token must be good for: `Caller<ReadPhotos>`. A login, by access token or by
//! cookie, is good for everything.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{Error, FromRequest, HttpRequest, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::personal_token::TokenText;
use crate::models::tries;
use crate::models::{PersonalToken, Scope, Session, SessionId, User};
use crate::routes;
use crate::tokens::RefreshToken;
use crate::web::auth::{signed_in, user_agent};
use crate::web::limits::guesses::Source;

/// What a handler needs a personal access token to be good for.
pub trait Need: 'static {
    /// `None`: anything will do.
    const SCOPE: Option<Scope>;
}

macro_rules! need {
    ($name:ident, $scope:expr, $doc:literal) => {
        #[doc = $doc]
        pub struct $name;

        impl Need for $name {
            const SCOPE: Option<Scope> = $scope;
        }
    };
}

need!(Nothing, None, "No scope.");
need!(ReadPhotos, Some(Scope::ReadPhotos), "The scope `photos:read`.");
need!(WritePhotos, Some(Scope::WritePhotos), "The scope `photos:write`.");
need!(ReadAccount, Some(Scope::ReadAccount), "The scope `account:read`.");

/// Whoever a request comes from.
pub struct Asking {
    /// Who.
    pub user: User,
    /// How we know.
    pub by: By,
}

/// How we know who is asking.
pub enum By {
    /// A login: a program's access token or a browser's cookie names its row.
    Session(SessionId),
    /// A personal access token.
    Token(PersonalToken),
}

/// Someone with a token or a cookie; without either the answer is [`AppError::LoginRequired`], with too small a token
/// [`AppError::InsufficientScope`].
pub struct Caller<N: Need>(Asking, PhantomData<N>);

impl<N: Need> Deref for Caller<N> {
    type Target = Asking;

    fn deref(&self) -> &Asking {
        &self.0
    }
}

/// Anyone, with a token, a cookie, or neither. A token that is worth nothing here is refused.
pub struct AnyCaller<N: Need>(pub Option<Asking>, PhantomData<N>);

/// A caller and what they sent, in this order. Extractors otherwise run side by side, and the first complaint wins: nobody
/// is told what is wrong with a body before it is known who sends it, and it is not even read.
pub struct Sent<N: Need, T>(pub Caller<N>, pub T);

/// The token a request brings. Other schemes are not for us: a proxy in front may have one of its own.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whoever a request comes from: by its token if it has one, else by its cookie.
async fn caller<N: Need>(request: &HttpRequest) -> Result<Option<Asking>, AppError> {
    let Some(token) = bearer(request.headers()) else {
        let signed_in = signed_in(request).await?;
        let asking = signed_in.map(|it| Asking { user: it.user.clone(), by: By::Session(it.session.id) });
        return counted(request, asking);
    };
    let state = request.app_data::<web::Data<AppState>>().ok_or_else(|| AppError::internal("no state"))?;
    let personal = TokenText::is_meant(token);
    let asking = if personal { by_personal_token::<N>(state, token).await? } else { by_login(state, token).await? };
    counted(request, Some(asking))
}

/// Counts a request to the API by its account; that of its address is counted already.
fn counted(request: &HttpRequest, asking: Option<Asking>) -> Result<Option<Asking>, AppError> {
    if let (Some(asking), Some(state)) = (&asking, request.app_data::<web::Data<AppState>>())
        && routes::is_api(request.path())
    {
        state.rates.request_of(asking.user.id)?;
    }
    Ok(asking)
}

async fn by_login(state: &AppState, token: &str) -> Result<Asking, AppError> {
    let named = state.tokens.read(token).ok_or(AppError::LoginRequired)?;
    let (session, user) =
        state.db.read(move |conn| Session::find(conn, named.session)).await?.ok_or(AppError::LoginRequired)?;
    if user.id != named.user || session.refresh_hash.is_none() {
        return Err(AppError::LoginRequired);
    }
    Ok(Asking { user, by: By::Session(session.id) })
}

async fn by_personal_token<N: Need>(state: &AppState, token: &str) -> Result<Asking, AppError> {
    let text = TokenText::parse(token).ok_or(AppError::LoginRequired)?;
    let found = state.db.read(move |conn| PersonalToken::find(conn, &text)).await?;
    let (token, user) = found.ok_or(AppError::LoginRequired)?;
    match N::SCOPE {
        Some(scope) if !token.allows(scope) => Err(AppError::InsufficientScope(scope)),
        _ => Ok(Asking { user, by: By::Token(token) }),
    }
}

type Extracted<T, E = AppError> = Pin<Box<dyn Future<Output = Result<T, E>>>>;

impl<N: Need> FromRequest for Caller<N> {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let asking = caller::<N>(&request).await?.ok_or(AppError::LoginRequired)?;
            Ok(Self(asking, PhantomData))
        })
    }
}

impl<N: Need> FromRequest for AnyCaller<N> {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(caller::<N>(&request).await?, PhantomData)) })
    }
}

impl<N: Need, T: FromRequest + 'static> FromRequest for Sent<N, T> {
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

/// Signs a program in as `user`; answers the session and its first refresh token.
///
/// # Errors
/// As [`sign_in`](crate::web::auth::sign_in).
pub async fn sign_in_program(
    request: &HttpRequest,
    state: &AppState,
    user: &User,
) -> Result<(SessionId, RefreshToken), AppError> {
    let (user, user_agent) = (user.clone(), user_agent(request));
    let session = SessionId::generate();
    let refresh = state.tokens.make_refresh(session).map_err(AppError::internal)?;
    let hash = refresh.hash();
    let place = state.guesses.place(&Source::of(request), user.id);
    let start = move |conn: &mut diesel::PgConnection| {
        if !user.is_unchanged(conn)? {
            return Err(AppError::LoginRequired);
        }
        tries::know(conn, &place)?;
        Ok(Session::start(conn, session, user.id, &user_agent, Some(&hash))?)
    };
    state.db.write(start).await?;
    Ok((session, refresh))
}
