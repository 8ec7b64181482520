//! The build context: what the file does not contain, and the files that were read.

use crate::authenticator::AuthenticatorBuilder;
use crate::config::document::Contents;
use crate::core::clock::Clock;
use crate::core::hash::{Sha256, sha256};
use crate::core::lock::lock;
use crate::policy::PolicyParser;
use crate::store::Store;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A hook of the program that changes the file's authenticator.
pub(in crate::config) type Change =
    dyn Fn(AuthenticatorBuilder) -> AuthenticatorBuilder + Send + Sync;

/// The build context of all settings.
pub(in crate::config) struct World {
    /// The folder that relative file names start from.
    pub(in crate::config) base: PathBuf,
    pub(in crate::config) clock: Arc<dyn Clock>,
    pub(in crate::config) policies: PolicyParser,
    /// The application's own stores.
    pub(in crate::config) stores: BTreeMap<String, Arc<dyn Store>>,
    /// Whether this is a check only: no store's file is opened and no Redis is connected.
    pub(in crate::config) dry: bool,
    /// The cache through which files are read.
    pub(in crate::config) contents: Arc<Contents>,
    /// The program's change to the file's authenticator.
    pub(in crate::config) change: Option<Arc<Change>>,
    /// The files that were read so far.
    pub(in crate::config) files: Mutex<Files>,
}

/// SHA-256 hashes of the files that were read, by path.
pub(in crate::config) type Files = BTreeMap<PathBuf, Sha256>;

impl World {
    pub(super) fn note_file(&self, path: &Path, content: &[u8]) {
        lock(&self.files).insert(path.to_owned(), sha256(content));
    }
}
