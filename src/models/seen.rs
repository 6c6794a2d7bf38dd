//! Who sees which photo, for many who ask at once: what stands between a browser and a photo's bytes.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use chrono::{TimeDelta, Utc};
use diesel::prelude::*;

use crate::db::schema::{photos, sessions, users};
use crate::models::session::{IDLE_DAYS, Session};
use crate::models::{Photo, PhotoId, SessionId, UserId, Visibility};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Someone who shows nothing.
    Nobody,
    /// The cookie names this session, which has to be there.
    Session(SessionId),
    /// Someone who was found to be this user.
    User(UserId),
}

/// Which photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// By its id: its owner's, or a public one of an active user.
    Id(PhotoId),
    /// By its link, while it has this one and its owner is active.
    Link(String),
}

/// A question.
pub type Asked = (Viewer, Which);

/// What came of it.
#[derive(Debug)]
pub struct Seen {
    /// Who asks, if they are signed in.
    pub viewer: Option<UserId>,
    /// The photo, if it is there and they may see it.
    pub photo: Option<Photo>,
}

/// Answers all these questions, in their order.
///
/// # Errors
/// Of the database.
pub fn look(conn: &mut PgConnection, asked: &[Asked]) -> QueryResult<Vec<Seen>> {
    let viewers = signed_in(conn, asked)?;
    let (by_id, by_link) = found(conn, asked)?;
    let answer = |(viewer, which): &Asked| {
        let viewer = match viewer {
            Viewer::Nobody => None,
            Viewer::Session(session) => viewers.get(session).copied(),
            Viewer::User(user) => Some(*user),
        };
        let photo = match which {
            Which::Id(id) => by_id.get(id).filter(|(photo, active)| {
                viewer == Some(photo.owner_id) || (*active && photo.visibility() == Visibility::Public)
            }),
            Which::Link(token) => by_link.get(token.as_str()).filter(|(_, active)| *active),
        };
        Seen { viewer, photo: photo.map(|(photo, _)| photo.clone()) }
    };
    Ok(asked.iter().map(answer).collect())
}

/// The active users behind these sessions, which count as seen: as [`Session::find`](crate::models::Session::find).
fn signed_in(conn: &mut PgConnection, asked: &[Asked]) -> QueryResult<HashMap<SessionId, UserId>> {
    let ids = asked.iter().filter_map(|(viewer, _)| match viewer {
        Viewer::Session(id) => Some(*id),
        Viewer::Nobody | Viewer::User(_) => None,
    });
    let ids = distinct(ids);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let live: Vec<(SessionId, UserId, chrono::DateTime<Utc>)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq_any(ids))
        .filter(sessions::last_seen_at.gt(Utc::now() - TimeDelta::days(IDLE_DAYS)))
        .filter(users::active)
        .select((sessions::id, users::id, sessions::last_seen_at))
        .load(conn)?;
    Session::count_as_seen(conn, live.iter().map(|(session, _, seen)| (*session, *seen)))?;
    Ok(live.into_iter().map(|(session, user, _)| (session, user)).collect())
}

type ById = HashMap<PhotoId, (Photo, bool)>;
type ByLink = HashMap<String, (Photo, bool)>;

/// These photos, each with whether its owner is active.
fn found(conn: &mut PgConnection, asked: &[Asked]) -> QueryResult<(ById, ByLink)> {
    let (mut ids, mut links) = (Vec::new(), Vec::new());
    for (_, which) in asked {
        match which {
            Which::Id(id) => ids.push(*id),
            Which::Link(token) => links.push(token.as_str()),
        }
    }
    let (ids, links) = (distinct(ids), distinct(links));
    let with_owner = || photos::table.inner_join(users::table).select((Photo::as_select(), users::active));
    let by_id: Vec<(Photo, bool)> =
        if ids.is_empty() { Vec::new() } else { with_owner().filter(photos::id.eq_any(ids)).load(conn)? };
    let by_link: Vec<(Photo, bool)> = if links.is_empty() {
        Vec::new()
    } else {
        with_owner().filter(photos::share_token.eq_any(links)).load(conn)?
    };
    let by_link = by_link.into_iter().filter_map(|found| Some((found.0.share_token.clone()?, found)));
    Ok((by_id.into_iter().map(|found| (found.0.id, found)).collect(), by_link.collect()))
}

/// Each of them once.
fn distinct<T: Eq + Hash>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    all.into_iter().collect::<HashSet<T>>().into_iter().collect()
}
