//! What the command line does beside serving: one file a subcommand. Each may run while the server does, unless it says
//! otherwise; it works on an instance that is there (`database`, `Storage::open_existing`), and as its [owner](become_owner).

#![expect(clippy::print_stdout, reason = "their output is what they are for; without a reader they may end")]

mod backup;
pub mod database;
mod doctor;
mod owner;
mod renditions;
mod restore;
mod storage;
pub mod terminal;
mod user;

pub use backup::{Backup, backup};
pub use doctor::{Doctor, doctor};
pub use owner::become_owner;
pub use renditions::renditions;
pub use restore::{Restore, restore};
pub use storage::{StorageCommand, storage};
pub use user::{UserCommand, user};
