//! `GET, POST /admin/people/{id}/delete`: deleting an account with everything in it, after its name was typed.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::QueryResult;
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::UserId;
use crate::models::account_deletion::{self, Belongings};
use crate::models::person::{LastAdmin, Person};
use crate::models::quota::in_words;
use crate::pages::admin::person::LAST_ADMIN;
use crate::pages::room::photos_in_words;
use crate::routes;
use crate::web::auth::Admin;
use crate::web::forms::Field;
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "admin/deletion.html")]
struct Deletion {
    page: Page,
    id: i64,
    name: String,
    username: String,
    email: String,
    /// The admin who looks.
    own: bool,
    photos: String,
    size: String,
    belongings: Belongings,
    typed: Field,
    error: Option<&'static str>,
}

/// What goes, and a field for the name.
pub async fn show_deletion(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
) -> Result<HttpResponse, AppError> {
    let (view, _) = Deletion::load(&state, page, &admin, *id).await?;
    whole_page(StatusCode::OK, &view)
}

/// What is sent.
#[derive(Deserialize)]
pub struct Confirmation {
    /// The username once more.
    #[serde(default)]
    username: String,
}

/// Deletes the account, or as much of it as somebody waits for: the sweeper does the rest.
pub async fn delete_person(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
    form: web::Form<Confirmation>,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    let (mut view, photos) = Deletion::load(&state, page, &admin, id).await?;
    view.typed = Field::of(form.username.trim());
    if !view.typed.value.eq_ignore_ascii_case(&view.username) {
        view.typed.refuse(format!("Type {} to delete this account. Nothing was deleted.", view.username));
        return whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view);
    }
    if let Err(LastAdmin) = state.db.write(move |conn| account_deletion::begin(conn, id)).await? {
        view.error = Some(LAST_ADMIN);
        return whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view);
    }
    tracing::info!(user = %id, by = %admin.user.id, photos, "an account is being deleted");
    let gone = state.album.go_on_deleting(id).await?;
    if view.own {
        return Ok(see_other(routes::home()));
    }
    let notice = if gone { Notice::AccountDeleted } else { Notice::AccountGoing };
    notice(view.username, usize::try_from(photos).unwrap_or_default()).leave(&state, admin.session.id).await;
    Ok(see_other(routes::admin::people()))
}

impl Deletion {
    /// Answers also how many photos there are.
    async fn load(state: &AppState, page: Page, admin: &Admin, id: UserId) -> Result<(Self, i64), AppError> {
        let (person, belongings) =
            state.db.read(move |conn| QueryResult::Ok((Person::find(conn, id)?, Belongings::of(conn, id)?))).await?;
        let Person { user, photos, bytes, .. } = person;
        let view = Self {
            page,
            id: id.0,
            name: user.display_name().to_owned(),
            own: id == admin.user.id,
            photos: photos_in_words(photos),
            size: in_words(bytes),
            belongings,
            typed: Field::default(),
            error: None,
            username: user.username,
            email: user.email,
        };
        Ok((view, photos))
    }
}
