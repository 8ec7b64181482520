//! A table that can be replaced while requests ask it.

use super::route_table::RouteTable;
use crate::core::striped::Striped;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The current table. Clones share it.
#[derive(Clone)]
pub(crate) struct LiveTable(Arc<Striped<RwLock<Arc<RouteTable>>>>);

impl LiveTable {
    pub(crate) fn new(table: &RouteTable) -> Self {
        // Each thread counts references of its own.
        let each = || RwLock::new(Arc::new(table.clone()));
        Self(Arc::new(Striped::new(each)))
    }

    /// The table of this moment, for the whole of one request.
    pub(crate) fn now(&self) -> Arc<RouteTable> {
        // Nothing panics while it is held.
        let table = self.0.mine().read().unwrap_or_else(PoisonError::into_inner);
        table.clone()
    }

    /// Requests that come after this has returned ask the new table.
    pub(crate) fn replace(&self, table: &RouteTable) {
        for place in self.0.iter() {
            let mut place = place.write().unwrap_or_else(PoisonError::into_inner);
            *place = Arc::new(table.clone());
        }
    }
}

impl fmt::Debug for LiveTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.now(), f)
    }
}
