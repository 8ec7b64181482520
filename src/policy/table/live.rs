//! A route table that can be replaced while requests use it.

use super::route_table::RouteTable;
use crate::core::lock::{read, write};
use crate::core::sharded::Striped;
use std::fmt;
use std::sync::{Arc, RwLock};

/// The current route table; clones share it.
#[derive(Clone)]
pub(crate) struct LiveTable(Arc<Striped<RwLock<Arc<RouteTable>>>>);

impl LiveTable {
    pub(crate) fn new(table: &RouteTable) -> Self {
        // One `Arc` per shard, so that threads do not contend on one reference count.
        let each = || RwLock::new(Arc::new(table.clone()));
        Self(Arc::new(Striped::new(each)))
    }

    /// Returns the current table, for use during one whole request.
    pub(crate) fn now(&self) -> Arc<RouteTable> {
        let table = read(self.0.mine());
        table.clone()
    }

    /// Replaces the table for all requests that start after this returns.
    pub(crate) fn replace(&self, table: &RouteTable) {
        for place in self.0.iter() {
            let mut place = write(place);
            *place = Arc::new(table.clone());
        }
    }
}

impl fmt::Debug for LiveTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.now(), f)
    }
}
