//! `GET /account`: the profile, the password, the theme, the devices signed in, and tokens for programs.

pub mod devices;
pub mod password;
pub mod profile;
pub mod sharex;
pub mod theme;
pub mod tokens;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::QueryResult;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::identity::Identity;
use crate::models::person::Person;
use crate::models::{PersonalToken, Quota, Session};
use crate::pages::account::tokens::Tokens;
use crate::pages::photos::card::{day, minute};
use crate::pages::room::Room;
use crate::routes;
use crate::web::auth::{CurrentUser, SignedIn};
use crate::web::forms::Field;
use crate::web::htmx::page as whole_page;
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "account/show.html", blocks = ["profile", "password", "sessions", "tokens"])]
struct Account {
    page: Page,
    username: String,
    email: Field,
    full_name: Field,
    current_password: Field,
    new_password: Field,
    room: Room,
    sessions: Vec<Device>,
    tokens: Tokens,
    /// Whether there is a password to change.
    has_password: bool,
    /// Who one is elsewhere.
    identity: Option<Elsewhere>,
    joined: String,
    public_page: String,
    upload: String,
    /// What was just done, where the page stays.
    saved: Option<String>,
    /// The profile was not saved, because it was changed meanwhile.
    not_saved: Option<&'static str>,
}

struct Elsewhere {
    /// A name or email address there; may be empty.
    label: String,
    since: String,
}

struct Device {
    id: String,
    name: String,
    last_seen: String,
    signed_in: String,
    current: bool,
}

/// One's own account.
pub async fn show_account(state: web::Data<AppState>, page: Page, user: CurrentUser) -> Result<HttpResponse, AppError> {
    whole_page(StatusCode::OK, &Account::load(&state, page, &user).await?)
}

impl Account {
    async fn load(state: &AppState, page: Page, signed_in: &SignedIn) -> Result<Self, AppError> {
        let (id, current) = (signed_in.user.id, signed_in.session.id);
        let (user, sessions, tokens, quota, identities) = state
            .db
            .read(move |conn| {
                // As it is now: what the request began with may just have been changed.
                let (user, quota) = (Person::find(conn, id)?.user, Quota::of(conn, id)?);
                let (tokens, identities) = (PersonalToken::of_user(conn, id)?, Identity::of_user(conn, id)?);
                QueryResult::Ok((user, Session::of_user(conn, id)?, tokens, quota, identities))
            })
            .await?;
        let device = |session: Session| Device {
            id: session.id.to_string(),
            name: device_name(&session.user_agent),
            last_seen: format!("{} UTC", minute(session.last_seen_at.naive_utc())),
            signed_in: day(session.created_at.naive_utc()),
            current: session.id == current,
        };
        Ok(Self {
            page,
            username: user.username.clone(),
            email: Field::stored(user.email.as_str()),
            full_name: Field::stored(user.full_name.as_str()),
            current_password: Field::default(),
            new_password: Field::default(),
            room: Room::of(quota.used, quota.allowed, quota.photos),
            sessions: sessions.into_iter().map(device).collect(),
            tokens: Tokens::of(tokens),
            has_password: user.password_hash.is_some(),
            identity: identities
                .into_iter()
                .next()
                .map(|identity| Elsewhere { label: identity.label, since: day(identity.created_at.naive_utc()) }),
            joined: day(user.created_at.naive_utc()),
            public_page: routes::person(&user.username),
            upload: state.absolute(routes::api_new_photo()),
            saved: None,
            not_saved: None,
        })
    }
}

/// Enough of a User-Agent header to know one's own devices by. Order matters: Edge also says Chrome, and Chrome Safari.
fn device_name(user_agent: &str) -> String {
    let known = |names: &[(&str, &'static str)]| {
        names.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name)
    };
    let browser = known(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
        ("curl", "curl"),
    ]);
    let system = known(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}
