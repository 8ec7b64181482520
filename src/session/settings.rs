//! The settings of sessions, and what follows from them: keys, owners and lifetimes.

use super::id::{CHARACTERS, Hash};
use super::new_session::expired;
use super::record::{Body, IdState};
use super::record_cache::Memory;
use crate::core::{Clock, Error, PartClock, millis, sha256};
use crate::jose::encoding;
use crate::store::{SealingKeys, Store};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// How to treat a session whose stored data is not of the requested type.
///
/// This happens when the application changed the type while sessions were alive.
///
/// # Example
/// ```
/// use jamguard::{Sessions, OnTypeMismatch, store::MemoryStore};
/// let sessions = Sessions::builder(MemoryStore::new())
///     .on_type_mismatch(OnTypeMismatch::StartOver)
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(description = "Handling of data of another type.")
)]
#[serde(rename_all = "snake_case")]
pub enum OnTypeMismatch {
    /// Reading is an error: [`ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch).
    ///
    /// Handlers with a `Session<T>`, including one that only logs out, answer 500, and the log
    /// names the field: the type is wrong, not the client's cookie. `Session<()>` accepts any data.
    /// The stored data stays for a version of the application that can read it; `#[serde(default)]`
    /// lets a new version read the data of an older one.
    #[default]
    Refuse,
    /// The session is treated as ended, so its user starts over.
    ///
    /// A handler's `Session<T>` starts with `T::default()`, and a logged-in user stays logged in.
    StartOver,
}

pub(super) struct Settings {
    pub(super) store: Arc<dyn Store>,
    /// The prefix of all keys and owners.
    pub(super) prefix: String,
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    pub(super) touch_every: Duration,
    pub(super) keys: Option<SealingKeys>,
    pub(super) on_type_mismatch: OnTypeMismatch,
    pub(super) max_bytes: usize,
    pub(super) memory: Memory,
    pub(super) clock: Arc<PartClock>,
}

impl Settings {
    pub(super) fn now(&self) -> u64 {
        millis(self.clock.now())
    }

    pub(super) fn key(&self, hash: Hash) -> String {
        let mut key = String::with_capacity(self.prefix.len() + CHARACTERS);
        key.push_str(&self.prefix);
        encoding::encode_to(hash.0, &mut key);
        key
    }

    /// Encodes a record for the store.
    pub(super) fn pack(&self, key: &str, record: &IdState) -> Result<Vec<u8>, Error> {
        record.pack(key, self.keys.as_ref())
    }

    /// Hashed: user keys may be long and must not leak to readers of the store.
    pub(super) fn owner(&self, key: &str) -> String {
        format!("{}{}", self.prefix, encoding::encode(sha256(key)))
    }

    /// Returns when the session ends, in Unix milliseconds.
    pub(super) fn expires(&self, body: &Body) -> u64 {
        let idle = body.last_seen.saturating_add(millis(self.idle));
        let absolute = body.created.saturating_add(millis(self.absolute));
        idle.min(absolute)
    }

    /// Returns the remaining lifetime.
    ///
    /// # Errors
    /// [`ErrorKind::Expired`] if none is left.
    pub(super) fn ttl(&self, body: &Body, now: u64) -> Result<Duration, Error> {
        match self.expires(body).checked_sub(now) {
            None | Some(0) => Err(expired()),
            Some(left) => Ok(Duration::from_millis(left)),
        }
    }
}
