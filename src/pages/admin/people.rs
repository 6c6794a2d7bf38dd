//! `GET /admin/people?q=&after=`: everybody with an account, by name, page by page.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use diesel::QueryResult;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::Role;
use crate::models::person::{Person, Totals};
use crate::models::quota::in_words;
use crate::models::settings::Settings;
use crate::pages::admin::room_of;
use crate::pages::room::{Room, photos_in_words};
use crate::routes;
use crate::web::auth::Admin;
use crate::web::forms::Pairs;
use crate::web::htmx::Htmx;
use crate::web::page::Page;

/// People on a page.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "admin/people.html", blocks = ["list"])]
struct People {
    page: Page,
    q: String,
    totals: String,
    rows: Vec<Row>,
    next: Option<String>,
    /// This is not the first page.
    later: bool,
}

struct Row {
    href: String,
    name: String,
    username: String,
    email: String,
    admin: bool,
    active: bool,
    deleting: bool,
    room: Room,
}

/// Those with `q` in their username, email address or full name.
pub async fn show_people(
    request: HttpRequest,
    state: web::Data<AppState>,
    page: Page,
    _admin: Admin,
    htmx: Htmx,
) -> Result<HttpResponse, AppError> {
    let query = Pairs::of_query(&request)?;
    let q: String = query.first("q").trim().chars().take(200).collect();
    let after = Some(query.first("after").to_owned()).filter(|after| !after.is_empty());
    let (part, from) = (q.clone(), after.clone());
    let (mut people, totals, settings) = state
        .db
        .read(move |conn| {
            let people = Person::page(conn, &part, from.as_deref(), PAGE as i64 + 1)?;
            QueryResult::Ok((people, Totals::load(conn)?, Settings::load(conn)?))
        })
        .await?;
    let more = people.len() > PAGE;
    people.truncate(PAGE);
    let last = people.last().filter(|_| more).map(|last| routes::admin::people_page(&q, &last.user.username));
    let rows = people.into_iter().map(|person| Row::of(person, settings)).collect();
    let view = People { page, totals: words(totals), rows, next: last, later: after.is_some(), q };
    htmx.answer(StatusCode::OK, &view, &view.as_list())
}

impl Row {
    fn of(person: Person, settings: Settings) -> Self {
        let room = room_of(&person, &settings);
        let (deleting, user) = (person.deleting, person.user);
        Self {
            deleting,
            href: routes::admin::person(user.id.0),
            name: user.display_name().to_owned(),
            admin: user.role() == Role::Admin,
            active: user.active,
            room,
            username: user.username,
            email: user.email,
        }
    }
}

fn words(totals: Totals) -> String {
    let people = if totals.people == 1 { "1 person".to_owned() } else { format!("{} people", totals.people) };
    format!("{people}, {}, {}", photos_in_words(totals.photos), in_words(totals.bytes))
}
