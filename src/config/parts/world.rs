//! What the file does not say, and what building from it leaves behind.

use crate::config::document::Contents;
use crate::core::clock::Clock;
use crate::policy::PolicyParser;
use crate::store::Store;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What everything is built with.
pub(in crate::config) struct World {
    /// Where file names begin.
    pub(in crate::config) base: PathBuf,
    pub(in crate::config) clock: Arc<dyn Clock>,
    pub(in crate::config) policies: PolicyParser,
    /// Stores of the application's own.
    pub(in crate::config) stores: BTreeMap<String, Arc<dyn Store>>,
    /// Whether it is only looked at: then no store's file is opened.
    pub(in crate::config) dry: bool,
    /// What files are read from.
    pub(in crate::config) contents: Arc<Contents>,
    files: Mutex<Files>,
}

/// The files that were read, and what they held.
pub(in crate::config) type Files = BTreeMap<PathBuf, [u8; 32]>;

impl World {
    pub(in crate::config) fn new(
        base: PathBuf,
        clock: Arc<dyn Clock>,
        policies: PolicyParser,
        stores: BTreeMap<String, Arc<dyn Store>>,
        dry: bool,
        contents: Arc<Contents>,
    ) -> Self {
        Self {
            base,
            clock,
            policies,
            stores,
            dry,
            contents,
            files: Mutex::default(),
        }
    }

    pub(super) fn note_file(&self, path: &Path, content: &[u8]) {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, content).as_ref());
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), hash);
    }

    pub(in crate::config) fn into_files(self) -> Files {
        let files = self.files.into_inner();
        files.unwrap_or_else(PoisonError::into_inner)
    }
}
