//! [`FileStore`]: records in a file, for one process.

mod database;
mod failure;
mod opening;
mod store;
mod tables;
mod worker;

pub use store::{FileStore, FileStoreBuilder};
