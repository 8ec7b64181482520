//! [`RedisStore`](jamguard::store::RedisStore) over real servers, and what becomes of it when they
//! stop, stand still, or are replaced (faults.md rows 12 to 14 and 16; the figures are printed with
//! `cargo test --all-features --test stores redis_servers:: -- --nocapture`).

mod cluster;
mod demotion;
mod deny_list;
mod enrichment;
mod moving;
mod near;
mod outages;
mod records;
mod sentinels;
mod settings;
mod suite;
mod watching;
