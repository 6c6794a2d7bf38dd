//! `GET, POST /admin/registration`: who may make an account, how much everyone may keep, and the invitations.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::QueryResult;

use crate::app::AppState;
use crate::config::Registration;
use crate::error::AppError;
use crate::models::Invitation;
use crate::models::settings::Settings;
use crate::pages::admin::person::{checked_mib, read_mib};
use crate::pages::photos::card::minute;
use crate::routes;
use crate::web::auth::Admin;
use crate::web::edits::NOT_SAVED;
use crate::web::forms::{Field, Pairs};
use crate::web::htmx::{page as whole_page, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "admin/registration.html")]
pub(super) struct AdminRegistration {
    page: Page,
    registration: Registration,
    /// As it is chosen in the form.
    choice: Field,
    /// The configuration says so, and it cannot be changed here.
    fixed: bool,
    quota: Field,
    /// Nothing was saved, because something was changed meanwhile.
    not_saved: Option<&'static str>,
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

/// Keeps both, or neither. Who may make an account is not sent where the configuration says it.
pub async fn update_registration(
    state: web::Data<AppState>,
    page: Page,
    admin: Admin,
    form: Pairs,
) -> Result<HttpResponse, AppError> {
    let (chosen, quota) = (form.input("registration"), form.input("quota_mib"));
    if chosen.as_ref().is_some_and(|chosen| Registration::parse(&chosen.value).is_none()) {
        return Err(AppError::Invalid("Choose open, by invitation or closed.".to_owned()));
    }
    let checked = quota.as_ref().map(|quota| (quota, quota.checked(checked_mib)));
    if let Some((quota, checked)) = checked.filter(|(_, checked)| !checked.is_fine()) {
        let mut view = AdminRegistration::load(&state, page).await?;
        view.quota = view.quota.again(quota, checked);
        if let Some(chosen) = chosen {
            let typed = chosen.checked(|typed| Field::of(typed.trim()));
            view.choice = view.choice.again(&chosen, typed);
        }
        return whole_page(StatusCode::UNPROCESSABLE_ENTITY, &view);
    }
    let registration = chosen.as_ref().map(|chosen| chosen.edit(Registration::parse)).transpose()?;
    let quota_mib = quota.as_ref().map(|quota| quota.edit(read_mib)).transpose()?;
    match state.db.write(move |conn| Settings::change(conn, registration, quota_mib)).await? {
        Ok(()) => {
            state.registration.look_again();
            Notice::Saved.leave(&state, admin.session.id).await;
            Ok(see_other(routes::admin::registration()))
        }
        Err(stale) => {
            let mut view = AdminRegistration::load(&state, page).await?;
            view.not_saved = Some(NOT_SAVED);
            if let Some(quota) = quota {
                view.quota = view.quota.after("quota_mib", &stale, &quota, &quota.value);
            }
            if let Some(chosen) = chosen {
                view.choice = view.choice.after("registration", &stale, &chosen, who_registers(&chosen.value));
            }
            whole_page(StatusCode::CONFLICT, &view)
        }
    }
}

/// As the form calls it.
fn who_registers(registration: &str) -> &'static str {
    match registration {
        "open" => "Anyone",
        "invitation" => "By invitation",
        _ => "Nobody",
    }
}

impl AdminRegistration {
    pub(super) async fn load(state: &AppState, page: Page) -> Result<Self, AppError> {
        let (settings, invitations) =
            state.db.read(|conn| QueryResult::Ok((Settings::load(conn)?, Invitation::all(conn)?))).await?;
        let fixed = state.config.registration;
        Ok(Self {
            page,
            registration: fixed.unwrap_or(settings.registration),
            choice: Field::stored(fixed.unwrap_or(settings.registration).as_str()),
            fixed: fixed.is_some(),
            not_saved: None,
            quota: Field::stored(settings.quota_mib.map(|mib| mib.to_string()).unwrap_or_default()),
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
