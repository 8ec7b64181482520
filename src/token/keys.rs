//! Key sources of a verifier: the interface between verification and key sets.

use crate::core::{BoxFuture, Clock, Error};
use crate::jose::KeySet;
use std::sync::Arc;

/// A set of keys with its generation, which cached tokens refer to.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) keys: Arc<KeySet>,
    pub(crate) generation: u64,
}

/// The keys that may be used now.
pub(crate) enum Keys {
    Ready(Snapshot),
    /// No keys, or none fresh enough: call [`KeySource::load`] first.
    Waiting,
}

/// A set of keys that may change while it is used.
pub(crate) trait KeySource: Send + Sync + 'static {
    /// Returns a number that grows whenever the set of keys changes.
    fn generation(&self) -> u64;

    /// Returns whether the current keys may still be trusted.
    ///
    /// Starts a background refresh if one is due; never waits.
    fn usable(&self) -> bool;

    fn current(&self) -> Keys;

    /// Waits until usable keys are available.
    fn load(&self) -> BoxFuture<Result<Snapshot, Error>>;

    /// Returns keys newer than generation `seen`, because a token names the unknown key `kid`.
    ///
    /// They are fetched once, or not at all if newer keys are already cached. `None` during the
    /// cooldown, or if the keys never change.
    fn refresh(&self, seen: u64, kid: &str) -> Option<BoxFuture<Result<Snapshot, Error>>>;

    /// Returns keys newer than generation `seen`, because a known key rejects a token.
    ///
    /// Issuers that restart may publish another key under the same name. At most one fetch per
    /// cooldown, and none while the issuer does not answer: a forged token looks the same.
    fn refresh_replaced(&self, _seen: u64) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        None
    }

    /// Describes the age of the keys and the cooldown, for error messages and the log.
    ///
    /// `None` for keys that are not fetched.
    fn age_note(&self) -> Option<String> {
        None
    }

    /// Replaces the source's clock.
    fn follow_clock(&self, _clock: &Arc<dyn Clock>) {}
}

/// Keys that never change.
pub(crate) struct StaticKeys(Snapshot);

impl StaticKeys {
    pub(crate) fn new(keys: KeySet) -> Self {
        Self(Snapshot { keys: Arc::new(keys), generation: 0 })
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

    fn refresh(&self, _seen: u64, _kid: &str) -> Option<BoxFuture<Result<Snapshot, Error>>> {
        None
    }
}
