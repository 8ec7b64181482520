//! [`FileStore`]: records in a file, for one process.

mod failure;
mod jobs;
mod medium;
mod opening;
mod store;
mod tables;

pub use store::{FileStore, FileStoreBuilder};
