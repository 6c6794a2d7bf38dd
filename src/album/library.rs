//! The whole library: rows and stored objects side by side.
//!
//! Both come as sorted streams, the rows of one instant and then the storage's list, and are merged: memory stays the same
//! however many there are. Photos come and go meanwhile. So what does not fit together here is a suspicion only, to be
//! looked at again before anything follows from it; [`super::examine`] does.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use crate::db::Db;
use crate::error::AppError;
use crate::models::inventory::{self, Inventoried};
use crate::storage::{Kind, Listed, ObjectKey, PHOTOS, Storage};

/// Pages of rows read ahead.
const AHEAD: usize = 2;

/// One step of the walk.
#[derive(Debug)]
pub enum Beside {
    /// A photo's row, and those of its objects that were listed.
    Photo(Inventoried, Vec<(Kind, Listed)>),
    /// An object that no row of a photo named at that instant.
    Unnamed(Listed),
}

/// Rows of photos in the order of their objects' keys.
pub type Rows = BoxStream<'static, Result<Inventoried, AppError>>;

/// All photos as they are when the first is asked for.
pub fn rows(db: &Db) -> Rows {
    let (send, receive) = mpsc::channel(AHEAD);
    let db = db.clone();
    let begun = stream::once(async move {
        #[expect(clippy::disallowed_methods, reason = "it ends with the list")]
        tokio::spawn(async move {
            let pages = send.clone();
            let read = db.long(move |conn| {
                diesel::Connection::transaction(conn, inventory::begin)?;
                loop {
                    let page = inventory::next(conn)?;
                    if page.is_empty() {
                        return Ok::<_, AppError>(());
                    }
                    // Nobody reads on.
                    if pages.blocking_send(Ok(page)).is_err() {
                        return Ok(inventory::end(conn)?);
                    }
                }
            });
            if let Err(error) = read.await {
                drop(send.send(Err(error)).await);
            }
        });
        pages(receive)
    });
    begun.flatten().boxed()
}

/// The rows that come through a channel, until it is closed.
pub fn pages(receive: mpsc::Receiver<Result<Vec<Inventoried>, AppError>>) -> Rows {
    let pages = stream::unfold(receive, async |mut receive| Some((receive.recv().await?, receive)));
    pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten().boxed()
}

/// Walks through `rows` and all objects of photos in `storage`.
pub fn walk(rows: Rows, storage: &Storage) -> BoxStream<'static, Result<Beside, AppError>> {
    let walk = Walk { rows, row: None, objects: storage.list(PHOTOS), object: None, found: Vec::new() };
    stream::once(walk.begin()).map_ok(|walk| stream::try_unfold(walk, Walk::step)).try_flatten().boxed()
}

struct Walk {
    rows: Rows,
    row: Option<Inventoried>,
    objects: crate::storage::Listing,
    object: Option<Listed>,
    /// Of the row's photo.
    found: Vec<(Kind, Listed)>,
}

impl Walk {
    /// The rows first: each then has its objects already, unless it goes.
    async fn begin(mut self) -> Result<Self, AppError> {
        self.row = self.rows.try_next().await?;
        self.object = self.objects.try_next().await?;
        Ok(self)
    }

    async fn step(mut self) -> Result<Option<(Beside, Self)>, AppError> {
        loop {
            let folder = self.row.as_ref().map(folder);
            let object = match (&folder, self.object.take()) {
                (None, None) => return Ok(None),
                (Some(folder), Some(object)) if object.key.starts_with(folder) => object,
                (folder, Some(object)) if folder.as_ref().is_none_or(|folder| object.key < *folder) => {
                    self.object = self.objects.try_next().await?;
                    return Ok(Some((Beside::Unnamed(object), self)));
                }
                // All of the photo's objects were listed.
                (_, object) => {
                    self.object = object;
                    let Some(row) = self.row.take() else { return Ok(None) };
                    self.row = self.rows.try_next().await?;
                    return Ok(Some((Beside::Photo(row, std::mem::take(&mut self.found)), self)));
                }
            };
            self.object = self.objects.try_next().await?;
            match object.key.parse::<ObjectKey>() {
                Ok(key) => self.found.push((key.kind(), object)),
                // Beside the photo's own objects, and none of them.
                Err(_) => return Ok(Some((Beside::Unnamed(object), self))),
            }
        }
    }
}

/// What the keys of a photo's objects begin with.
fn folder(row: &Inventoried) -> String {
    let original = ObjectKey::new(row.id.0, Kind::Original).to_string();
    original.trim_end_matches("original").to_owned()
}
