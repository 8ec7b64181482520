//! [`MemoryStore`]: records in this process's memory.

pub(crate) mod builder;
mod store;

pub use builder::MemoryStoreBuilder;
pub use store::MemoryStore;
