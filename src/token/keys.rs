//! Where a verifier's keys come from: the seam between verification and key sets.

use crate::core::error::Error;
use crate::jose::KeySet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A set of keys, and which one: what was verified with these keys is noted under their number.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) keys: Arc<KeySet>,
    pub(crate) generation: u64,
}

/// The answer to "may I verify with these keys now".
pub(crate) enum Keys {
    Ready(Snapshot),
    /// None yet, or none fresh enough: [`KeySource::load`] first.
    Waiting,
}

/// A set of keys that may change while it is used.
pub(crate) trait KeySource: Send + Sync + 'static {
    /// Grows whenever the set of keys changes.
    fn generation(&self) -> u64;

    /// Whether the current keys may still be trusted. Starts a refresh in the background when
    /// one is due; never waits.
    fn usable(&self) -> bool;

    fn current(&self) -> Keys;

    /// Waits until there are usable keys.
    fn load(&self) -> BoxFuture<Result<Snapshot, Error>>;

    /// Newer keys than those of generation `seen`, because a token names a key unknown there:
    /// fetched once, unless they are here already. `None` during the cooldown, or where keys never
    /// change.
    fn refresh(&self, seen: u64) -> Option<BoxFuture<Result<Snapshot, Error>>>;

    /// As [`refresh`](Self::refresh), because a key of generation `seen` refuses a token: issuers
    /// that restart publish another key under the same name. At most one fetch per cooldown, and
    /// none while the issuer does not answer: a forged token looks the same.
    fn refresh_replaced(&self, _seen: u64) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        None
    }

    /// When the keys were fetched and when the next unknown key may cause a fetch, for the log;
    /// `None` for keys that are not fetched.
    fn age_note(&self) -> Option<String> {
        None
    }
}

/// Keys that never change.
pub(crate) struct StaticKeys(Snapshot);

impl StaticKeys {
    pub(crate) fn new(keys: KeySet) -> Self {
        Self(Snapshot {
            keys: Arc::new(keys),
            generation: 0,
        })
    }
}

impl KeySource for StaticKeys {
    fn generation(&self) -> u64 {
        self.0.generation
    }

    fn usable(&self) -> bool {
        true
    }

    fn current(&self) -> Keys {
        Keys::Ready(self.0.clone())
    }

    fn load(&self) -> BoxFuture<Result<Snapshot, Error>> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }

    fn refresh(&self, _seen: u64) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        None
    }
}
