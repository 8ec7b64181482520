//! The ring that applications hold: what is done to it by hand and by age.

use super::builder::KeyRingBuilder;
use super::key::{KeyInfo, RingKey};
use super::keys::{Entry, Keys, Schedule};
use super::source::Freshness;
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use crate::jose::{Algorithm, KeySet, SigningKey};
use crate::store::{Change, SealingKeys, Store};
use crate::token::keys::Snapshot;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// The keys of an [`Issuer`](crate::Issuer), replaced while it works. Cheap to clone.
///
/// A key is **upcoming** first: published, so that verifiers elsewhere know it before its first
/// token arrives. Then it is **current** and signs; then **retired**, its tokens still good for as
/// long as the [overlap](KeyRingBuilder::overlap); then gone. A **revoked** key is gone at once.
///
/// In memory, unless a [store](KeyRingBuilder::store) is given: then every process with the same
/// ring in the same store has the same keys, encrypted there, and of all that find a rotation due
/// exactly one does it. While the store cannot be asked, the keys that are known go on working.
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
    pub(super) algorithm: Algorithm,
    pub(super) schedule: Schedule,
    pub(super) clock: Arc<dyn Clock>,
    /// Given to the builder: they begin a ring that is not there yet.
    pub(super) seeds: Vec<RingKey>,
    pub(super) shared: Option<Shared>,
    live: RwLock<Option<Arc<Live>>>,
    /// That of `live`, to be read without its lock.
    generation: AtomicU64,
    /// Unix seconds: when a key's tokens cease to be good by themselves.
    pub(super) next_change: AtomicU64,
    /// Unix seconds: when that was last looked at.
    pub(super) installed_at: AtomicU64,
    /// Whether any key's tokens ceased to be good by then.
    pub(super) ended: AtomicBool,
    /// Whoever holds it is the only one of this process that writes, or asks the store. Why that
    /// failed the last time.
    pub(super) turn: Mutex<Option<Error>>,
    pub(super) freshness: Freshness,
}

/// A ring that other processes have too.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) sealing: SealingKeys,
    /// Its key in the store.
    pub(super) place: String,
    /// Listens for as long as the ring is there.
    pub(super) _told: Arc<dyn Fn(Change<'_>) + Send + Sync>,
}

/// The keys as they are known here.
pub(super) struct Live {
    pub(super) keys: Keys,
    /// The store's; nothing in a ring of this process alone.
    pub(super) version: Option<u64>,
    pub(super) snapshot: Snapshot,
}

impl KeyRing {
    /// Begins a ring whose new keys are for this algorithm. Keys of others may be in it too.
    pub fn builder(algorithm: Algorithm) -> KeyRingBuilder {
        KeyRingBuilder::new(algorithm)
    }

    /// Makes a new key known, which signs after the time of
    /// [`publish_ahead`](KeyRingBuilder::publish_ahead); gives its `kid`. Where there is an
    /// upcoming key already, it is that one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn rotate(&self) -> Result<String, Error> {
        let ring = &*self.0;
        ring.update(|keys, now| keys.announce(ring.algorithm, &ring.schedule, now))
            .await
    }

    /// Has the upcoming key, or a new one, sign at once; gives its `kid`.
    ///
    /// Verifiers elsewhere that do not know it yet refuse its tokens until they fetch the keys
    /// again; most do so when a `kid` is unknown. [`rotate`](Self::rotate) gives them time.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn rotate_now(&self) -> Result<String, Error> {
        let ring = &*self.0;
        ring.update(|keys, now| keys.advance(ring.algorithm, &ring.schedule, now))
            .await
    }

    /// Takes a key back, and with it every token that it signed. Where it was the current one,
    /// the upcoming key or a new one signs at once.
    ///
    /// Verifiers of this ring in this process refuse its tokens when this returns, those in other
    /// processes within the [refresh](KeyRingBuilder::refresh_interval); whoever fetches the
    /// published keys, at the next fetch.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where the ring has no such key; those of
    /// the store.
    pub async fn revoke(&self, kid: &str) -> Result<(), Error> {
        let ring = &*self.0;
        ring.update(|keys, now| keys.revoke(kid, ring.algorithm, &ring.schedule, now))
            .await
    }

    /// Puts a key in; gives its `kid`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a key that is expired, was
    /// revoked, or has the name of another; those of the store.
    pub async fn import(&self, key: impl Into<RingKey>) -> Result<String, Error> {
        let (ring, key) = (&*self.0, key.into());
        ring.update(|keys, now| keys.add(key.clone().into_entry(now)?, &ring.schedule, now))
            .await
    }

    /// What keys there are, those that sign earlier first.
    ///
    /// # Errors
    /// Those of the store, where no keys are known yet.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, Error> {
        let live = self.0.fresh().await?;
        Ok(live.keys.list(self.0.now()))
    }

    /// The keys that verify the ring's tokens, the upcoming one included.
    /// [`KeySet::to_json`] writes their public parts.
    ///
    /// # Errors
    /// As [`keys`](Self::keys).
    pub async fn verifying_keys(&self) -> Result<KeySet, Error> {
        // Also whoever only publishes takes part in the rotation.
        let live = self.0.aged().await?;
        Ok(live.snapshot.keys.as_ref().clone())
    }

    /// The ring of one key, which is there for as long as tokens are.
    pub(crate) fn of(key: SigningKey, clock: Option<Arc<dyn Clock>>) -> Result<Self, Error> {
        let mut ring = Self::builder(key.algorithm())
            .overlap(Duration::MAX)
            .key(RingKey::only(key));
        if let Some(clock) = clock {
            ring = ring.clock(clock);
        }
        ring.build()
    }

    /// The key that signs tokens which are good until then, in Unix seconds.
    pub(crate) async fn signer(&self, until: u64) -> Result<SigningKey, Error> {
        let live = self.0.aged().await?;
        match live.keys.current(self.0.now()) {
            Some((entry, _)) if entry.expires.is_some_and(|expires| expires < until) => {
                Err(Error::new(
                    ErrorKind::InvalidKey,
                    "the current key expires before the token would: rotate, or put a newer key in",
                ))
            }
            Some((_, pair)) => Ok(pair.signing.clone()),
            None => Err(Error::new(
                ErrorKind::InvalidKey,
                "the ring's keys are expired: rotate, or put a new key in",
            )),
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// For how many seconds a key's tokens are good after another signs in its place.
    pub(crate) fn overlap(&self) -> u64 {
        self.0.schedule.overlap
    }

    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn publish_ahead(&self) -> Duration {
        Duration::from_secs(self.0.schedule.publish_ahead)
    }
}

impl Inner {
    pub(super) fn new(
        algorithm: Algorithm,
        schedule: Schedule,
        clock: Arc<dyn Clock>,
        seeds: Vec<RingKey>,
        shared: Option<Shared>,
        freshness: Freshness,
    ) -> Self {
        Self {
            algorithm,
            schedule,
            clock,
            seeds,
            shared,
            live: RwLock::new(None),
            generation: AtomicU64::new(0),
            next_change: AtomicU64::new(u64::MAX),
            installed_at: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            turn: Mutex::default(),
            freshness,
        }
    }

    /// Unix seconds.
    pub(super) fn now(&self) -> u64 {
        self.clock.now().as_secs()
    }

    pub(super) fn live(&self) -> Option<Arc<Live>> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes keys over, or looks again at those that are here: some may be over. Tokens are
    /// verified again where the keys that verify are others than before.
    pub(super) fn install(&self, new: Option<(Keys, Option<u64>)>) {
        let now = self.now();
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let old = live.as_deref();
        let Some((keys, version)) = new.or_else(|| old.map(|old| (old.keys.clone(), old.version)))
        else {
            return;
        };
        let verifying = keys.verifying(now);
        let snapshot = match old {
            Some(old) if old.snapshot.keys.same_keys(&verifying) => old.snapshot.clone(),
            _ => Snapshot {
                keys: Arc::new(verifying),
                generation: self.generation() + 1,
            },
        };
        let generation = snapshot.generation;
        let next_change = keys.next_change(now).unwrap_or(u64::MAX);
        let ended = keys.ended(now);
        *live = Some(Arc::new(Live {
            keys,
            version,
            snapshot,
        }));
        // After the keys: who sees the number finds them.
        self.generation.store(generation, Ordering::Release);
        self.next_change.store(next_change, Ordering::Release);
        self.ended.store(ended, Ordering::Release);
        self.installed_at.store(now, Ordering::Release);
    }

    /// The keys of a ring that is not there yet.
    pub(super) fn begin(&self) -> Result<Keys, Error> {
        let now = self.now();
        let mut keys = Keys::default();
        for seed in &self.seeds {
            keys.add(seed.clone().into_entry(now)?, &self.schedule, now)?;
        }
        if self.seeds.is_empty() {
            let first = Entry::generate(self.algorithm, now)?;
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

    /// The keys, and the next one made known where that is due.
    async fn aged(&self) -> Result<Arc<Live>, Error> {
        let live = self.fresh().await?;
        let (schedule, now) = (&self.schedule, self.now());
        if !live.keys.is_due(schedule, now) || !self.freshness.may_rotate(&*self.clock) {
            return Ok(live);
        }
        let aged = self.update(|keys, now| keys.age(self.algorithm, schedule, now));
        if let Err(error) = aged.await {
            // The current key goes on.
            self.freshness.not_rotated(&*self.clock);
            telemetry::warn("a key ring could not be rotated", &error);
        }
        Ok(self.live().unwrap_or(live))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("algorithm", &self.0.algorithm)
            .field(
                "keys",
                &self.0.live().map(|live| format!("{:?}", live.keys)),
            )
            .finish_non_exhaustive()
    }
}
