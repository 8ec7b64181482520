//! Faults 1 to 11 of `docs/faults.md`: each test injects the row's fault and prints its figure
//! (`cargo test --all-features --test issuers faults:: -- --nocapture`).

mod clocks;
mod crowds;
mod fetches;
mod outages;
mod web;
