//! Stores of one process: the acceptance suite, and what it does not ask of the file and of the near
//! cache.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "file")]
mod file;
#[cfg(feature = "file")]
#[path = "../support/folder.rs"]
mod folder;
mod near;
mod suite;
