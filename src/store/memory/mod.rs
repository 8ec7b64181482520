//! [`MemoryStore`]: records in this process's memory.

mod builder;
mod store;

pub use builder::MemoryStoreBuilder;
pub use store::MemoryStore;
