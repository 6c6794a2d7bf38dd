//! `POST /account/tokens` and `POST /account/tokens/{id}/end`: personal access tokens, for programs.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use chrono::{TimeDelta, Utc};

use crate::app::AppState;
use crate::error::AppError;
use crate::models::personal_token::{MOST, NewPersonalToken, TokenText};
use crate::models::{PersonalToken, PersonalTokenId, Scope};
use crate::pages::account::Account;
use crate::pages::photos::card::{day, minute};
use crate::routes;
use crate::web::auth::CurrentUser;
use crate::web::forms::{Field, Pairs};
use crate::web::htmx::{Htmx, see_other};
use crate::web::notice::Notice;
use crate::web::page::Page;

/// The section of the account page.
pub struct Tokens {
    /// Those there are.
    pub list: Vec<Token>,
    /// One that was just made: shown now and never again.
    pub made: Option<Made>,
    /// What the next one is to be called.
    pub name: Field,
    /// What it may be good for.
    pub scopes: Vec<ScopeChoice>,
    /// What is wrong about that.
    pub scopes_error: Option<&'static str>,
    /// For how long.
    pub lifetimes: Vec<Lifetime>,
}

/// A token in the list.
pub struct Token {
    /// To end it by.
    pub id: String,
    /// Its owner's name for it.
    pub name: String,
    /// In words.
    pub scopes: String,
    /// In words.
    pub used: String,
    /// In words.
    pub ends: String,
    /// It is over, and stays here until it is removed.
    pub expired: bool,
}

/// A token that was just made.
pub struct Made {
    /// Its owner's name for it.
    pub name: String,
    /// The token itself.
    pub text: String,
}

/// A scope to choose.
pub struct ScopeChoice {
    /// As programs have it.
    pub value: &'static str,
    /// In words.
    pub label: &'static str,
    /// More of them.
    pub help: &'static str,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// A lifetime to choose.
pub struct Lifetime {
    /// In days; empty for ever.
    pub value: &'static str,
    /// In words.
    pub label: &'static str,
    /// Whether it is chosen.
    pub chosen: bool,
}

const LIFETIMES: [(&str, &str); 5] =
    [("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "Until I end it")];
const USUAL_LIFETIME: &str = "90";

impl Tokens {
    /// The section with an empty form.
    pub fn of(tokens: Vec<PersonalToken>) -> Self {
        Self {
            list: tokens.iter().map(Token::of).collect(),
            made: None,
            name: Field::default(),
            scopes: Scope::ALL.map(|scope| choice(scope, scope == Scope::ReadPhotos)).into(),
            scopes_error: None,
            lifetimes: lifetimes(USUAL_LIFETIME),
        }
    }

    /// Checks what was sent and keeps it for the form.
    fn take(&mut self, sent: &Pairs) -> Option<NewPersonalToken> {
        self.name = Field::of(sent.first("name").trim());
        if !(1..=100).contains(&self.name.value.chars().count()) || self.name.value.chars().any(char::is_control) {
            self.name.refuse("Give it a name of 1 to 100 characters, such as the program that will use it.");
        }
        let is_sent = |scope: &Scope| sent.all("scope").any(|name| name == scope.as_str());
        let scopes: Vec<_> = Scope::ALL.into_iter().filter(is_sent).collect();
        self.scopes = Scope::ALL.map(|scope| choice(scope, is_sent(&scope))).into();
        if scopes.is_empty() || sent.all("scope").count() != scopes.len() {
            self.scopes_error = Some("Choose what it may do.");
        }
        let days = sent.first("days");
        self.lifetimes = lifetimes(days);
        let known = LIFETIMES.iter().any(|(value, _)| *value == days);
        if !self.name.is_fine() || self.scopes_error.is_some() || !known {
            return None;
        }
        let expires_at = days.parse().ok().map(|days| Utc::now() + TimeDelta::days(days));
        Some(NewPersonalToken { name: self.name.value.clone(), scopes, expires_at })
    }
}

fn choice(scope: Scope, chosen: bool) -> ScopeChoice {
    let (label, help) = match scope {
        Scope::ReadPhotos => ("See photos", "Find, open and download them."),
        Scope::WritePhotos => ("Change photos", "Upload, edit, share and delete them."),
        Scope::ReadAccount => ("See the account", "Your username, email address and full name."),
    };
    ScopeChoice { value: scope.as_str(), label, help, chosen }
}

fn lifetimes(chosen: &str) -> Vec<Lifetime> {
    let lifetime = |(value, label)| Lifetime { value, label, chosen: value == chosen };
    LIFETIMES.into_iter().map(lifetime).collect()
}

impl Token {
    fn of(token: &PersonalToken) -> Self {
        let expired = token.expires_at.is_some_and(|at| at <= Utc::now());
        let scopes: Vec<_> = token.scopes().map(|scope| choice(scope, true).label.to_lowercase()).collect();
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            scopes: scopes.join(", "),
            used: match token.last_used_at {
                Some(at) => format!("Used {} UTC", minute(at.naive_utc())),
                None => "Never used".to_owned(),
            },
            ends: match token.expires_at {
                Some(at) if expired => format!("ended {}", day(at.naive_utc())),
                Some(at) => format!("good until {}", day(at.naive_utc())),
                None => "good until you end it".to_owned(),
            },
            expired,
        }
    }
}

/// Makes a token. The answer is the page itself and no redirect: the token is kept nowhere that the next page could take it
/// from.
pub async fn create_token(
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    sent: Pairs,
) -> Result<HttpResponse, AppError> {
    let mut view = Account::load(&state, page, &user).await?;
    let Some(new) = view.tokens.take(&sent) else {
        return htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_tokens());
    };
    let (owner, text) = (user.user.id, TokenText::generate());
    let shown = text.expose().to_owned();
    let Some(made) = state.db.write(move |conn| PersonalToken::create(conn, owner, &new, &text)).await? else {
        view.tokens.name.refuse(format!("You have {MOST} tokens. End one that is not used any more first."));
        return htmx.answer(StatusCode::UNPROCESSABLE_ENTITY, &view, &view.as_tokens());
    };
    let mut list = std::mem::take(&mut view.tokens.list);
    list.insert(0, Token::of(&made));
    view.tokens = Tokens { list, made: Some(Made { name: made.name, text: shown }), ..Tokens::of(Vec::new()) };
    let mut answer = htmx.answer(StatusCode::OK, &view, &view.as_tokens())?;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Ends a token for good.
pub async fn end_token(
    state: web::Data<AppState>,
    page: Page,
    user: CurrentUser,
    htmx: Htmx,
    id: web::Path<PersonalTokenId>,
) -> Result<HttpResponse, AppError> {
    let (owner, id) = (user.user.id, *id);
    if !state.db.write(move |conn| PersonalToken::end(conn, owner, id)).await? {
        return Err(AppError::NotFound);
    }
    if !htmx.wants_fragment() {
        Notice::TokenEnded.leave(&state, user.session.id).await;
        return Ok(see_other(routes::account()));
    }
    let mut view = Account::load(&state, page, &user).await?;
    view.saved = Some(Notice::TokenEnded.text());
    htmx.answer(StatusCode::OK, &view, &view.as_tokens())
}
