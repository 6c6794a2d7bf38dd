//! What people do, in real Chromium: each test is a story from a page to its end. They are few, since each starts a browser.

pub mod scenes;

mod console;
mod docs;
mod duplicates;
mod gallery;
mod keyboard;
mod moving;
mod offline;
pub mod pages;
mod photo;
mod polyglots;
mod tabs;
mod touch;
mod undo;
mod upload;
mod without_script;
