//! The second factor as a session's attribute: on every store, and through both frameworks.
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
#[path = "../support/mod.rs"]
mod support;

mod codes;
mod jam;
mod refusals;
mod site;
mod step_up;
