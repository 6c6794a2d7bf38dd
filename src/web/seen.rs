//! The photo whose bytes are asked for, if the one who asks may have them: extractors, so that a handler that serves bytes
//! cannot forget to ask.
//!
//! Who asks and what they may see is one question to the database, put together with those of others
//! ([`Gathered`](crate::db::Gathered)): a gallery asks for sixty thumbnails at a time.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::photo::is_share_token;
use crate::models::{Photo, PhotoId, Seen, UserId, Viewer, Which};
use crate::web::auth::claimed_session;
use crate::web::caller::{AnyCaller, ReadPhotos, bearer};

/// The photo in the path's `{id}`, which the one who asks may see: their own or a public one.
pub struct VisiblePhoto {
    photo: Photo,
    own: bool,
}

impl VisiblePhoto {
    /// Whether it is the one's who asks.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.own
    }
}

/// The photo in the path's `{id}`, which is the one's who asks; without a login the answer is
/// [`AppError::LoginRequired`].
pub struct OwnPhoto(Photo);

impl Deref for VisiblePhoto {
    type Target = Photo;

    fn deref(&self) -> &Photo {
        &self.photo
    }
}

impl Deref for OwnPhoto {
    type Target = Photo;

    fn deref(&self) -> &Photo {
        &self.0
    }
}

/// The photo behind a link.
///
/// # Errors
/// [`AppError::NotFound`] when no photo has this link (any more); of the database.
pub async fn linked_photo(state: &AppState, token: &str) -> Result<Photo, AppError> {
    if !is_share_token(token) {
        return Err(AppError::NotFound);
    }
    let seen = state.seen.ask((Viewer::Nobody, Which::Link(token.to_owned()))).await?;
    seen.photo.ok_or(AppError::NotFound)
}

async fn seen(request: &HttpRequest) -> Result<Seen, AppError> {
    let state = request.app_data::<web::Data<AppState>>().ok_or_else(|| AppError::internal("no state"))?;
    let id = request.match_info().query("id").parse().map(PhotoId);
    let viewer = viewer(request).await?;
    match id {
        Ok(id) => state.seen.ask((viewer, Which::Id(id))).await,
        Err(_) => Err(AppError::NotFound),
    }
}

async fn viewer(request: &HttpRequest) -> Result<Viewer, AppError> {
    if bearer(request.headers()).is_some() {
        let caller = AnyCaller::<ReadPhotos>::from_request(request, &mut Payload::None).await?.0;
        return Ok(caller.map_or(Viewer::Nobody, |asking| Viewer::User(asking.user.id)));
    }
    Ok(claimed_session(request).map_or(Viewer::Nobody, Viewer::Session))
}

fn own(Seen { viewer, photo }: Seen) -> Result<OwnPhoto, AppError> {
    let viewer: UserId = viewer.ok_or(AppError::LoginRequired)?;
    photo.filter(|photo| photo.owner_id == viewer).map(OwnPhoto).ok_or(AppError::NotFound)
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, AppError>>>>;

impl FromRequest for VisiblePhoto {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let Seen { viewer, photo } = seen(&request).await?;
            let photo = photo.ok_or(AppError::NotFound)?;
            Ok(VisiblePhoto { own: viewer == Some(photo.owner_id), photo })
        })
    }
}

impl FromRequest for OwnPhoto {
    type Error = AppError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { own(seen(&request).await?) })
    }
}
