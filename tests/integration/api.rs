//! What programs do over HTTP, a story a resource.

mod accounts;
mod cors;
mod description;
mod direct;
mod edges;
mod hashtags;
mod idempotency;
mod personal_tokens;
mod photos;
mod problems;
mod tokens;
