//! Stores of one process: the acceptance suite, and what it does not ask of the file and of the near
//! cache.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "file")]
mod file;
#[cfg(feature = "file")]
#[path = "../support/folder.rs"]
mod folder;
mod memory;
mod near;
mod suite;

/// No test but the part of another process, where one is set.
#[test]
fn child() {
    if let Ok(part) = std::env::var(memory::PART) {
        memory::play(&part);
    }
}
