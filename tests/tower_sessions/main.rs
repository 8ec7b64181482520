//! Stores of tower-sessions as stores of ours: all promises inside one process, and by name those
//! that several processes must do without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backend;
#[path = "../support/folder.rs"]
mod folder;
mod outages;
mod processes;
mod sqlite;
mod suite;
