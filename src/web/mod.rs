//! What every door needs: who is asking, the frame of a page, refusing what comes from elsewhere, serving bytes.

pub mod assets;
pub mod auth;
pub mod bytes;
pub mod cookies;
pub mod csrf;
pub mod error_page;
pub mod forms;
pub mod headers;
pub mod htmx;
pub mod notice;
pub mod page;
pub mod request_log;
pub mod upload_form;
