//! Personal access tokens: what somebody gives a program to use a part of their account, for as long as they like.
//!
//! The token itself is shown once, to its owner; a row keeps its hash. It is random, so that a plain hash is enough.

use chrono::{DateTime, TimeDelta, Utc};
use crc32fast::hash as crc32;
use diesel::pg::Pg;
use diesel::prelude::*;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256};

use crate::db::schema::{personal_access_tokens as tokens, users};
use crate::models::{PersonalTokenId, User, UserId};

/// How a token begins, so that people and programs that look for leaked secrets know one when they see it.
pub const PREFIX: &str = "lumina_pat_";
/// Letters and digits drawn: 238 bits.
const DRAWN: usize = 40;
/// Digits of the checksum behind them, so that a mistyped or cut token is known without a look into the database.
const CHECKSUM: usize = 6;

/// The most tokens of one user: more is a program gone wild.
pub const MOST: i64 = 100;

/// A row is marked as used at most this often, as sessions are.
const USED_EVERY: TimeDelta = TimeDelta::minutes(10);

/// What a token is good for. Kept as text in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See photos, their bytes and facts.
    ReadPhotos,
    /// Upload, change and delete photos; show hashtags to all.
    WritePhotos,
    /// See who one is: username, email address, full name.
    ReadAccount,
}

impl Scope {
    /// All, in the order in which people are asked.
    pub const ALL: [Self; 3] = [Self::ReadPhotos, Self::WritePhotos, Self::ReadAccount];

    /// As rows and programs have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadPhotos => "photos:read",
            Self::WritePhotos => "photos:write",
            Self::ReadAccount => "account:read",
        }
    }
}

/// A row of `personal_access_tokens`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = tokens, check_for_backend(Pg))]
pub struct PersonalToken {
    /// How the account page speaks of it.
    pub id: PersonalTokenId,
    /// What its owner calls it.
    pub name: String,
    scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops to be good by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, give or take ten minutes.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token to be made; every field already checked.
pub struct NewPersonalToken {
    /// See [`PersonalToken::name`].
    pub name: String,
    /// At least one.
    pub scopes: Vec<Scope>,
    /// See [`PersonalToken::expires_at`].
    pub expires_at: Option<DateTime<Utc>>,
}

/// The token itself. Not printable: it is shown once, to its owner.
pub struct TokenText(String);

impl TokenText {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        let drawn: String = rand::rng().sample_iter(Alphanumeric).take(DRAWN).map(char::from).collect();
        let checksum = checksum(&drawn);
        Self(format!("{PREFIX}{drawn}{checksum}"))
    }

    /// Whether a bearer's token means to be one of these.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A text that is whole.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (drawn, sum) = text.strip_prefix(PREFIX)?.split_at_checked(DRAWN)?;
        (drawn.bytes().all(|byte| byte.is_ascii_alphanumeric()) && sum == checksum(drawn))
            .then(|| Self(text.to_owned()))
    }

    /// For its owner's eyes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the row keeps.
    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }
}

/// CRC-32 in letters and digits.
fn checksum(drawn: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32(drawn.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get(rest % DIGITS.len()).copied().unwrap_or_default();
        rest /= DIGITS.len();
    }
    digits.map(char::from).iter().collect()
}

impl PersonalToken {
    /// Whether it is good for this.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|name| name == scope.as_str())
    }

    /// What it is good for.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(|scope| self.allows(*scope))
    }

    /// Makes one. `None`: this user has [`MOST`] already.
    ///
    /// # Errors
    /// Of the database.
    pub fn create(
        conn: &mut PgConnection,
        user: UserId,
        new: &NewPersonalToken,
        text: &TokenText,
    ) -> QueryResult<Option<Self>> {
        // Of two at once the second sees the first one's.
        users::table.find(user).for_update().select(users::id).first::<UserId>(conn)?;
        let there: i64 = tokens::table.filter(tokens::user_id.eq(user)).count().get_result(conn)?;
        if there >= MOST {
            return Ok(None);
        }
        diesel::insert_into(tokens::table)
            .values((
                tokens::id.eq(PersonalTokenId::generate()),
                tokens::user_id.eq(user),
                tokens::name.eq(&new.name),
                tokens::hash.eq(text.hash()),
                tokens::scopes.eq(new.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>()),
                tokens::expires_at.eq(new.expires_at),
            ))
            .returning(Self::as_returning())
            .get_result(conn)
            .map(Some)
    }

    /// The live token and its active user.
    ///
    /// # Errors
    /// Of the database.
    pub fn find(conn: &mut PgConnection, text: &TokenText) -> QueryResult<Option<(Self, User)>> {
        let found: Option<(Self, User)> = tokens::table
            .inner_join(users::table)
            .filter(tokens::hash.eq(text.hash()))
            .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(Utc::now())))
            .filter(users::active)
            .select((Self::as_select(), User::as_select()))
            .first(conn)
            .optional()?;
        if let Some((token, _)) = &found
            && token.last_used_at.is_none_or(|used| Utc::now() - used > USED_EVERY)
        {
            diesel::update(tokens::table.find(token.id))
                .set(tokens::last_used_at.eq(diesel::dsl::now))
                .execute(conn)?;
        }
        Ok(found)
    }

    /// Those of `user`, the newest first; expired ones too, so that nobody wonders why a program stopped.
    ///
    /// # Errors
    /// Of the database.
    pub fn of_user(conn: &mut PgConnection, user: UserId) -> QueryResult<Vec<Self>> {
        tokens::table
            .filter(tokens::user_id.eq(user))
            .order((tokens::created_at.desc(), tokens::id))
            .select(Self::as_select())
            .load(conn)
    }

    /// Ends one of `user`'s for good. False when there is no such token.
    ///
    /// # Errors
    /// Of the database.
    pub fn end(conn: &mut PgConnection, user: UserId, id: PersonalTokenId) -> QueryResult<bool> {
        diesel::delete(tokens::table.find(id).filter(tokens::user_id.eq(user))).execute(conn).map(|rows| rows > 0)
    }

    /// Ends all of `user`'s for good.
    ///
    /// # Errors
    /// Of the database.
    pub fn end_all(conn: &mut PgConnection, user: UserId) -> QueryResult<usize> {
        diesel::delete(tokens::table.filter(tokens::user_id.eq(user))).execute(conn)
    }
}
