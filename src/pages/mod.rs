//! HTML: one file a page or small resource. Each holds its view structs, its handlers in the order of their URLs, and
//! helpers in the order of their use; the folders of `templates/` mirror this one.

pub mod account;
pub mod admin;
pub mod docs;
pub mod hashtags;
pub mod home;
pub mod oidc;
pub mod people;
pub mod photos;
pub mod registration;
pub mod room;
pub mod session;
pub mod shared;
