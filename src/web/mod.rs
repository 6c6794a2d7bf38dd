//! What every door needs: who is asking, the frame of a page, refusing what comes from elsewhere, serving bytes.

pub mod assets;
pub mod auth;
pub mod bytes;
pub mod caller;
pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod edits;
pub mod error_page;
pub mod filter;
pub mod forms;
pub mod headers;
pub mod htmx;
pub mod limits;
pub mod new_account;
pub mod notice;
pub mod oidc;
pub mod pace;
pub mod page;
pub mod photo_changes;
pub mod problem;
pub mod registration;
pub mod request_log;
pub mod seen;
pub mod upload_form;
pub mod usernames;
