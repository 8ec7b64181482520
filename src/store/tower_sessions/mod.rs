//! [`TowerSessionsStore`]: records in any store of tower-sessions.

mod backend;
mod entry;
mod index;
mod store;

pub use store::{TowerSessionsStore, TowerSessionsStoreBuilder};
