//! Making an account, by the form or by the API: what is asked for, what is checked, and who was first to a name.

use actix_web::HttpRequest;
use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::error::AppError;
use crate::models::admission::{Admission, NotAdmitted};
use crate::models::user::{NewUser, Taken, User};
use crate::passwords::{self, Lane};
use crate::web::forms::Field;
use crate::web::limits::guesses::{ACCOUNTS, Source};

/// What a link brings along that leads to a new account.
#[derive(Default, Serialize, Deserialize)]
pub struct Link {
    /// Where to go afterwards.
    pub next: Option<String>,
    /// The secret of an invitation, or nothing.
    #[serde(default)]
    pub invitation: String,
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
pub struct NewAccount {
    /// 3 to 50 letters, digits, dots, dashes or underscores; unique, capital or not.
    #[serde(default)]
    #[schema(required, pattern = "^[A-Za-z0-9_.-]{3,50}$", example = "maria")]
    username: String,
    /// Unique, capital or not. No mail is sent.
    #[serde(default)]
    #[schema(required, format = Email, max_length = 254, example = "maria@example.org")]
    email: String,
    /// Shown on the public page.
    #[schema(max_length = 100, example = "Maria Papadaki")]
    full_name: Option<String>,
    /// At least 8 characters, at most 71 bytes.
    #[serde(default)]
    #[schema(required, format = Password, min_length = 8, max_length = 71, example = "correct horse battery")]
    password: String,
    /// The secret of an invitation link, where accounts are made by invitation alone.
    #[serde(default)]
    #[schema(nullable = false, example = "q4vJ0m8uYk1c0v0mJ3xg7m")]
    invitation: String,
}

impl NewAccount {
    /// As it was typed.
    #[must_use]
    pub fn of(username: String, email: String, full_name: String, password: String) -> Self {
        Self { username, email, full_name: Some(full_name), password, invitation: String::new() }
    }

    /// The secret of the invitation link, or nothing.
    #[must_use]
    pub fn invitation(&self) -> &str {
        &self.invitation
    }

    /// The password, to be hashed.
    #[must_use]
    pub fn into_password(self) -> String {
        self.password
    }
}

/// The fields as they were typed (the password is not kept), with what is wrong with them.
pub struct Fields {
    /// See [`User`].
    pub username: Field,
    /// See [`User`].
    pub email: Field,
    /// See [`User`].
    pub full_name: Field,
    /// Empty.
    pub password: Field,
}

/// No account was made.
pub enum NotMade {
    /// Nobody can make one, or not this one.
    NotAdmitted(NotAdmitted),
    /// Something is wrong with the fields.
    Refused(Box<Refused>),
}

/// Fields that no account can be made from.
pub struct Refused {
    /// Why.
    pub fields: Fields,
    /// The only thing wrong is that somebody else has the name or address.
    pub taken: bool,
}

impl Fields {
    /// What is wrong with what was typed.
    #[must_use]
    pub fn checked(typed: &NewAccount) -> Self {
        Self {
            username: checked_username(&typed.username),
            email: checked_email(&typed.email),
            full_name: checked_full_name(typed.full_name.as_deref().unwrap_or_default()),
            password: checked_password(&typed.password),
        }
    }

    /// Whether nothing is wrong with them.
    #[must_use]
    pub fn are_fine(&self) -> bool {
        [&self.username, &self.email, &self.full_name, &self.password].iter().all(|field| field.is_fine())
    }

    /// Each with its name.
    #[must_use]
    pub fn named(self) -> [(&'static str, Field); 4] {
        [("username", self.username), ("email", self.email), ("full_name", self.full_name), ("password", self.password)]
    }
}

/// Makes an account. The unique indexes decide who was first to a name, not a look beforehand; and an invitation is used
/// up in the transaction that makes the account.
///
/// # Errors
/// [`AppError::TooMany`]; of the database. Why no account was made is in the `Ok`.
pub async fn register(
    request: &HttpRequest,
    state: &AppState,
    mut typed: NewAccount,
) -> Result<Result<User, NotMade>, AppError> {
    let (rules, secret) = (state.admission_rules.clone(), std::mem::take(&mut typed.invitation));
    let (first_rules, shown) = (rules.clone(), secret.clone());
    // Hashing a password is work that whoever may not come in does not get.
    if let Err(reason) = state.db.read(move |conn| Admission::of(conn, &first_rules, &shown)).await? {
        return Ok(Err(NotMade::NotAdmitted(reason)));
    }
    let mut fields = Fields::checked(&typed);
    if !fields.are_fine() {
        return Ok(Err(NotMade::Refused(Box::new(Refused { fields, taken: false }))));
    }
    state.guesses.count(&Source::of(request), ACCOUNTS).await?;
    let new = NewUser {
        username: fields.username.value.clone(),
        email: fields.email.value.clone(),
        full_name: fields.full_name.value.clone(),
        password_hash: Some(state.passwords.hash(Lane::Stranger, typed.password).await?),
    };
    let made = state
        .db
        .write(move |conn| {
            let admission = match Admission::of(conn, &rules, &secret)? {
                Ok(admission) => admission,
                Err(reason) => return QueryResult::Ok(Err(reason)),
            };
            let made = User::create(conn, &new)?;
            if made.is_ok() {
                admission.spend(conn)?;
            }
            Ok(Ok(made))
        })
        .await?;
    match made {
        Ok(Ok(user)) => return Ok(Ok(user)),
        Ok(Err(Taken::Username)) => fields.username.refuse("This username is taken. Choose another one."),
        Ok(Err(Taken::Email)) => fields.email.refuse(EMAIL_TAKEN),
        Err(reason) => return Ok(Err(NotMade::NotAdmitted(reason))),
    }
    Ok(Err(NotMade::Refused(Box::new(Refused { fields, taken: true }))))
}

/// Said wherever an email address is entered that another account has.
pub const EMAIL_TAKEN: &str = "This email address already has an account. Log in, or use another one.";

/// Letters, digits and a few signs.
pub fn checked_username(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !(3..=50).contains(&field.value.chars().count()) || !field.value.chars().all(allowed) {
        field.refuse("Use 3 to 50 letters, digits, dots, dashes or underscores.");
    }
    field
}

/// An address needs an `@` with something on both sides: more cannot be known without sending mail.
pub fn checked_email(typed: &str) -> Field {
    let mut field = Field::of(typed.trim().nfc().collect::<String>());
    let parts: Vec<&str> = field.value.split('@').collect();
    let well_formed = matches!(parts.as_slice(), [name, host] if !name.is_empty() && !host.is_empty())
        && !field.value.chars().any(|c| c.is_whitespace() || c.is_control());
    if !well_formed || field.value.chars().count() > 254 {
        field.refuse("Enter an email address, such as name@example.org.");
    }
    field
}

/// Any name, or none.
pub fn checked_full_name(typed: &str) -> Field {
    let mut field = Field::of(typed.trim());
    if field.value.chars().count() > 100 || field.value.chars().any(char::is_control) {
        field.refuse("Use at most 100 characters.");
    }
    field
}

/// The value is not kept: passwords are never sent back.
pub fn checked_password(typed: &str) -> Field {
    let (mut field, typed) = (Field::default(), passwords::normalised(typed));
    if typed.chars().count() < passwords::SHORTEST {
        field.refuse(format!("Use at least {} characters.", passwords::SHORTEST));
    } else if typed.len() > passwords::LONGEST {
        field.refuse(format!("This is too long: use at most {} bytes.", passwords::LONGEST));
    } else if typed.contains('\0') {
        field.refuse("Use characters that can be typed.");
    }
    field
}
