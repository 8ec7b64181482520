//! Sets a ring up, and refuses times that cannot work.

use super::handle::{Inner, KeyRing, Shared};
use super::key::RingKey;
use super::keys::Schedule;
use super::source::Freshness;
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::jose::Algorithm;
use crate::store::{Change, SealingKeys, Store, Watcher};
use crate::token::list::check_name;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 3600);
const DEFAULT_PUBLISH_AHEAD: Duration = Duration::from_secs(3600);
const DEFAULT_REFRESH: Duration = Duration::from_secs(5);

/// Sets a [`KeyRing`] up.
///
/// # Example
/// ```
/// use jamguard::{KeyRing, jose::Algorithm};
/// use std::time::Duration;
///
/// let ring = KeyRing::builder(Algorithm::ES512)
///     .rotate_every(Duration::from_secs(30 * 24 * 3600))
///     .overlap(Duration::from_secs(7 * 24 * 3600))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct KeyRingBuilder {
    algorithm: Algorithm,
    seeds: Vec<RingKey>,
    rotate_every: Option<Duration>,
    publish_ahead: Duration,
    overlap: Duration,
    store: Option<(Arc<dyn Store>, SealingKeys)>,
    name: String,
    refresh: Duration,
    clock: Arc<dyn Clock>,
}

impl KeyRingBuilder {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            seeds: Vec::new(),
            rotate_every: None,
            publish_ahead: DEFAULT_PUBLISH_AHEAD,
            overlap: DEFAULT_OVERLAP,
            store: None,
            name: "keys".to_owned(),
            refresh: DEFAULT_REFRESH,
            clock: Arc::new(SystemClock),
        }
    }

    /// A key that the ring begins with, instead of a generated one. Called again: another.
    ///
    /// A ring that is in the store already keeps the keys that it has; [`KeyRing::import`] puts
    /// one into that.
    pub fn key(mut self, key: impl Into<RingKey>) -> Self {
        self.seeds.push(key.into());
        self
    }

    /// Replaces the current key when it has signed for so long. Never unless set.
    ///
    /// It happens on the way when tokens are issued or keys are published; to make an RSA key takes
    /// that request some tenths of a second.
    pub fn rotate_every(mut self, age: Duration) -> Self {
        self.rotate_every = Some(age);
        self
    }

    /// How long a key is known before it signs; an hour unless set. Longer than verifiers
    /// elsewhere hold on to the keys that they fetched.
    pub fn publish_ahead(mut self, ahead: Duration) -> Self {
        self.publish_ahead = ahead;
        self
    }

    /// How long a key's tokens are good after another signs in its place: at least the longest
    /// lifetime of a token and the leeway of its verifiers. A day unless set.
    pub fn overlap(mut self, overlap: Duration) -> Self {
        self.overlap = overlap;
        self
    }

    /// Keeps the ring in a store, encrypted with these keys, for every process that uses the same
    /// store, keys and settings.
    ///
    /// Ask for the [keys](KeyRing::keys) when the application starts: then a sealing key that does
    /// not fit stops the start, and not the first request.
    pub fn store(mut self, store: impl Store, sealing: SealingKeys) -> Self {
        self.store = Some((Arc::new(store), sealing));
        self
    }

    /// The ring's name in the store, where that holds several; `keys` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How soon another process's change is noticed at the latest, while the store can be asked;
    /// 5 s unless set. A store that [tells](Store::watch) of changes is faster.
    pub fn refresh_interval(mut self, interval: Duration) -> Self {
        self.refresh = interval;
        self
    }

    /// The clocks; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the ring. In memory it begins now; in a store, when it is first used.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for times that cannot work and
    /// keys that are expired; [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) where none
    /// of the keys is current.
    pub fn build(self) -> Result<KeyRing, Error> {
        self.check()?;
        let schedule = Schedule {
            rotate_every: self.rotate_every.map(|age| age.as_secs()),
            publish_ahead: self.publish_ahead.as_secs(),
            overlap: self.overlap.as_secs(),
        };
        let changes = Arc::new(AtomicU64::new(0));
        let freshness = Freshness::new(self.refresh, changes.clone());
        let shared = self.store.map(|(store, sealing)| {
            let place = format!("keyring/{}", self.name);
            let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = {
                let place = place.clone();
                Arc::new(move |change| {
                    if !matches!(change, Change::Key(key) if key != place) {
                        changes.fetch_add(1, Ordering::AcqRel);
                    }
                })
            };
            // Where it cannot be watched, the interval is what counts.
            store.watch(Watcher::new(&told));
            Shared {
                store,
                sealing,
                place,
                _told: told,
            }
        });
        let ring = Inner::new(
            self.algorithm,
            schedule,
            self.clock,
            self.seeds,
            shared,
            freshness,
        );
        match ring.shared {
            // Sound keys are seen to now, not when the store is first asked.
            Some(_) if !ring.seeds.is_empty() => drop(ring.begin()?),
            Some(_) => {}
            None => ring.install(Some((ring.begin()?, None))),
        }
        Ok(KeyRing(Arc::new(ring)))
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |message: &'static str| Err(Error::configuration(message));
        let second = Duration::from_secs(1);
        if self.overlap < second {
            return refuse(
                "the overlap of old and new keys is under a second: give .overlap(…) the longest \
                 lifetime of a token",
            );
        }
        if let Some(age) = self.rotate_every
            && (age < second || age <= self.publish_ahead)
        {
            return refuse(
                "keys would be replaced before they are known: .rotate_every(…) must be longer \
                 than .publish_ahead(…)",
            );
        }
        if self.refresh < Duration::from_millis(10) || self.refresh > Duration::from_secs(3600) {
            return refuse("the refresh interval must be between 10 ms and an hour");
        }
        check_name(&self.name)
    }
}

impl fmt::Debug for KeyRingBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRingBuilder")
            .field("algorithm", &self.algorithm)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
