//! JSON: one file a resource.

pub mod health;
