//! One-time passwords: what they promise, attacks on them, and what happens when stores fail. Prints
//! its figures.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/every_store.rs"]
mod every_store;
#[path = "../support/folder.rs"]
mod folder;
#[macro_use]
#[path = "../common/passes_on.rs"]
mod passes_on;
#[path = "../common/redis.rs"]
mod redis;

#[allow(dead_code)]
#[path = "../sessions/failing.rs"]
mod failing;

mod attacks;
mod door;
mod enrolment;
mod facade;
mod guard;
mod images;
mod nonsense;
mod outages;
mod recovery;
mod resync;

pub(crate) const NOW: u64 = 1_800_000_000;
