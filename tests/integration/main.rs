//! All integration tests in one binary, so that it is linked once. Each module is one capability; see `support` for what
//! they stand on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and looks at rows and images past the program's own doors"
)]

mod support;

mod access;
mod account_deletion;
mod admin;
mod alerts;
mod api;
mod at_once;
mod backup;
mod backup_runs;
mod browser;
mod bucket;
mod bucket_faults;
mod bucket_network;
mod bytes;
mod campaign;
mod cdn;
mod clocks;
mod colour;
mod command_faults;
mod command_user;
mod configuration;
mod connections;
mod corpus;
mod crash_points;
mod crashes;
mod csrf;
mod database_away;
mod database_network;
mod database_refused;
mod dates;
mod deletion;
mod disk_full;
mod doctor;
mod duplicates;
mod editing;
mod errors;
mod facts;
mod file_names;
mod first_account;
mod floods;
mod four_systems;
mod gallery;
mod hashtags;
mod heif;
mod hostile_backups;
mod hosts;
mod invitations;
mod large;
mod limits;
mod log;
mod login;
mod long_work;
mod looking_after;
mod maintenance;
mod metadata;
mod metrics;
mod moving;
mod moving_storage;
mod oidc;
mod on_garage;
mod orientation;
mod outside;
mod pages;
mod plans;
mod polyglots;
mod previews;
mod private_postgres;
mod private_roles;
mod programs_replaced;
mod quota;
mod rare_kinds;
mod readme;
mod receiving;
mod refusals;
mod registration;
mod renditions;
mod schema;
mod secrets;
mod sessions;
mod shared_caches;
mod sharing;
mod shots;
mod slow_clients;
mod spellings;
mod stale_forms;
mod starting;
mod stopping;
mod storage;
mod tidying;
mod together;
mod two_instances;
mod uploads;
