//! What programs do over HTTP, a story a resource.

mod accounts;
mod cors;
mod direct;
mod hashtags;
mod photos;
mod problems;
mod tokens;
