//! [`RedisStore`]: records in Redis, for many processes.

mod attempt;
pub(crate) mod builder;
mod cluster;
mod connect;
mod connection;
mod deployment;
mod failure;
mod invalidation;
mod layout;
mod operations;
mod primary;
mod scripts;
mod sentinel;
mod server;
mod store;
mod subscription;
mod topology;
mod url;
mod worker;

pub use builder::RedisStoreBuilder;
pub use store::RedisStore;
