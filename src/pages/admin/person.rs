//! `GET /admin/people/{id}` and what admins do there: role, quota, disabling and enabling. Photos are not shown.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::QueryResult;
use serde::Deserialize;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::person::{LastAdmin, Person};
use crate::models::quota::{self, in_words};
use crate::models::settings::Settings;
use crate::models::{Role, Session, User, UserId};
use crate::pages::admin::room_of;
use crate::pages::photos::card::{day, minute};
use crate::pages::room::Room;
use crate::routes;
use crate::web::auth::Admin;
use crate::web::forms::Field;
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

/// Said when there would be no admin left.
const LAST_ADMIN: &str = "There is no other admin. Make somebody else an admin first.";

#[derive(Template)]
#[template(path = "admin/person.html")]
struct OnePerson {
    page: Page,
    id: i64,
    name: String,
    username: String,
    email: String,
    joined: String,
    seen: String,
    active: bool,
    admin: bool,
    /// The admin who looks.
    own: bool,
    room: Room,
    quota: Field,
    /// What holds while the field is empty.
    otherwise: String,
    role_error: Option<&'static str>,
    disable_error: Option<&'static str>,
}

/// The page.
pub async fn show_person(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
) -> Result<HttpResponse, AppError> {
    whole_page(StatusCode::OK, &OnePerson::load(&state, page, &admin, *id).await?)
}

/// A new role.
#[derive(Deserialize)]
pub struct NewRole {
    #[serde(default)]
    role: String,
}

/// `POST /admin/people/{id}/role`.
pub async fn update_role(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
    form: web::Form<NewRole>,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    let role = Role::parse(&form.role).ok_or_else(|| AppError::Invalid("Choose user or admin.".to_owned()))?;
    match state.db.write(move |conn| User::set_role(conn, id, role)).await? {
        Ok(_) if id == admin.user.id && role == Role::User => Ok(see_other(routes::photos())),
        Ok(_) => saved(&state, &admin, id, Notice::Saved).await,
        Err(LastAdmin) => {
            let mut view = OnePerson::load(&state, page, &admin, id).await?;
            view.role_error = Some(LAST_ADMIN);
            whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view)
        }
    }
}

/// A new quota.
#[derive(Deserialize)]
pub struct NewQuota {
    #[serde(default)]
    quota_mib: String,
}

/// `POST /admin/people/{id}/quota`. Less than what somebody keeps is fine: nothing is deleted, and nothing more comes in.
pub async fn update_quota(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
    form: web::Form<NewQuota>,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    match checked_mib(&form.quota_mib) {
        Ok(mib) => {
            state.db.write(move |conn| User::set_quota(conn, id, mib)).await?;
            saved(&state, &admin, id, Notice::Saved).await
        }
        Err(field) => {
            let mut view = OnePerson::load(&state, page, &admin, id).await?;
            view.quota = field;
            whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view)
        }
    }
}

/// `POST /admin/people/{id}/disable`: every session and token of theirs is dead from here on.
pub async fn disable_person(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    match state.db.write(move |conn| User::set_active(conn, id, false)).await? {
        Ok(_) if id == admin.user.id => Ok(see_other(routes::home())),
        Ok(user) => saved(&state, &admin, id, Notice::Disabled(user.username)).await,
        Err(LastAdmin) => {
            let mut view = OnePerson::load(&state, page, &admin, id).await?;
            view.disable_error = Some(LAST_ADMIN);
            whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view)
        }
    }
}

/// `POST /admin/people/{id}/enable`: they can log in again, and what they shared is there again.
pub async fn enable_person(
    state: web::Data<AppState>,
    admin: Admin,
    id: web::Path<UserId>,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    match state.db.write(move |conn| User::set_active(conn, id, true)).await? {
        Ok(user) => saved(&state, &admin, id, Notice::Enabled(user.username)).await,
        Err(LastAdmin) => Err(AppError::internal("enabling takes no admin away")),
    }
}

async fn saved(state: &AppState, admin: &Admin, id: UserId, notice: Notice) -> Result<HttpResponse, AppError> {
    notice.leave(state, admin.session.id).await;
    Ok(see_other(&routes::admin::person(id.0)))
}

/// A number of MiB, or nothing.
pub(super) fn checked_mib(typed: &str) -> Result<Option<i32>, Field> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    match typed.parse() {
        Ok(mib) if (0..=quota::LARGEST_MIB).contains(&mib) => Ok(Some(mib)),
        _ => {
            let mut field = Field::of(typed);
            field.refuse("Use a whole number of MiB, such as 5120 for 5 GiB, or leave it empty.");
            Err(field)
        }
    }
}

impl OnePerson {
    async fn load(state: &AppState, page: Page, admin: &Admin, id: UserId) -> Result<Self, AppError> {
        let (person, settings, devices) = state
            .db
            .read(move |conn| {
                QueryResult::Ok((Person::find(conn, id)?, Settings::load(conn)?, Session::of_user(conn, id)?))
            })
            .await?;
        let room = room_of(&person, &settings);
        let user = person.user;
        Ok(Self {
            page,
            id: id.0,
            name: user.display_name().to_owned(),
            joined: day(user.created_at.naive_utc()),
            seen: devices
                .first()
                .map(|device| format!("{} UTC", minute(device.last_seen_at.naive_utc())))
                .unwrap_or_default(),
            active: user.active,
            admin: user.role() == Role::Admin,
            own: user.id == admin.user.id,
            room,
            quota: Field::of(user.quota_mib.map(|mib| mib.to_string()).unwrap_or_default()),
            otherwise: match settings.quota_mib {
                Some(mib) => format!("Empty: {}, as everyone.", in_words(i64::from(mib) << 20)),
                None => "Empty: no limit.".to_owned(),
            },
            role_error: None,
            disable_error: None,
            username: user.username,
            email: user.email,
        })
    }
}
