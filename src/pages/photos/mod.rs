//! One's own photos: the gallery, uploading, one photo, its bytes, and what can be done to a selection.

pub mod bytes;
pub mod card;
pub mod create;
pub mod delete;
pub mod facts;
pub mod list;
pub mod selection;
pub mod show;
