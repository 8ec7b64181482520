//! Key ring: manual and scheduled rotation of an issuer's keys.

use super::freshness::Freshness;
use super::key::{KeyInfo, RingKey};
use super::keys::{Entry, Keys, Schedule};
use crate::core::lock::{read, write};
use crate::core::{Clock, Error, ErrorKind, PartClock, debug_fields, telemetry};
use crate::jose::{KeySet, SigningKey};
use crate::store::{Change, SealingKeys, Store};
use crate::token::keys::Snapshot;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// A ring of signing keys of an [`Issuer`](crate::Issuer), with rotation. Cheap to clone.
///
/// A key is first **upcoming**: published, so that other services know it before its first token
/// arrives. Then it is **current** and signs, then **retired**: its tokens stay valid for the
/// [overlap](super::KeyRingBuilder::overlap). Then it is removed. A **revoked** key is rejected at once.
///
/// By default the ring is kept in memory. With a [store](super::KeyRingBuilder::store), every process with
/// the same ring in the same store has the same keys, which are encrypted there; exactly one of the
/// processes performs a rotation that is due. While the store is unavailable, the known keys stay
/// in use.
///
/// # Example
/// ```
/// use jamguard::{Issuer, KeyRing, jose::Algorithm, store::{MemoryStore, SealingKeys}};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// # let store = MemoryStore::new();
/// # let sealing_key = SealingKeys::generate_key()?;
/// let ring = KeyRing::builder(Algorithm::ES512)
///     .rotate_every(Duration::from_secs(30 * 24 * 3600))
///     .store(store, SealingKeys::from_base64url(sealing_key.expose())?)
///     .build()?;
/// let issuer = Issuer::builder()
///     .key_ring(ring.clone())
///     .issuer("https://issuer.example")
///     .build()?;
///
/// let next = ring.rotate().await?;                // by hand as well
/// ring.revoke(&next).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct KeyRing(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) schedule: Schedule,
    pub(super) clock: Arc<PartClock>,
    /// Initial keys from the builder, for a ring that does not exist yet.
    pub(super) seeds: Vec<RingKey>,
    pub(super) shared: Option<Shared>,
    pub(super) live: RwLock<Option<Arc<Live>>>,
    /// Generation of `live`, readable without its lock.
    pub(super) generation: AtomicU64,
    /// Unix seconds: when the next key's tokens expire on schedule.
    pub(super) next_change: AtomicU64,
    /// Unix seconds: when `live` was last installed.
    pub(super) installed_at: AtomicU64,
    /// Whether any key's tokens had expired at that time.
    pub(super) ended: AtomicBool,
    /// Lock for writing the ring and asking the store; contains the last failure.
    pub(super) turn: Mutex<Option<Error>>,
    pub(super) freshness: Freshness,
}

/// The stored part of a ring that several processes share.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) sealing: SealingKeys,
    /// The ring's key in the store.
    pub(super) place: String,
    /// Keeps the store's watcher alive as long as the ring.
    pub(super) _told: Arc<dyn Fn(Change<'_>) + Send + Sync>,
}

/// The keys as known to this process.
pub(super) struct Live {
    pub(super) keys: Keys,
    /// The store's version; `None` for a ring in memory.
    pub(super) version: Option<u64>,
    pub(super) snapshot: Snapshot,
}

impl KeyRing {
    /// Publishes a new key, which signs after [`publish_ahead`](super::KeyRingBuilder::publish_ahead).
    ///
    /// Returns its `kid`. If there is an upcoming key already, that key is kept.
    ///
    /// # Errors
    /// Returns the store's errors.
    pub async fn rotate(&self) -> Result<String, Error> {
        let ring = &*self.0;
        ring.update(|keys, now| keys.announce(&ring.schedule, now)).await
    }

    /// Makes the upcoming key, or a new one, sign at once. Returns its `kid`.
    ///
    /// Other services that do not know it yet reject its tokens until they fetch the keys again;
    /// most do so on an unknown `kid`. [`rotate`](Self::rotate) gives them time.
    ///
    /// # Errors
    /// Returns the store's errors.
    pub async fn rotate_now(&self) -> Result<String, Error> {
        let ring = &*self.0;
        ring.update(|keys, now| keys.advance(&ring.schedule, now)).await
    }

    /// Revokes a key and all tokens that it signed.
    ///
    /// If it was the current key, the upcoming key or a new one signs at once.
    ///
    /// Its tokens are rejected by this process when this method returns, by other processes of the
    /// ring within the [refresh interval](super::KeyRingBuilder::refresh_interval), and by services that
    /// fetch the published keys at their next fetch.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the ring has no such key, and the
    /// store's errors.
    pub async fn revoke(&self, kid: &str) -> Result<(), Error> {
        let ring = &*self.0;
        ring.update(|keys, now| keys.revoke(kid, &ring.schedule, now)).await
    }

    /// Adds a key. Returns its `kid`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a key that is expired, was
    /// revoked, or has the `kid` of another, and the store's errors.
    pub async fn import(&self, key: impl Into<RingKey>) -> Result<String, Error> {
        let (ring, key) = (&*self.0, key.into());
        ring.update(|keys, now| keys.add(Entry::of(key.clone(), now)?, &ring.schedule, now)).await
    }

    /// Returns the ring's keys, ordered by the time from which they sign.
    ///
    /// # Errors
    /// Returns the store's errors if no keys are known yet.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, Error> {
        let live = self.0.fresh().await?;
        Ok(live.keys.list(self.0.now()))
    }

    /// Returns the keys that verify the ring's tokens, including the upcoming one.
    ///
    /// [`KeySet::to_json`] writes their public parts.
    ///
    /// # Errors
    /// Returns the errors of [`keys`](Self::keys).
    pub async fn verifying_keys(&self) -> Result<KeySet, Error> {
        // A process that only publishes keys takes part in the rotation too.
        let live = self.0.aged().await?;
        Ok(live.snapshot.keys.as_ref().clone())
    }

    /// Creates a ring of one key that never expires.
    pub(crate) fn of(key: SigningKey, clock: Option<Arc<dyn Clock>>) -> Result<Self, Error> {
        let mut ring =
            Self::builder(key.algorithm()).overlap(Duration::MAX).key(RingKey::only(key));
        if let Some(clock) = clock {
            ring = ring.clock(clock);
        }
        ring.build()
    }

    /// Returns the key for signing tokens that are valid until `until`, in Unix seconds.
    pub(crate) async fn signer(&self, until: u64) -> Result<SigningKey, Error> {
        let live = self.0.aged().await?;
        match live.keys.current(self.0.now()) {
            Some((entry, _)) if entry.expires.is_some_and(|expires| expires < until) => {
                Err(Error::new(
                    ErrorKind::InvalidKey,
                    "the current key expires before the token would: rotate, or import a newer key",
                ))
            }
            Some((_, pair)) => Ok(pair.signing.clone()),
            None => Err(Error::new(
                ErrorKind::InvalidKey,
                "the ring's keys are expired: rotate, or import a new key",
            )),
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }

    pub(crate) fn schedule(&self) -> &Schedule {
        &self.0.schedule
    }
}

impl Inner {
    /// Returns the time in Unix seconds.
    pub(super) fn now(&self) -> u64 {
        self.clock.now().as_secs()
    }

    pub(super) fn live(&self) -> Option<Arc<Live>> {
        read(&self.live).clone()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Installs new keys, or re-evaluates the current ones, some of which may have expired.
    ///
    /// The generation grows if the verifying keys changed, so that cached tokens are verified
    /// again.
    pub(super) fn install(&self, new: Option<(Keys, Option<u64>)>) {
        let now = self.now();
        let mut live = write(&self.live);
        let old = live.as_deref();
        let Some((keys, version)) = new.or_else(|| old.map(|old| (old.keys.clone(), old.version)))
        else {
            return;
        };
        let verifying = keys.verifying(now);
        let snapshot = match old {
            Some(old) if old.snapshot.keys.same_keys(&verifying) => old.snapshot.clone(),
            _ => Snapshot { keys: Arc::new(verifying), generation: self.generation() + 1 },
        };
        let generation = snapshot.generation;
        let next_change = keys.next_change(now).unwrap_or(u64::MAX);
        let ended = keys.ended(now);
        *live = Some(Arc::new(Live { keys, version, snapshot }));
        // Stored after the keys: a thread that sees the generation finds the keys.
        self.generation.store(generation, Ordering::Release);
        self.next_change.store(next_change, Ordering::Release);
        self.ended.store(ended, Ordering::Release);
        self.installed_at.store(now, Ordering::Release);
    }

    /// Returns the initial keys of a new ring.
    pub(super) fn begin(&self) -> Result<Keys, Error> {
        let now = self.now();
        let mut keys = Keys::default();
        for seed in &self.seeds {
            keys.add(Entry::of(seed.clone(), now)?, &self.schedule, now)?;
        }
        if self.seeds.is_empty() {
            let first = Entry::generate(self.schedule.algorithm, now)?;
            keys.add(first, &self.schedule, now)?;
        }
        if keys.begun(now) {
            return Ok(keys);
        }
        Err(Error::new(
            ErrorKind::InvalidKey,
            "no key of the ring is current yet: give one whose .current_from(…) is not in the \
             future",
        ))
    }

    async fn update<R>(
        &self,
        change: impl Fn(&mut Keys, u64) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut failure = self.turn.lock().await;
        let outcome = self.write(change).await?;
        *failure = None;
        Ok(outcome)
    }

    /// Returns the keys, after a rotation that is due.
    async fn aged(&self) -> Result<Arc<Live>, Error> {
        let live = self.fresh().await?;
        let (schedule, now) = (&self.schedule, self.now());
        if !live.keys.is_due(schedule, now) || !self.freshness.may_rotate(&*self.clock) {
            return Ok(live);
        }
        let aged = self.update(|keys, now| keys.age(schedule, now));
        if let Err(error) = aged.await {
            // The current key stays in use.
            self.freshness.not_rotated(&*self.clock);
            telemetry::warn("a key ring could not be rotated", &error);
        }
        Ok(self.live().unwrap_or(live))
    }
}

debug_fields!(
    KeyRing,
    self,
    algorithm = self.0.schedule.algorithm,
    keys = self.0.live().map(|live| format!("{:?}", live.keys))
);
