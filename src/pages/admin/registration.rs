//! `GET, POST /admin/registration`: who may make an account, how much everyone may keep, and the invitations.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::QueryResult;
use serde::Deserialize;

use crate::app::AppState;
use crate::config::Registration;
use crate::error::AppError;
use crate::models::Invitation;
use crate::models::settings::Settings;
use crate::pages::admin::person::checked_mib;
use crate::pages::photos::card::minute;
use crate::routes;
use crate::web::auth::Admin;
use crate::web::forms::Field;
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "admin/registration.html")]
pub(super) struct AdminRegistration {
    page: Page,
    registration: Registration,
    /// The configuration says so, and it cannot be changed here.
    fixed: bool,
    quota: Field,
    invitations: Vec<Shown>,
    /// The link that was just made: shown this once.
    pub(super) link: Option<String>,
    pub(super) note: Field,
    pub(super) uses: Field,
    pub(super) days: String,
}

struct Shown {
    id: String,
    note: String,
    uses: String,
    expires: String,
    usable: bool,
}

/// The page.
pub async fn show_registration(
    state: web::Data<AppState>,
    page: Page,
    _admin: Admin,
) -> Result<HttpResponse, AppError> {
    whole_page(StatusCode::OK, &AdminRegistration::load(&state, page).await?)
}

/// What is sent.
#[derive(Deserialize)]
pub struct Chosen {
    /// Not sent where the configuration says it.
    registration: Option<String>,
    #[serde(default)]
    quota_mib: String,
}

/// Keeps both, or neither.
pub async fn update_registration(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    form: web::Form<Chosen>,
) -> Result<HttpResponse, AppError> {
    let registration = form.registration.as_deref().map(|text| {
        Registration::parse(text).ok_or_else(|| AppError::Invalid("Choose open, by invitation or closed.".to_owned()))
    });
    let registration = registration.transpose()?;
    let quota_mib = match checked_mib(&form.quota_mib) {
        Ok(mib) => mib,
        Err(field) => {
            let mut view = AdminRegistration::load(&state, page).await?;
            view.quota = field;
            view.registration = registration.unwrap_or(view.registration);
            return whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view);
        }
    };
    state
        .db
        .write(move |conn| {
            let before = Settings::load(conn)?;
            Settings { registration: registration.unwrap_or(before.registration), quota_mib }.save(conn)
        })
        .await?;
    state.registration.look_again();
    Notice::Saved.leave(&state, admin.session.id).await;
    Ok(see_other(routes::admin::registration()))
}

impl AdminRegistration {
    pub(super) async fn load(state: &AppState, page: Page) -> Result<Self, AppError> {
        let (settings, invitations) =
            state.db.read(|conn| QueryResult::Ok((Settings::load(conn)?, Invitation::all(conn)?))).await?;
        let fixed = state.config.registration;
        Ok(Self {
            page,
            registration: fixed.unwrap_or(settings.registration),
            fixed: fixed.is_some(),
            quota: Field::of(settings.quota_mib.map(|mib| mib.to_string()).unwrap_or_default()),
            invitations: invitations.into_iter().map(Shown::of).collect(),
            link: None,
            note: Field::default(),
            uses: Field::of("1"),
            days: "7".to_owned(),
        })
    }
}

impl Shown {
    fn of(invitation: Invitation) -> Self {
        Self {
            usable: invitation.is_usable(),
            uses: format!("{} of {} used", invitation.uses, invitation.max_uses),
            expires: format!("{} UTC", minute(invitation.expires_at.naive_utc())),
            id: invitation.id.to_string(),
            note: invitation.note,
        }
    }
}
