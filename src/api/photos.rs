//! `/api/v1/photos/`: one's own photos.

use actix_web::http::header::{self, ETag, EntityTag, Header as _, IfMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::{PgConnection, QueryResult};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};

use crate::album::{NotTaken, Staged, Taken};
use crate::api::idempotency::{Claimed, IdempotencyKey, Try, fingerprint, respond};
use crate::api::photo_json::{PhotoJson, PhotoList};
use crate::api::{digest, page_size, tagged};
use crate::app::AppState;
use crate::config::Limits;
use crate::error::{AppError, FieldErrors};
use crate::media::MediaError;
use crate::models::idempotency::{Answer, Hold};
use crate::models::{Cursor, Hashtag, Listing, Photo, PhotoId, UserId, Visibility, hashtag};
use crate::routes;
use crate::web::caller::{Caller, ReadPhotos, Sent, WritePhotos};
use crate::web::filter::{Filter, cut_page};
use crate::web::form_part::SentForm;
use crate::web::forms::{JsonBody, Pairs};
use crate::web::photo_changes::{Checked, Typed};
use crate::web::upload_form::{Refusal, UploadForm};

/// Photos of an answer, unless it is asked for another number.
pub const PAGE: usize = 60;
/// The most.
pub const LARGEST_PAGE: usize = 200;

/// `GET /photos/?hashtag=&limit=&after=`: a page of them, newest first.
pub async fn list_photos(
    request: HttpRequest,
    state: web::Data<AppState>,
    caller: Caller<ReadPhotos>,
) -> Result<HttpResponse, AppError> {
    let filter = Filter::of(&request)?;
    let limit = page_size(&Pairs::of_query(&request)?, PAGE, LARGEST_PAGE)?;
    let after: Option<Cursor> = filter.after()?;
    let listing = Listing { owner: caller.user.id, only_public: false, hashtags: filter.hashtags.clone() };
    let (mut listed, total) = state
        .db
        .read(move |conn| diesel::QueryResult::Ok((listing.page(conn, after, limit as i64 + 1)?, listing.total(conn)?)))
        .await?;
    let next = cut_page(&mut listed, limit)
        .map(|cursor| state.absolute(&routes::api_photos(&filter.hashtags, limit, &cursor.to_string())));
    let photos = listed.into_iter().map(|(photo, hashtags)| PhotoJson::of(&state, photo, hashtags)).collect();
    tagged(&request, &PhotoList { photos, total, next })
}

/// `POST /photos/`: takes one photo in. The same bytes again are the photo that is here, with these hashtags added.
pub async fn create_photo(
    request: HttpRequest,
    state: web::Data<AppState>,
    caller: Caller<WritePhotos>,
    key: IdempotencyKey,
    SentForm(upload): SentForm,
) -> Result<HttpResponse, AppError> {
    state.rates.upload_of(&request, caller.user.id)?;
    let limits = Limits { files_per_upload: 1, ..state.config.limits };
    let mut form = UploadForm::read(upload, &state.album, caller.user.id, &limits).await?;
    let (hashtags, visibility) = (std::mem::take(&mut form.hashtags), std::mem::take(&mut form.visibility));
    let wanted = Wanted::parse(&hashtags, &visibility)?;
    let staged = only_file(form)?;
    let texts = [staged.filename(), &hashtags, &visibility].map(str::as_bytes);
    let request = fingerprint([&b"POST /photos"[..], staged.sha256()].into_iter().chain(texts));
    match key.claim(&state.db, caller.user.id, request).await? {
        Claimed::Before(answer) => Ok(answer),
        Claimed::Now(this) => take_in(state, this, caller.user.id, staged, wanted).await,
    }
}

/// What a photo is to have from the beginning.
struct Wanted {
    hashtags: Vec<Hashtag>,
    visibility: Option<Visibility>,
}

impl Wanted {
    fn parse(hashtags: &str, visibility: &str) -> Result<Self, AppError> {
        let typed = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
        let checked = Typed::by_program(None, Some(hashtags.to_owned()), typed(visibility)).checked();
        if !checked.is_fine() {
            return Err(wrong(checked));
        }
        let hashtags = Hashtag::parse_list(hashtags);
        let hashtags = hashtags.map_err(|error| AppError::invalid_field("hashtags", error.to_string()))?;
        Ok(Self { hashtags, visibility: Visibility::parse(visibility) })
    }
}

/// Makes a file that has arrived a photo, and its answer one to be given again.
async fn take_in(
    state: web::Data<AppState>,
    this: Try,
    owner: UserId,
    staged: Staged,
    wanted: Wanted,
) -> Result<HttpResponse, AppError> {
    let filename = staged.filename().to_owned();
    let also = remember(&state, &this, wanted.visibility);
    let taken = this.run(state.album.take_in_and(owner, staged, wanted.hashtags, also)).await;
    let taken = taken.map_err(|error| refused(filename, error))?;
    Ok(respond(answer_to(&state, this.hold.as_ref(), &taken)?))
}

/// What is done with a photo in the transaction that keeps it: who is to see it, and the answer that will be given again.
pub(super) fn remember(
    state: &web::Data<AppState>,
    this: &Try,
    visibility: Option<Visibility>,
) -> impl Fn(&mut diesel::PgConnection, &mut Taken) -> Result<(), AppError> + Clone + Send + 'static {
    let (state, hold) = (state.clone(), this.hold.clone());
    move |conn, taken| {
        if let Some(visibility) = visibility {
            taken.photo = Photo::set_visibility(conn, taken.photo.owner_id, taken.photo.id, visibility)?;
        }
        match &hold {
            Some(hold) => Ok(hold.finish(conn, &answer_to(&state, Some(hold), taken)?)?),
            None => Ok(()),
        }
    }
}

/// 201 for a photo that is new: also one that a try with the same key kept, before it died without an answer.
pub(super) fn answer_to(state: &AppState, hold: Option<&Hold>, taken: &Taken) -> Result<Answer, AppError> {
    let began = hold.and_then(|hold| hold.first_began);
    let is_new = !taken.already_here || began.is_some_and(|began| taken.photo.created_at >= began);
    let here = state.absolute(&routes::api_photo(&taken.photo.id.to_string()));
    let photo = PhotoJson::of(state, taken.photo.clone(), taken.hashtags.clone());
    let body = serde_json::to_string(&photo).map_err(AppError::internal)?;
    Ok(Answer { status: if is_new { 201 } else { 200 }, location: Some(here), body })
}

/// `GET /photos/{id}`: one of them.
pub async fn show_photo(
    state: web::Data<AppState>,
    caller: Caller<ReadPhotos>,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    let (owner, id, shown) = (caller.user.id, *id, state.clone());
    Ok(state.db.read(move |conn| Shown::load(conn, &shown, owner, id)).await?.answer())
}

/// What is to change of a photo; what is absent or null stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PhotoChanges)]
pub struct Patch {
    /// One line. May be empty.
    #[schema(max_length = 200, example = "Evening at the harbour")]
    title: Option<String>,
    /// All that it is to carry, at most 50; the others are taken away.
    #[schema(schema_with = names)]
    hashtags: Option<Names>,
    /// Who may see it beside its owner. `private` ends its link for good.
    #[schema(schema_with = crate::api::photo_json::visibilities_or_null)]
    visibility: Option<String>,
}

/// Hashtags as people type them, or one by one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected hashtags as a text or a list of texts")]
pub(super) enum Names {
    Text(String),
    List(Vec<String>),
}

impl Names {
    /// As people type them.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(names) => names.join(" "),
        }
    }
}

/// The schema of [`Names`].
pub(super) fn names() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let what = "All that it is to carry, at most 50, as a list or as one text; the others are taken away.";
    OneOfBuilder::new()
        .item(ArrayBuilder::new().items(text()))
        .item(text())
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some(what))
        .examples([json!(["crete", "sunset"])])
        .build()
        .into()
}

/// `PATCH /photos/{id}`: title, hashtags, visibility; all that are sent, or none when one of them is wrong, or when the photo
/// is not the one any more that `If-Match` names.
pub async fn update_photo(
    request: HttpRequest,
    state: web::Data<AppState>,
    id: web::Path<PhotoId>,
    sent: Sent<WritePhotos, JsonBody<Patch>>,
) -> Result<HttpResponse, AppError> {
    let Sent(caller, JsonBody(Patch { title, hashtags, visibility })) = sent;
    let typed = Typed::by_program(title, hashtags.map(Names::into_text), visibility);
    let checked = typed.checked();
    if !checked.is_fine() {
        return Err(wrong(checked));
    }
    let (edit, expected) = (typed.edit()?, expected(&request)?);
    let (owner, photo, shown) = (caller.user.id, *id, state.clone());
    let change = move |conn: &mut PgConnection| {
        if let Some(expected) = expected {
            hashtag::lock_owner(conn, owner)?;
            Photo::hold(conn, owner, photo)?;
            let now = Shown::load(conn, &shown, owner, photo)?;
            if !expected.iter().any(|tag| tag.weak_eq(&now.tag())) {
                return Err(AppError::ChangedMeanwhile);
            }
        }
        edit.save(conn, owner, photo)?.map_err(|_| AppError::ChangedMeanwhile)?;
        Ok(Shown::load(conn, &shown, owner, photo)?)
    };
    Ok(state.db.write(change).await?.answer())
}

/// The photos that a change is for; `None` for whatever is there.
fn expected(request: &HttpRequest) -> Result<Option<Vec<EntityTag>>, AppError> {
    if !request.headers().contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Ok(None),
        Ok(IfMatch::Items(tags)) => Ok(Some(tags)),
        Err(_) => Err(AppError::BadRequest("If-Match names an ETag, in quotation marks.".to_owned())),
    }
}

/// A photo as its answer shows it.
struct Shown(String);

impl Shown {
    fn load(conn: &mut PgConnection, state: &AppState, owner: UserId, id: PhotoId) -> QueryResult<Self> {
        let (photo, hashtags) = (Photo::owned_by(conn, owner, id)?, Hashtag::of_photo(conn, id)?);
        let body = serde_json::to_string(&PhotoJson::of(state, photo, hashtags));
        body.map(Self).map_err(|error| diesel::result::Error::SerializationError(error.into()))
    }

    /// Strong: it is of all that the answer says. Compared as a weak one, since proxies that compress weaken it.
    fn tag(&self) -> EntityTag {
        EntityTag::new_strong(digest(&self.0))
    }

    fn answer(self) -> HttpResponse {
        HttpResponse::Ok().insert_header(ETag(self.tag())).content_type("application/json").body(self.0)
    }
}

/// `DELETE /photos/{id}`: no door shows it from here on.
pub async fn delete_photo(
    state: web::Data<AppState>,
    caller: Caller<WritePhotos>,
    id: web::Path<PhotoId>,
) -> Result<HttpResponse, AppError> {
    if state.album.let_go(caller.user.id, vec![*id]).await?.is_empty() {
        return Err(AppError::NotFound);
    }
    Ok(HttpResponse::NoContent().finish())
}

fn only_file(mut form: UploadForm) -> Result<Staged, AppError> {
    match (form.files.pop(), form.refused.pop()) {
        (Some(staged), None) => Ok(staged),
        (None, Some(refusal)) => Err(refusal.into_error()),
        (None, None) => Err(AppError::invalid_field("file", "Send a photo as “file”.")),
        (Some(_), Some(_)) => Err(AppError::invalid_field("file", "Send one photo at a time.")),
    }
}

/// What is ours stays as it is; what is the file's is said of the field.
pub(super) fn refused(filename: String, error: NotTaken) -> AppError {
    match error {
        NotTaken::Refused(MediaError::Internal(_)) => AppError::internal(error),
        NotTaken::Failed(AppError::Invalid(reason)) => AppError::invalid_field("hashtags", reason),
        NotTaken::Failed(error) => error,
        NotTaken::Refused(_) => Refusal::of(filename, &error).into_error(),
    }
}

fn wrong(Checked { title, hashtags, visibility }: Checked) -> AppError {
    let fields = [("title", title), ("hashtags", hashtags), ("visibility", visibility)];
    let wrong = fields.into_iter().filter_map(|(name, field)| Some((name, field?.errors)));
    AppError::InvalidFields(wrong.filter(|(_, errors)| !errors.is_empty()).collect::<FieldErrors>())
}
