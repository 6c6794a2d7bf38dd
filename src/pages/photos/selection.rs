//! `POST /photos/selection`: hashtags or deletion of several photos at once.

use actix_web::{HttpResponse, web};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::{Hashtag, Photo, PhotoId, UserId, hashtag};
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::forms::{Pairs, local_path};
use crate::web::htmx::{Htmx, see_other};
use crate::web::notice::Notice;
use crate::web::selected::Selected;

/// Fields: `photo` (many), `action` (`hashtags` or `delete`), `add` and `remove` (lists of hashtags), `next`.
/// Photos that are not one's own are passed over, as they do not exist for the one who asks. A form that adds and removes
/// hashtags says what to change and not how it was, so an old page cannot bring anything back.
pub async fn edit_selection(
    state: web::Data<AppState>,
    user: CurrentUser,
    htmx: Htmx,
    form: Pairs,
) -> Result<HttpResponse, AppError> {
    let owner = user.user.id;
    let photos = Selected::of(&form)?.into_ids();
    let notice = match form.first("action") {
        "delete" => match state.album.let_go(owner, photos).await?.as_slice() {
            [] => return Err(AppError::NotFound),
            gone @ [one, ..] => Notice::deleted(gone.len(), *one),
        },
        "hashtags" => {
            let changed = change_hashtags(&state, owner, photos, form.first("add"), form.first("remove")).await?;
            Notice::HashtagsChanged(changed)
        }
        _ => return Err(AppError::Invalid("Choose what to do with the selected photos.".to_owned())),
    };
    let undoable = notice.undo().is_some();
    if htmx.wants_fragment() && !undoable {
        return Ok(HttpResponse::NoContent().finish());
    }
    notice.leave(&state, user.session.id).await;
    if htmx.wants_fragment() {
        return notice.fragment();
    }
    Ok(see_other(&local_path(Some(form.first("next")), routes::photos())))
}

async fn change_hashtags(
    state: &AppState,
    owner: UserId,
    photos: Vec<PhotoId>,
    add: &str,
    remove: &str,
) -> Result<usize, AppError> {
    let parse = |text| Hashtag::parse_list(text).map_err(|error| AppError::Invalid(error.to_string()));
    let (add, remove) = (parse(add)?, parse(remove)?);
    state
        .db
        .write(move |conn| {
            hashtag::lock_owner(conn, owner)?;
            let photos = Photo::all_owned_by(conn, owner, &photos)?;
            if photos.is_empty() {
                return Err(AppError::NotFound);
            }
            Hashtag::remove(conn, owner, &photos, &remove)?;
            Hashtag::add(conn, owner, &photos, &add)?;
            let most = Hashtag::most_on_one(conn, owner, &photos)?;
            if most > hashtag::MOST_PER_PHOTO {
                return Err(AppError::Invalid(hashtag::HashtagError::TooMany(most).to_string()));
            }
            Ok(photos.len())
        })
        .await
}
