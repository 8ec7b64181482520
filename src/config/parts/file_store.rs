//! Settings of stores in files.

use super::feature::AddTo;
use super::location::Spot;
use crate::config::document::Problem;
use crate::store::{FileStore, MemoryStore, Store};
use std::sync::Arc;

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// In a file, for a single process.
        file: Option<FileSettings>,
    }

    /// A store in a file.
    struct FileSettings {
        /// Path of the file, which is created if missing.
        path: String,
    }
}

impl AddTo<Option<Arc<dyn Store>>> for Keys {
    fn add_to(
        &self,
        other: Option<Arc<dyn Store>>,
        (): (),
        spot: &Spot<'_>,
    ) -> Result<Option<Arc<dyn Store>>, Problem> {
        let Some(FileSettings { path }) = &self.file else {
            return Ok(other);
        };
        let spot = spot.key("file");
        if path.is_empty() {
            return Err(spot.key("path").wrong("the file's name is empty"));
        }
        if spot.world.dry {
            return Ok(Some(Arc::new(MemoryStore::new())));
        }
        let store = FileStore::builder().clock(spot.clock());
        let store = spot.built(store.open(spot.world.base.join(path)))?;
        Ok(Some(Arc::new(store)))
    }
}
