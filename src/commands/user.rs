//! `lumina user …`: people with an account, for those who are locked out or have no browser at hand. The server may run
//! meanwhile.
//!
//! Passwords are never arguments, which everybody on the machine could read: they are asked for without an echo, or are
//! the first line of the standard input where that is no terminal.

use std::io::{self, IsTerminal, Write, stderr, stdin};

use actix_web::rt::task::spawn_blocking;
use clap::{Subcommand, ValueEnum};

use crate::app::StartError;
use crate::commands::database::{Opened, Schema};
use crate::config::Config;
use crate::db::Db;
use crate::models::account_deletion::{self, Step};
use crate::models::person::{LastAdmin, Person};
use crate::models::quota::in_words;
use crate::models::user::NewUser;
use crate::models::{Edit, PersonalToken, Role, Session, User};
use crate::pages::room::photos_in_words;
use crate::passwords::{Lane, Passwords};
use crate::threads::InFlight;
use crate::web::new_account::{Fields, NewAccount, checked_email, checked_password};

/// People read from the database at a time.
const PAGE: i64 = 500;

/// What to do.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Make an account. The password is asked for, or is the first line of the standard input.
    Add {
        /// 3 to 50 letters, digits, dots, dashes or underscores.
        username: String,
        /// An email address.
        email: String,
        /// As it is shown to others.
        #[arg(long, default_value = "")]
        full_name: String,
        /// Also decides who is here. The first account is an admin anyway.
        #[arg(long)]
        admin: bool,
    },
    /// List everybody with an account, how many photos they have and how much room these take.
    List,
    /// Log somebody out everywhere and let them in no more. Their photos stay; what they shared is not shown.
    Disable {
        /// The username or email address.
        user: String,
    },
    /// Let somebody in again.
    Enable {
        /// The username or email address.
        user: String,
    },
    /// Set a new password, and log them out everywhere. It is asked for, or is the first line of the standard input.
    Password {
        /// The username or email address.
        user: String,
    },
    /// Change somebody's email address.
    Email {
        /// The username or email address.
        user: String,
        /// The new address.
        email: String,
    },
    /// Delete an account and everything in it, after its username was typed once more at the terminal, or came as the first
    /// line of the standard input. This cannot be undone.
    Delete {
        /// The username or email address.
        user: String,
    },
    /// Make somebody an admin, or a plain user.
    Role {
        /// The username or email address.
        user: String,
        /// What they may do.
        role: NewRole,
    },
}

/// A role, as it is typed.
#[derive(Clone, Copy, ValueEnum)]
pub enum NewRole {
    /// Photos of their own.
    User,
    /// Also decides who is here.
    Admin,
}

/// Does it, and says so.
///
/// # Errors
/// When the database cannot be used, or there is a reason not to do it, in words.
pub async fn user(config: &Config, command: UserCommand) -> Result<(), StartError> {
    let database = Opened::open(config, Schema::UpToDate).await?;
    let done = run(config, &database.db, command).await;
    database.close().await?;
    println!("{}", done?);
    Ok(())
}

async fn run(config: &Config, db: &Db, command: UserCommand) -> Result<String, StartError> {
    match command {
        UserCommand::Add { username, email, full_name, admin } => {
            add(config, db, username, email, full_name, admin).await
        }
        UserCommand::List => list(db).await,
        UserCommand::Disable { user } => set_active(db, user, false).await,
        UserCommand::Enable { user } => set_active(db, user, true).await,
        UserCommand::Password { user } => set_password(config, db, user).await,
        UserCommand::Email { user, email } => set_email(db, user, email).await,
        UserCommand::Delete { user } => delete(db, user).await,
        UserCommand::Role { user, role } => set_role(db, user, role).await,
    }
}

async fn add(
    config: &Config,
    db: &Db,
    username: String,
    email: String,
    full_name: String,
    admin: bool,
) -> Result<String, StartError> {
    let password = spawn_blocking(read_password).await??;
    let typed = NewAccount::of(username, email, full_name, password);
    let fields = Fields::checked(&typed);
    if !fields.are_fine() {
        let wrong = fields.named().into_iter().filter(|(_, field)| !field.is_fine());
        let lines: Vec<_> = wrong.map(|(name, field)| format!("{name}: {}", field.errors.join(" "))).collect();
        return Err(lines.join("\n").into());
    }
    let new = NewUser {
        username: fields.username.value,
        email: fields.email.value,
        full_name: fields.full_name.value,
        password_hash: Some(
            Passwords::start(config.bcrypt_cost, &InFlight::default())?
                .hash(Lane::Known, typed.into_password())
                .await?,
        ),
    };
    let made = db
        .write(move |conn| {
            diesel::QueryResult::Ok(match User::create(conn, &new)? {
                Ok(user) if admin => User::set_role(conn, user.id, Edit::blind(Role::Admin))?.ok(),
                made => made.ok(),
            })
        })
        .await?;
    let user = made.ok_or("Somebody has this username or email address already.")?;
    Ok(format!("{} has an account now, as {}.", user.username, user.role().as_str()))
}

async fn list(db: &Db) -> Result<String, StartError> {
    let mut lines = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let from = after.clone();
        let people = db.read(move |conn| Person::page(conn, "", from.as_deref(), PAGE)).await?;
        let Some(last) = people.last() else { break };
        after = Some(last.user.username.clone());
        lines.extend(people.into_iter().map(|Person { user, photos, bytes, deleting }| {
            let state = match (deleting, user.active) {
                (true, _) => "deleting",
                (false, true) => "active",
                (false, false) => "disabled",
            };
            let role = user.role().as_str();
            format!("{:<24} {:<32} {role:<6} {state:<9} {photos:>8} {:>10}", user.username, user.email, in_words(bytes))
        }));
    }
    let heading =
        format!("{:<24} {:<32} {:<6} {:<9} {:>8} {:>10}", "USERNAME", "EMAIL", "ROLE", "STATE", "PHOTOS", "ROOM");
    lines.insert(0, heading);
    Ok(lines.join("\n"))
}

async fn set_active(db: &Db, login: String, active: bool) -> Result<String, StartError> {
    let user = find(db, login).await?;
    let user = db.write(move |conn| User::set_active(conn, user.id, active)).await?.map_err(last_admin)?;
    Ok(match active {
        true => format!("{} can log in again.", user.username),
        false => format!("{} is disabled and logged out everywhere.", user.username),
    })
}

async fn set_email(db: &Db, login: String, email: String) -> Result<String, StartError> {
    let user = find(db, login).await?;
    let email = checked_email(&email);
    if !email.is_fine() {
        return Err(email.errors.join(" ").into());
    }
    let changed = db.write(move |conn| User::set_email(conn, user.id, Edit::blind(email.value))).await?;
    let user = changed.map_err(|_| "Another account has this email address.")?;
    Ok(format!("{} has the email address {} now.", user.username, user.email))
}

async fn delete(db: &Db, login: String) -> Result<String, StartError> {
    let id = find(db, login).await?.id;
    let person = db.read(move |conn| Person::find(conn, id)).await?;
    let (username, photos) = (person.user.username, photos_in_words(person.photos));
    let question = format!(
        "This deletes the account {username} with {photos}, {}. It cannot be undone. Type {username} to do it: ",
        in_words(person.bytes)
    );
    let typed = spawn_blocking(move || read_confirmation(&question)).await??;
    if !typed.eq_ignore_ascii_case(&username) {
        return Err(format!("That is not {username}. Nothing was deleted.").into());
    }
    db.write(move |conn| account_deletion::begin(conn, id)).await?.map_err(last_admin)?;
    while db.write(move |conn| account_deletion::step(conn, id)).await? != Step::Done {}
    Ok(format!(
        "The account {username} is deleted, with {photos}. The server removes their bytes: while it runs, within a minute; else \
         when it is started again."
    ))
}

async fn set_role(db: &Db, login: String, role: NewRole) -> Result<String, StartError> {
    let user = find(db, login).await?;
    let role = match role {
        NewRole::User => Role::User,
        NewRole::Admin => Role::Admin,
    };
    let changed = db.write(move |conn| User::set_role(conn, user.id, Edit::blind(role))).await?;
    // A blind edit is never stale.
    let user = changed.map_err(|_| last_admin(LastAdmin))?;
    Ok(format!("{} has the role {} now.", user.username, user.role().as_str()))
}

async fn set_password(config: &Config, db: &Db, login: String) -> Result<String, StartError> {
    let user = find(db, login).await?;
    let password = spawn_blocking(read_password).await??;
    let checked = checked_password(&password);
    if !checked.is_fine() {
        return Err(checked.errors.join(" ").into());
    }
    let hash = Passwords::start(config.bcrypt_cost, &InFlight::default())?.hash(Lane::Known, password).await?;
    let ended = db
        .write(move |conn| {
            User::set_password_hash(conn, user.id, &hash)?;
            // Whoever asks for this may have lost more than the password.
            PersonalToken::end_all(conn, user.id)?;
            Session::end_all(conn, user.id)
        })
        .await?;
    Ok(format!("{} has a new password and is logged out on {ended} devices.", user.username))
}

async fn find(db: &Db, login: String) -> Result<User, StartError> {
    let found = db.read(move |conn| User::by_login(conn, &login)).await?;
    found.ok_or_else(|| "Nobody has this username or email address.".into())
}

fn last_admin(_: LastAdmin) -> StartError {
    "There is no other admin. Make somebody else an admin first.".into()
}

fn read_confirmation(question: &str) -> io::Result<String> {
    if stdin().is_terminal() {
        let _ = write!(stderr(), "{question}");
    }
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn read_password() -> io::Result<String> {
    if !stdin().is_terminal() {
        let mut line = String::new();
        stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Once more: ")? != password {
        return Err(io::Error::other("These two differ."));
    }
    Ok(password)
}
