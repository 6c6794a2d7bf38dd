//! Lumina, a self-hosted photo album and image host. This is the map of the house.
//!
//! | room | what it does |
//! |---|---|
//! | [`app`] | starts and stops everything; tests start the same way |
//! | [`routes`] | every URL, and the functions that build links |
//! | [`pages`], [`api`] | handlers: HTML and JSON, one file a page or resource |
//! | [`web`] | what all handlers need: who is asking, frames, errors, bytes |
//! | [`album`] | what needs rows, bytes and image work together |
//! | [`models`] | rows and queries; knows nothing of HTTP |
//! | [`storage`] | photos' bytes |
//! | [`media`] | image work: bytes in, bytes out |
//! | [`metrics`] | what is measured, for Prometheus; [`durations`]: its histograms |
//! | [`db`] | the door to Postgres, and our own Postgres when none is given |
//! | [`oidc`] | who somebody is, told by an OpenID Connect provider |
//! | [`config`], [`telemetry`], [`error`], [`passwords`], [`tokens`] | settings, logs, errors, bcrypt, access tokens |
//! | [`disk_space`] | how full the disk is, and what is kept free of it |
//! | [`supervisor`] | background tasks: restarted when they panic or end |
//! | [`advice`] | what to do about a file that cannot be used, for the person at the terminal |
//! | [`failpoints`] | where tests end the process; nothing in a release build |
//!
//! Dependencies point one way: pages, api → web → album → models, storage, media → db, config, error.

// What tests stand on names this crate as those outside of it do.
#[cfg(test)]
extern crate self as lumina;

pub mod advice;
pub mod album;
pub mod api;
pub mod app;
pub mod commands;
pub mod config;
pub mod db;
pub mod disk_space;
pub mod durations;
pub mod error;
pub mod failpoints;
pub mod media;
pub mod metrics;
pub mod models;
pub mod oidc;
pub mod pages;
pub mod passwords;
pub mod routes;
pub mod storage;
pub mod supervisor;
pub mod telemetry;
pub mod threads;
pub mod tokens;
pub mod web;

/// The version, and the commit where that is known.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("LUMINA_BUILD"));
