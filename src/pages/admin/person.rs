//! `GET /admin/people/{id}` and what admins do there: role, quota, email address, disabling and enabling. Photos are not shown.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::QueryResult;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::person::{LastAdmin, Person, RoleKept};
use crate::models::quota::{self, in_words};
use crate::models::settings::Settings;
use crate::models::user::ProfileKept;
use crate::models::{Role, Session, User, UserId};
use crate::pages::admin::room_of;
use crate::pages::photos::card::{day, minute};
use crate::pages::room::Room;
use crate::routes;
use crate::web::auth::Admin;
use crate::web::forms::{Field, Pairs};
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::new_account::checked_email;
use crate::web::notice::Notice;
use crate::web::page::Page;

/// Said when there would be no admin left.
pub(super) const LAST_ADMIN: &str = "There is no other admin. Make somebody else an admin first.";

#[derive(Template)]
#[template(path = "admin/person.html")]
struct OnePerson {
    page: Page,
    id: i64,
    name: String,
    username: String,
    email: String,
    email_field: Field,
    joined: String,
    seen: String,
    active: bool,
    deleting: bool,
    admin: bool,
    /// The admin who looks.
    own: bool,
    room: Room,
    quota: Field,
    /// What holds while the field is empty.
    otherwise: String,
    /// As it is chosen in the form.
    role: Field,
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

/// `POST /admin/people/{id}/role`.
pub async fn update_role(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
    form: Pairs,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    let sent = form.input("role").unwrap_or_default();
    let role = Role::parse(&sent.value).ok_or_else(|| AppError::Invalid("Choose user or admin.".to_owned()))?;
    let edit = sent.edit(Role::parse)?;
    let kept = match state.db.write(move |conn| User::set_role(conn, id, edit)).await? {
        Ok(changed) if id == admin.user.id && changed.role() == Role::User => return Ok(see_other(routes::photos())),
        Ok(_) => return saved(&state, &admin, id, Notice::Saved).await,
        Err(kept) => kept,
    };
    let mut view = OnePerson::load(&state, page, &admin, id).await?;
    let status = match kept {
        RoleKept::LastAdmin => {
            view.role.refuse(LAST_ADMIN);
            StatusCode::UNPROCESSABLE_ENTITY
        }
        RoleKept::Stale(stale) => {
            view.role = view.role.after("role", &stale, &sent, if role == Role::Admin { "Admin" } else { "User" });
            StatusCode::CONFLICT
        }
    };
    whole_page(status, &view)
}

/// `POST /admin/people/{id}/quota`. Less than what somebody keeps is fine: nothing is deleted, and nothing more comes in.
pub async fn update_quota(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
    form: Pairs,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    let sent = form.input("quota_mib").unwrap_or_default();
    let checked = sent.checked(checked_mib);
    if !checked.is_fine() {
        let mut view = OnePerson::load(&state, page, &admin, id).await?;
        view.quota = view.quota.again(&sent, checked);
        return whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view);
    }
    let edit = sent.edit(read_mib)?;
    match state.db.write(move |conn| User::set_quota(conn, id, edit)).await? {
        Ok(_) => saved(&state, &admin, id, Notice::Saved).await,
        Err(stale) => {
            let mut view = OnePerson::load(&state, page, &admin, id).await?;
            view.quota = view.quota.after("quota_mib", &stale, &sent, &sent.value);
            whole_page(StatusCode::CONFLICT, &view)
        }
    }
}

/// `POST /admin/people/{id}/email`: for those who mistyped it, or registered with somebody else's.
pub async fn update_email(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    id: web::Path<UserId>,
    form: Pairs,
) -> Result<HttpResponse, AppError> {
    let id = *id;
    let sent = form.input("email").unwrap_or_default();
    let mut checked = sent.checked(checked_email);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut stale = None;
    if checked.is_fine() {
        let edit = sent.text_edit();
        match state.db.write(move |conn| User::set_email(conn, id, edit)).await? {
            Ok(_) => return saved(&state, &admin, id, Notice::Saved).await,
            Err(ProfileKept::Taken(_)) => checked.refuse("Another account has this email address."),
            Err(ProfileKept::Stale(fields)) => (status, stale) = (StatusCode::CONFLICT, Some(fields)),
        }
    }
    let mut view = OnePerson::load(&state, page, &admin, id).await?;
    view.email_field = match stale {
        Some(stale) => view.email_field.after("email", &stale, &sent, &sent.value),
        None => view.email_field.again(&sent, checked),
    };
    whole_page(status, &view)
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

/// A number of MiB, or nothing for no limit.
pub(super) fn read_mib(typed: &str) -> Option<Option<i32>> {
    match typed.trim() {
        "" => Some(None),
        typed => typed.parse().ok().filter(|mib| (0..=quota::LARGEST_MIB).contains(mib)).map(Some),
    }
}

/// What is wrong with a number of MiB.
pub(super) fn checked_mib(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    if read_mib(typed).is_none() {
        field.refuse("Use a whole number of MiB, such as 5120 for 5 GiB, or leave it empty.");
    }
    field
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
        let (deleting, user) = (person.deleting, person.user);
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
            deleting,
            admin: user.role() == Role::Admin,
            own: user.id == admin.user.id,
            room,
            quota: Field::stored(user.quota_mib.map(|mib| mib.to_string()).unwrap_or_default()),
            otherwise: match settings.quota_mib {
                Some(mib) => format!("Empty: {}, as everyone.", in_words(i64::from(mib) << 20)),
                None => "Empty: no limit.".to_owned(),
            },
            role: Field::stored(user.role().as_str()),
            disable_error: None,
            username: user.username,
            email_field: Field::stored(user.email.clone()),
            email: user.email,
        })
    }
}
