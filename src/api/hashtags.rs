//! `/api/v1/hashtags/`: the hashtags that are for all to see. Whose private photos carry which is not told here.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::tagged;
use crate::app::AppState;
use crate::error::AppError;
use crate::models::Hashtag;
use crate::models::hashtag::Listed;
use crate::web::caller::{Sent, WritePhotos};
use crate::web::forms::{JsonBody, Pairs};

/// The most hashtags of an answer.
const MOST: i64 = 1000;

/// A hashtag to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHashtag {
    /// With or without `#`: one name of letters, digits, `_` and `-` of any script. It is kept in lower case and in one form
    /// (NFKC, case-folded).
    #[schema(min_length = 1, example = "#Sunset")]
    name: String,
}

/// A hashtag that is for all to see.
#[derive(Serialize, ToSchema)]
#[schema(as = Hashtag)]
pub struct HashtagJson {
    /// In its one form, without `#`.
    #[schema(min_length = 1, max_length = 64, example = "sunset")]
    name: String,
    /// How many public photos carry it.
    #[schema(minimum = 0, example = 12)]
    photos: i64,
}

/// Hashtags that are for all to see.
#[derive(Serialize, ToSchema)]
pub struct HashtagList {
    /// By name; in a search those that begin with what is searched for come first. At most 1 000.
    #[schema(max_items = 1000)]
    hashtags: Vec<HashtagJson>,
}

/// `POST /hashtags/`: creates one for all to see; 200 when it was so already.
pub async fn create_hashtag(
    state: web::Data<AppState>,
    sent: Sent<WritePhotos, JsonBody<NewHashtag>>,
) -> Result<HttpResponse, AppError> {
    let Sent(_, JsonBody(new)) = sent;
    let names = Hashtag::parse_list(&new.name).map_err(|error| AppError::invalid_field("name", error.to_string()))?;
    let Ok([name]) = <[Hashtag; 1]>::try_from(names) else {
        return Err(AppError::invalid_field("name", "Give the name of one hashtag."));
    };
    let (hashtag, is_new) = state.db.write(move |conn| Listed::create(conn, &name)).await?;
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(HashtagJson::from(hashtag)))
}

/// `GET /hashtags/`: all of them.
pub async fn list_hashtags(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    answer(&request, &state, String::new()).await
}

/// `GET /hashtags/search?q=`: those with `q` in their name.
pub async fn search_hashtags(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let q = Pairs::of_query(&request)?.first("q").chars().take(200).collect();
    answer(&request, &state, q).await
}

async fn answer(request: &HttpRequest, state: &AppState, q: String) -> Result<HttpResponse, AppError> {
    let found = state.db.read(move |conn| Listed::search(conn, &q, MOST)).await?;
    tagged(request, &HashtagList { hashtags: found.into_iter().map(HashtagJson::from).collect() })
}

impl From<Listed> for HashtagJson {
    fn from(hashtag: Listed) -> Self {
        Self { name: hashtag.name, photos: hashtag.photos }
    }
}
