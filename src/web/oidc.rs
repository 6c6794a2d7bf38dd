//! Logging in elsewhere, as the pages and the API do it: what the browser keeps meanwhile, and whose account it is that
//! somebody comes back for.

use std::borrow::Cow;

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, SameSite};
use actix_web::{HttpRequest, web};
use chrono::Utc;
use diesel::PgConnection;
use serde::{Deserialize, Serialize};

use crate::app::AppState;
use crate::config::Config;
use crate::error::{AppError, Fault};
use crate::models::admission::Admission;
use crate::models::identity::{Identity, NewIdentity, NotConnected};
use crate::models::user::{NewUser, Taken};
use crate::models::{User, UserId};
use crate::oidc::{Oidc, OidcError, Person, Secrets};
use crate::web::cookies;
use crate::web::limits::guesses::{LOGINS_ELSEWHERE, Source};
use crate::web::new_account::{Link, checked_email, checked_full_name};
use crate::web::usernames::usernames;

/// How long one may take at the provider.
const PATIENCE: Duration = Duration::minutes(15);

/// What somebody went to the provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To log a browser in.
    Browser,
    /// To log a program in.
    Program,
    /// To connect who they are there with this account.
    Connect(UserId),
}

/// Kept in an encrypted cookie while its owner is at the provider.
#[derive(Serialize, Deserialize)]
struct Journey {
    purpose: Purpose,
    link: Link,
    began: i64,
    secrets: Secrets,
}

/// What the provider sends back by the browser (RFC 6749, 4.1.2; RFC 9207).
#[derive(Deserialize)]
pub struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

/// Somebody who came back.
pub struct Returned {
    /// Who they are there.
    pub person: Person,
    /// What they went for.
    pub purpose: Purpose,
    /// What they came with.
    pub link: Link,
}

/// The provider; without one there is nothing at this address.
fn provider(state: &AppState) -> Result<&Oidc, AppError> {
    state.oidc.as_ref().ok_or(AppError::NotFound)
}

fn cookie_name(config: &Config) -> &'static str {
    if config.public_url.https() { "__Host-lumina-oidc" } else { "lumina-oidc" }
}

/// Sends somebody to the provider, to come back to `callback`: the address there. The answer to this request carries the cookie.
///
/// # Errors
/// [`AppError::NotFound`] when there is none, [`AppError::Elsewhere`] when it is away.
pub async fn begin(
    request: &HttpRequest,
    state: &AppState,
    purpose: Purpose,
    callback: &str,
    link: Link,
) -> Result<String, AppError> {
    let oidc = provider(state)?;
    let (url, secrets) = oidc.begin(&state.absolute(callback)).await.map_err(|error| told(oidc.name(), error))?;
    let journey = Journey { purpose, link, began: Utc::now().timestamp(), secrets };
    let content = serde_json::to_string(&journey).map_err(AppError::internal)?;
    let key = state.oidc_keys.first().ok_or_else(|| AppError::internal("no secret key"))?;
    let mut jar = CookieJar::new();
    jar.private_mut(key).add(Cookie::new(cookie_name(&state.config), content));
    let cookie = jar.get(cookie_name(&state.config)).cloned().ok_or_else(|| AppError::internal("no cookie"))?;
    keep(request, state, cookie, PATIENCE);
    Ok(url)
}

/// Reads what somebody brings back to `callback`. It is worth something once, in the browser that was sent away.
///
/// # Errors
/// [`AppError::Elsewhere`] with a reason for people.
pub async fn finish(
    request: &HttpRequest,
    state: &AppState,
    callback: &str,
    answer: Answer,
) -> Result<Returned, AppError> {
    let oidc = provider(state)?;
    let begun = journey(request, state);
    let stale =
        |detail: &str| elsewhere("This login took too long, or was begun in another browser. Start again.", detail);
    let Some(Journey { purpose, link, secrets, .. }) = begun else {
        return Err(stale("no cookie, or one that is old or not ours"));
    };
    if answer.state.as_deref() != Some(secrets.state.as_str()) {
        return Err(stale("another state"));
    }
    // Only the provider's answer to this login gets here: any page can send a browser to this address with another state.
    keep(request, state, Cookie::new(cookie_name(&state.config), ""), Duration::ZERO);
    let tried = state.guesses.count(&Source::of(request), LOGINS_ELSEWHERE).await?;
    if let Some(error) = answer.error {
        let detail = format!("{error}: {}", answer.error_description.unwrap_or_default());
        let reopen =
            if link.invitation.is_empty() { "" } else { " Your invitation was not used: open its link again." };
        let reason = format!("{} did not let you in.{reopen}", oidc.name());
        return Err(elsewhere(reason, crate::oidc::printable(&detail)));
    }
    let code = answer.code.ok_or_else(|| stale("no code"))?;
    if !state.guesses.is_first("state of a login elsewhere", secrets.state.as_bytes()).await? {
        return Err(stale("a state for the second time"));
    }
    let person = oidc.finish(&state.absolute(callback), &code, answer.iss.as_deref(), secrets).await;
    let person = person.map_err(|error| told(oidc.name(), error))?;
    tried.take_back().await?;
    Ok(Returned { person, purpose, link })
}

fn journey(request: &HttpRequest, state: &AppState) -> Option<Journey> {
    let name = cookie_name(&state.config);
    let mut jar = CookieJar::new();
    jar.add_original(request.cookie(name)?);
    let content = state.oidc_keys.iter().find_map(|key| jar.private(key).get(name))?;
    let journey: Journey = serde_json::from_str(content.value()).ok()?;
    // The browser drops the cookie by itself; a copy would not.
    let age = Utc::now().timestamp() - journey.began;
    (0..=PATIENCE.whole_seconds()).contains(&age).then_some(journey)
}

fn keep(request: &HttpRequest, state: &AppState, mut cookie: Cookie<'static>, age: Duration) {
    cookie.set_path("/");
    cookie.set_secure(state.config.public_url.https());
    cookie.set_http_only(true);
    // Lax and not Strict: the provider's redirect brings the browser back.
    cookie.set_same_site(SameSite::Lax);
    cookie.set_max_age(age);
    cookies::send_along(request, &cookie);
}

/// The account of somebody who came back to log in. Who is new gets one, where anybody may or by this invitation.
///
/// # Errors
/// [`AppError::Elsewhere`] with a reason for people; of the database.
pub async fn account(state: &web::Data<AppState>, person: Person, invitation: String) -> Result<User, AppError> {
    let oidc = provider(state)?;
    let name = oidc.name().to_owned();
    let (links, rules) = (oidc.links_verified_email(), state.admission_rules.clone());
    let find = move |conn: &mut PgConnection| {
        if let Some(user) = Identity::user(conn, &person.issuer, &person.subject)? {
            return Ok(user);
        }
        // By an address an account would be found, or made.
        if let Some(error) = &person.untold {
            return Err(told(&name, error.clone()));
        }
        let email = person.email.clone().filter(|email| checked_email(email).is_fine());
        let there = email.as_deref().map(|email| User::by_login(conn, email)).transpose()?.flatten();
        // The key that finds an account takes more spellings for one than a mail server may.
        let same = |user: &User| email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(&user.email));
        match there {
            Some(user) if links && person.email_verified && same(&user) => {
                return connect(conn, user.id, &person, &name).map(|()| user);
            }
            Some(_) => return Err(elsewhere(taken(&name), "an account has this email address")),
            None => {}
        }
        let admission = Admission::of(conn, &rules, &invitation)?
            .map_err(|reason| elsewhere(reason.words(), "somebody new, who is not admitted"))?;
        let email = email.ok_or_else(|| {
            let reason = format!("{name} did not tell your email address, which an account here needs.");
            elsewhere(reason, "no email address in the claims")
        })?;
        let user = create(conn, &person, &email, &name)?;
        admission.spend(conn)?;
        Ok(user)
    };
    let user = state.db.write(find).await?;
    if !user.active {
        return Err(elsewhere("Your account here is disabled.", format!("user {} is disabled", user.id)));
    }
    Ok(user)
}

/// Connects who somebody is elsewhere with their account.
///
/// # Errors
/// [`AppError::Elsewhere`] when it is another's; of the database.
pub fn connect(conn: &mut PgConnection, user: UserId, person: &Person, name: &str) -> Result<(), AppError> {
    let label = person.email.as_ref().or(person.preferred_username.as_ref()).or(person.name.as_ref());
    let new = NewIdentity {
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
        label: label.cloned().unwrap_or_default(),
    };
    Identity::connect(conn, user, &new)?.map_err(|why| {
        let reason = match why {
            NotConnected::Others => format!("This account at {name} is connected with another account here."),
            NotConnected::HasOne => format!("Your account here is connected with another account at {name}."),
        };
        elsewhere(reason, format!("not connected with user {user}: {why:?}"))
    })
}

/// Makes an account for somebody new, under the first of the names they might like that is free.
fn create(conn: &mut PgConnection, person: &Person, email: &str, name: &str) -> Result<User, AppError> {
    let full_name = person.name.as_deref().map(checked_full_name).filter(|field| field.is_fine());
    let mut new = NewUser {
        username: String::new(),
        email: checked_email(email).value,
        full_name: full_name.map(|field| field.value).unwrap_or_default(),
        password_hash: None,
    };
    for username in usernames(person) {
        new.username = username;
        match User::create(conn, &new)? {
            Ok(user) => return connect(conn, user.id, person, name).map(|()| user),
            Err(Taken::Username) => {}
            Err(Taken::Email) => return Err(elsewhere(taken(name), "an account has this email address")),
        }
    }
    Err(AppError::internal("no username is free"))
}

fn taken(name: &str) -> String {
    format!(
        "Your email address has an account here already. Log in with its password, then connect {name} on the account page."
    )
}

fn told(name: &str, error: OidcError) -> AppError {
    match error {
        OidcError::Away(detail) => AppError::Elsewhere {
            reason: format!("{name} cannot be reached just now. Try again in a moment, or log in with a password.")
                .into(),
            detail,
            fault: Fault::Away,
        },
        OidcError::Misconfigured(detail) => AppError::Elsewhere {
            reason: format!(
                "{name} does not know this server, so that nobody can log in with it. Tell whoever runs the server: what is \
                 wrong is in its log. Log in with a password meanwhile."
            )
            .into(),
            detail,
            fault: Fault::Settings,
        },
        OidcError::Refused(detail) => {
            elsewhere(format!("What {name} said about you could not be confirmed. Start again."), detail)
        }
    }
}

/// What came back belongs to another login than the one at this address, or to another person.
#[must_use]
pub fn begun_elsewhere() -> AppError {
    elsewhere("This login was begun for something else. Start again.", "another purpose than the one it was begun for")
}

fn elsewhere(reason: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> AppError {
    AppError::Elsewhere { reason: reason.into(), detail: detail.into(), fault: Fault::Theirs }
}
