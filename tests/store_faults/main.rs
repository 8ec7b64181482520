//! What happens to the file store: processes killed while they write, full disks, files that are
//! read-only, damaged, or open elsewhere. Prints its figures.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;
mod damage;
mod disk;
#[path = "../support/folder.rs"]
mod folder;
mod kills;

/// Not a test of its own: this binary, started again by one, plays its part here.
#[test]
fn child() {
    if let Ok(part) = std::env::var(child::PART) {
        child::play(&part);
    }
}
