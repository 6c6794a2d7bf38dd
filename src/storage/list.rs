//! Listing what is stored: names, sizes and ages, one after the other in the order of the names.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use fs_err::{self as fs, DirEntry};

use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::StorageError;
use super::disk::blocking;

/// One object as a list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name; [`super::ObjectKey`] reads it, unless somebody else has put it there.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was put in, by the storage's clock.
    pub modified: DateTime<Utc>,
}

/// Objects in the order of their names.
pub type Listing = BoxStream<'static, Result<Listed, StorageError>>;

/// `listing`, which ends with an error where a name does not begin with `prefix`, or does not come after the one before:
/// whoever walks two lists side by side relies on it, and one that repeats itself would never end.
pub(super) fn checked(listing: Listing, prefix: String) -> Listing {
    let mut before = String::new();
    let checked = listing.map(move |listed| {
        let listed = listed?;
        if !listed.key.starts_with(&prefix) || listed.key <= before {
            return Err(nonsense("the storage does not list objects in the order of their names"));
        }
        before.clone_from(&listed.key);
        Ok(listed)
    });
    // Nothing after an error.
    checked
        .scan(false, |failed, listed| {
            std::future::ready((!std::mem::replace(failed, listed.is_err())).then_some(listed))
        })
        .boxed()
}

/// Some objects, and where the next ones are to be had.
pub(super) type Page = (VecDeque<Listed>, Option<String>);

/// Pages one after the other, each read when it is needed: `page` is told where to go on, at first nothing.
pub(super) fn paged<F>(page: impl Fn(Option<String>) -> F + Send + 'static) -> Listing
where
    F: Future<Output = Result<Page, StorageError>> + Send + 'static,
{
    // The page to come, until there is none.
    stream::try_unfold(Some(None), move |from| {
        let reading = from.map(&page);
        async move {
            let Some(reading) = reading else { return Ok::<_, StorageError>(None) };
            let (objects, next) = reading.await?;
            Ok(Some((stream::iter(objects.into_iter().map(Ok)), next.map(Some))))
        }
    })
    .try_flatten()
    .boxed()
}

pub(super) fn nonsense(what: &str) -> StorageError {
    StorageError::Unavailable(io::Error::new(ErrorKind::InvalidData, what))
}

/// What lies in a folder.
enum Node {
    File(Listed),
    /// Its path, and its name with a slash at the end.
    Folder(PathBuf, String),
}

impl Node {
    fn key(&self) -> &str {
        match self {
            Self::File(file) => &file.key,
            Self::Folder(_, key) => key,
        }
    }
}

/// The files below `root`/`prefix`. One folder after the other is read: what is held is the names in the largest one.
pub(super) fn files(root: &Path, prefix: &str) -> Listing {
    let top = Node::Folder(root.join(prefix), prefix.to_owned());
    stream::try_unfold(vec![vec![top].into_iter()], |mut stack: Vec<IntoIter<Node>>| async move {
        while let Some(folder) = stack.last_mut() {
            match folder.next() {
                None => drop(stack.pop()),
                Some(Node::File(file)) => return Ok(Some((file, stack))),
                Some(Node::Folder(path, key)) => {
                    let nodes = blocking(move || read_folder(&path, &key)).await?;
                    stack.push(nodes.into_iter());
                }
            }
        }
        Ok(None)
    })
    .boxed()
}

/// In the order of the names of what is in there: a folder's name counts with its slash.
fn read_folder(path: &Path, key: &str) -> io::Result<Vec<Node>> {
    let entries = match fs::read_dir(path) {
        // Gone since it was listed, with the last object in it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut nodes = Vec::new();
    for entry in entries {
        match node(&entry?, key) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            node => nodes.push(node?),
        }
    }
    nodes.sort_unstable_by(|one, other| one.key().cmp(other.key()));
    Ok(nodes)
}

fn node(entry: &DirEntry, parent: &str) -> io::Result<Node> {
    let key = format!("{parent}{}", entry.file_name().to_string_lossy());
    if entry.file_type()?.is_dir() {
        return Ok(Node::Folder(entry.path(), format!("{key}/")));
    }
    let file = entry.metadata()?;
    Ok(Node::File(Listed { key, size: file.len(), modified: file.modified()?.into() }))
}
