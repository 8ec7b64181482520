//! The builder of the memory store.

use super::store::{MemoryStore, Records};
use crate::core::{
    Clock, Error, SystemClock, debug_fields,
    settings::{options, setters},
};
use crate::store::watch::Watchers;
use foldhash::quality::RandomState;
use moka::sync::Cache;
use std::sync::{Arc, Mutex};

options! {
    /// A store in memory.
    MemoryOptions {
        /// Maximum memory for records, in bytes. Default: 512 MiB.
        max_bytes: u64 = 512 << 20,
        /// Part of `max_bytes` for unauthenticated clients, such as pending logins. Default: half.
        max_anonymous_bytes: Option<u64> = None,
    }
}

/// A builder for [`MemoryStore`].
///
/// # Example
/// ```
/// use jamguard::store::MemoryStore;
/// let store = MemoryStore::builder().max_bytes(2 << 30).build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct MemoryStoreBuilder {
    clock: Arc<dyn Clock>,
    pub(crate) options: MemoryOptions,
}

impl MemoryStore {
    /// Creates an empty store of at most 512 MiB.
    pub fn new() -> Self {
        Self::builder().finish()
    }

    /// Returns a builder for a store.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder { clock: Arc::new(SystemClock), options: MemoryOptions::default() }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStoreBuilder {
    setters! {
        /// Sets the clock whose monotonic time lifetimes follow. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }

        /// Sets the maximum memory for records, in bytes. Default: 512 MiB.
        ///
        /// That is about 800,000 entries of a deny list or 500,000 small sessions. A write that
        /// goes over it is an error of the kind [`Storage`](crate::ErrorKind::Storage); one that
        /// makes no record larger is always possible.
        ///
        /// A record weighs its key, its value, 560 bytes for the store's own nodes, and with an
        /// owner 256 bytes and its text. Measured resident growth of the process per byte of this
        /// bound: 1.0 to 1.1 bytes.
        pub fn max_bytes(bytes: u64) { self.options.max_bytes = bytes }

        /// Sets the part of [`max_bytes`](Self::max_bytes) for unauthenticated clients. Default:
        /// half.
        ///
        /// It holds logins in progress, attempts at one-time passwords (`OtpGuard`), and sessions
        /// without a user. Over it, such a record is an error of the kind
        /// [`Storage`](crate::ErrorKind::Storage), and others still have room.
        ///
        /// ```
        /// use jamguard::store::MemoryStore;
        /// let store = MemoryStore::builder().max_anonymous_bytes(64 << 20).build()?;
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        pub fn max_anonymous_bytes(bytes: u64) { self.options.max_anonymous_bytes = Some(bytes) }
    }

    /// Builds an empty store.
    ///
    /// # Errors
    /// None today; all builders of this crate return a `Result`.
    pub fn build(self) -> Result<MemoryStore, Error> {
        Ok(self.finish())
    }

    fn finish(self) -> MemoryStore {
        let MemoryOptions { max_bytes, max_anonymous_bytes } = self.options;
        MemoryStore(Arc::new(Records {
            by_key: Cache::builder().build_with_hasher(RandomState::default()),
            index: Mutex::default(),
            watchers: Watchers::default(),
            clock: self.clock,
            max_bytes,
            max_anonymous_bytes: max_anonymous_bytes.unwrap_or(max_bytes / 2),
        }))
    }
}

debug_fields!(
    MemoryStoreBuilder,
    self,
    max_bytes = self.options.max_bytes,
    max_anonymous_bytes = self.options.max_anonymous_bytes
);
