//! Records in a file, for one process.

mod jobs;
mod medium;
mod store;
mod tables;

pub use store::{FileStore, FileStoreBuilder};
