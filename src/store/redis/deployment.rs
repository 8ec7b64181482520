//! The servers of a store and what all of its operations share.

use super::cluster::Cluster;
use super::connection::Link;
use super::layout::Layout;
use super::primary::Primary;
use super::url::Target;
use crate::store::watch::Watchers;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The servers that keep the records and report their changes.
pub(super) enum Servers {
    /// `link` is the connection over which records are read.
    Primary { primary: Arc<Primary>, link: Arc<Link> },
    /// All primaries.
    Cluster(Arc<Cluster>),
}

/// A Redis deployment, the keys of one store in it, and the watchers of that store.
pub(super) struct Deployment {
    pub(super) target: Arc<Target>,
    pub(super) servers: Servers,
    pub(super) layout: Layout,
    /// Time limit of an operation.
    pub(super) timeout: Duration,
    pub(super) watchers: Watchers,
    /// Whether changes are learned. Locked while that changes, and while a watcher is added.
    pub(super) live: Mutex<bool>,
}
