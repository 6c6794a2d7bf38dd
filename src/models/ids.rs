//! Newtype ids, so that a user's id can never stand where a photo's is wanted.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty) as $sql:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow, Serialize, Deserialize)]
        #[diesel(sql_type = $sql)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl ToSql<$sql, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <$inner as ToSql<$sql, Pg>>::to_sql(&self.0, out)
            }
        }

        impl FromSql<$sql, Pg> for $name {
            fn from_sql(bytes: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                <$inner as FromSql<$sql, Pg>>::from_sql(bytes).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A user.
    UserId(i64) as BigInt
}
id! {
    /// A photo: a version 7 UUID, so that ids sort by the time they were made and tell nothing else.
    PhotoId(Uuid) as SqlUuid
}
id! {
    /// A signed-in device: a random UUID.
    SessionId(Uuid) as SqlUuid
}
id! {
    /// A personal access token: a random UUID, which says nothing of the token itself.
    PersonalTokenId(Uuid) as SqlUuid
}

id! {
    /// A file that a program puts into the storage itself: a random UUID, as the object's key follows from it.
    UploadId(Uuid) as SqlUuid
}

id! {
    /// An invitation: a random UUID.
    InvitationId(Uuid) as SqlUuid
}

impl InvitationId {
    /// A new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl PhotoId {
    /// A new id, later than every earlier one.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl std::str::FromStr for PhotoId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl SessionId {
    /// A new, unguessable id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl UploadId {
    /// A new, unguessable id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl PersonalTokenId {
    /// A new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}
