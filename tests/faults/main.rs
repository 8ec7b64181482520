//! faults.md rows 1 to 11: each test injects the row's fault and prints its figure
//! (`cargo test --all-features --test faults -- --nocapture`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/issuer.rs"]
mod issuer;

mod clocks;
mod crowds;
mod fetches;
mod outages;
mod web;
