//! [`RedisStore`](jamguard::store::RedisStore) over real servers that stop, stand still, or are
//! replaced: faults 12, 13, 14 and 16 of `docs/faults.md` (`cargo test --all-features --test stores
//! redis_servers:: -- --nocapture` prints the figures).

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
