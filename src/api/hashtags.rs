//! `/api/v1/hashtags/`: the hashtags that are for all to see. Whose private photos carry which is not told here.

use actix_web::{HttpRequest, HttpResponse, web};
use diesel::PgConnection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{page_size, tagged};
use crate::app::AppState;
use crate::error::AppError;
use crate::models::public_hashtag::{CREATED_AN_HOUR, Created, MOST_CREATED};
use crate::models::{Hashtag, PublicHashtag, Role, hashtag};
use crate::routes;
use crate::web::caller::{Caller, Sent, WritePhotos};
use crate::web::forms::{JsonBody, Pairs};

/// The most hashtags of an answer, and as many as there are unless it is asked for another number.
pub const LARGEST_PAGE: usize = 1000;

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

/// A page of hashtags that are for all to see.
#[derive(Serialize, ToSchema)]
pub struct HashtagList {
    /// By name; in a search those that begin with what is searched for come first.
    #[schema(max_items = 1000)]
    hashtags: Vec<HashtagJson>,
    /// The address of the next page; null on the last one.
    #[schema(format = Uri, example = "https://photos.example/api/v1/hashtags/?limit=1000&after=sunset")]
    next: Option<String>,
}

/// `POST /hashtags/`: creates one for all to see; 200 when it was so already. For an admin, one that was taken off the list too.
pub async fn create_hashtag(
    state: web::Data<AppState>,
    sent: Sent<WritePhotos, JsonBody<NewHashtag>>,
) -> Result<HttpResponse, AppError> {
    let Sent(caller, JsonBody(new)) = sent;
    let name = one_name(&new.name).map_err(|reason| AppError::invalid_field("name", reason))?;
    let (owner, is_admin) = (caller.user.id, caller.user.role() == Role::Admin);
    let tried = state.guesses.count_of(owner, CREATED_AN_HOUR).await?;
    let create = move |conn: &mut PgConnection| {
        if is_admin {
            PublicHashtag::put_back(conn, &name)?;
        }
        PublicHashtag::create(conn, owner, &name)
    };
    match state.db.write(create).await? {
        Created::New(hashtag) => Ok(HttpResponse::Created().json(HashtagJson::from(hashtag))),
        Created::Known(hashtag) => {
            tried.take_back().await?;
            Ok(HttpResponse::Ok().json(HashtagJson::from(hashtag)))
        }
        Created::TooMany => {
            let reason = format!("You have created {MOST_CREATED} hashtags for all to see, and that is the most.");
            Err(AppError::invalid_field("name", reason))
        }
        Created::Hidden => Err(AppError::invalid_field("name", "An admin took this hashtag off the public list.")),
    }
}

/// `DELETE /hashtags/{name}`: an admin takes one off the list. For everyone else there is nothing at this address.
pub async fn remove_hashtag(
    state: web::Data<AppState>,
    caller: Caller<WritePhotos>,
    name: web::Path<String>,
) -> Result<HttpResponse, AppError> {
    if caller.user.role() != Role::Admin {
        return Err(AppError::NotFound);
    }
    let name = one_name(&name).map_err(|_| AppError::NotFound)?;
    let this = name.clone();
    if !state.db.write(move |conn| PublicHashtag::take_off(conn, &this)).await? {
        return Err(AppError::NotFound);
    }
    tracing::info!(admin = %caller.user.id, hashtag = name.as_str(), "an admin took a hashtag off the public list");
    Ok(HttpResponse::NoContent().finish())
}

fn one_name(text: &str) -> Result<Hashtag, String> {
    let names = Hashtag::parse_list(text).map_err(|error| error.to_string())?;
    let [name] = <[Hashtag; 1]>::try_from(names).map_err(|_| "Give the name of one hashtag.".to_owned())?;
    Ok(name)
}

/// `GET /hashtags/?limit=&after=`: all of them, page by page.
pub async fn list_hashtags(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let query = Pairs::of_query(&request)?;
    let next = |limit, after: &str| routes::api_hashtags(limit, after);
    answer(&request, &state, &query, String::new(), next).await
}

/// `GET /hashtags/search?q=&limit=&after=`: those with `q` in their name.
pub async fn search_hashtags(request: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, AppError> {
    let query = Pairs::of_query(&request)?;
    let q: String = query.first("q").chars().take(200).collect();
    let part = q.clone();
    let next = |limit, after: &str| routes::api_hashtag_search(&q, limit, after);
    answer(&request, &state, &query, part, next).await
}

async fn answer(
    request: &HttpRequest,
    state: &AppState,
    query: &Pairs,
    part: String,
    next: impl Fn(usize, &str) -> String,
) -> Result<HttpResponse, AppError> {
    let limit = page_size(query, LARGEST_PAGE, LARGEST_PAGE)?;
    // Any text is a place in a list by name.
    let after: String = query.first("after").chars().filter(|c| !c.is_control()).take(hashtag::LONGEST).collect();
    let after = Some(after).filter(|after| !after.is_empty());
    let rows = move |conn: &mut PgConnection| PublicHashtag::page(conn, &part, after.as_deref(), limit as i64 + 1);
    let mut found = state.db.read(rows).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| state.absolute(&next(limit, &last.name)));
    tagged(request, &HashtagList { hashtags: found.into_iter().map(HashtagJson::from).collect(), next })
}

impl From<PublicHashtag> for HashtagJson {
    fn from(hashtag: PublicHashtag) -> Self {
        Self { name: hashtag.name, photos: hashtag.photos }
    }
}
