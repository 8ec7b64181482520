//! [`RedisStore`]: records in Redis, for many processes.

pub(crate) mod builder;
mod cluster;
mod connect;
mod connection;
mod failure;
mod invalidation;
mod layout;
mod operations;
mod opinions;
mod primary;
mod scripts;
mod sentinel;
mod server;
mod session;
mod store;
mod topology;
mod url;
mod worker;

pub use builder::RedisStoreBuilder;
pub use store::RedisStore;
