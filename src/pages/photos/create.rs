//! `POST /photos`: uploading.

use std::cell::Cell;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt, stream};

use crate::album::{NotTaken, Staged, Taken};
use crate::app::AppState;
use crate::error::AppError;
use crate::models::{Hashtag, UserId};
use crate::pages::photos::card::Card;
use crate::pages::photos::list::Gallery;
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::filter::Filter;
use crate::web::form_part::SentForm;
use crate::web::htmx::{Htmx, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;
use crate::web::upload_form::{Refusal, UploadForm};

/// Files of one upload that are worked on at the same time: enough to keep the decoders busy.
const AT_ONCE: usize = 4;

/// Takes in what was sent. Files that are refused do not keep the others out; bad hashtags keep all of them out, as
/// otherwise they would have to be written again one by one.
pub async fn create_photos(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    SentForm(upload): SentForm,
) -> Result<HttpResponse, AppError> {
    let owner = user.user.id;
    state.rates.upload_of(&request, owner)?;
    let mut form = UploadForm::read(upload, &state.album, owner, &state.config.limits).await?;
    let mut taken = Vec::new();
    match Hashtag::parse_list(&form.hashtags) {
        Ok(hashtags) => take_in_all(&state, owner, &mut form, &hashtags, &mut taken).await,
        Err(error) => refuse_all(&mut form, &error.to_string()),
    }
    if form.refused.is_empty() && taken.is_empty() {
        let reason = "Choose one or more photos first.".to_owned();
        form.refused.push(Refusal { filename: String::new(), reason, status: StatusCode::UNPROCESSABLE_ENTITY });
    }
    if form.refused.is_empty() && !htmx.wants_fragment() {
        notice(&taken).leave(&state, user.session.id).await;
        return Ok(see_other(routes::photos()));
    }
    let status = overall(&form.refused);
    let mut view = if htmx.wants_fragment() {
        Gallery::empty(&state, page)
    } else {
        Gallery::load(&state, page, owner, Filter::default()).await?
    };
    view.uploaded = taken.into_iter().map(card).collect();
    view.refused = form.refused;
    view.upload_hashtags = form.hashtags;
    htmx.answer(status, &view, &view.as_uploaded())
}

async fn take_in_all(
    state: &AppState,
    owner: UserId,
    form: &mut UploadForm,
    hashtags: &[Hashtag],
    taken: &mut Vec<Taken>,
) {
    // The others would not fare better, and each would take its time to find out.
    let away = Cell::new(false);
    let take_in = |staged: Staged| async {
        let filename = staged.filename().to_owned();
        if away.get() {
            return (filename, Err(AppError::unavailable("as one that came with it").into()));
        }
        let outcome = state.album.take_in(owner, staged, hashtags.to_vec()).await;
        away.set(away.get() || matches!(outcome, Err(NotTaken::Failed(AppError::Unavailable(_)))));
        (filename, outcome)
    };
    let mut outcomes = stream::iter(std::mem::take(&mut form.files)).map(take_in).buffered(AT_ONCE);
    while let Some((filename, outcome)) = outcomes.next().await {
        match outcome {
            Ok(one) => taken.push(one),
            Err(error) => form.refused.push(Refusal::of(filename, &error)),
        }
    }
}

/// What the gallery says once, where the answer is not the photos themselves.
fn notice(taken: &[Taken]) -> Notice {
    let already_here: Vec<_> = taken.iter().filter(|taken| taken.already_here).map(|taken| taken.photo.id).collect();
    match already_here.first() {
        None => Notice::Uploaded(taken.len()),
        Some(first) => {
            Notice::AlreadyHere { added: taken.len() - already_here.len(), known: already_here.len(), first: *first }
        }
    }
}

fn card(taken: Taken) -> Card {
    let href = routes::photo(&taken.photo.id.to_string());
    Card { already_here: taken.already_here, ..Card::new(&taken.photo, taken.hashtags, href) }
}

fn refuse_all(form: &mut UploadForm, reason: &str) {
    for staged in std::mem::take(&mut form.files) {
        let filename = staged.filename().to_owned();
        form.refused.push(Refusal { filename, reason: reason.to_owned(), status: StatusCode::UNPROCESSABLE_ENTITY });
    }
}

/// The status all refusals have in common, else 422.
fn overall(refused: &[Refusal]) -> StatusCode {
    match refused {
        [] => StatusCode::OK,
        [first, others @ ..] if others.iter().all(|other| other.status == first.status) => first.status,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
