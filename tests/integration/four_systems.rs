//! The four systems that Lumina replaces: for each, what its users did, done over HTTP with Lumina's own names. Each test
//! is called after a system and what it shows of it; together they cover every item of its row.
//!
//! What looks the same everywhere is shown in depth elsewhere: dropping files in `browser::upload`, rotating refresh
//! tokens in `api::tokens`, keys that rotate in `sessions` and `api::tokens`, migrations in `schema`.

mod image_hosting_app;
mod lumascope;
mod lumina;
mod photo_storage;
