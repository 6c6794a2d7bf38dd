//! Every call of the API, in the order in which one meets them, one file a group.

mod accounts;
mod hashtags;
mod photos;
mod server;
mod uploads;

use crate::api::description::call::Call;

/// The groups, with what they are about.
pub const GROUPS: [(&str, &str); 4] = [
    ("Accounts", "Make an account, log in for tokens, get the next ones, log out."),
    ("Photos", "One's own photos: upload, list, look, change, delete."),
    ("Hashtags", "The hashtags that are for all to see. Whose private photos carry which is not told."),
    ("Server", "How the server is, and this description."),
];

/// All of them.
pub fn all() -> Vec<Call> {
    [accounts::calls(), uploads::calls(), photos::calls(), hashtags::calls(), server::calls()]
        .into_iter()
        .flatten()
        .collect()
}
