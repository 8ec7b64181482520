//! Settings of stores in files.

use super::location::Spot;
use crate::config::document::Problem;
use crate::store::{FileStore, MemoryStore, Store};
use std::sync::Arc;

settings! {
    /// A store in a file.
    pub(super) struct FileSettings {
        /// Path of the file, which is created if missing.
        path: String,
    }
}

impl FileSettings {
    pub(super) fn build(&self, spot: &Spot<'_>) -> Result<Arc<dyn Store>, Problem> {
        if self.path.is_empty() {
            return Err(spot.key("path").wrong("the file's name is empty"));
        }
        if spot.world.dry {
            return Ok(Arc::new(MemoryStore::new()));
        }
        let store = FileStore::builder().clock(spot.world.clock.clone());
        let store = store.open(spot.world.base.join(&self.path));
        Ok(Arc::new(store.map_err(|error| spot.refused(error))?))
    }
}
