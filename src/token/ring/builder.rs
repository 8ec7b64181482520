//! Key ring builder, with validation of its durations.

use super::freshness::Freshness;
use super::handle::{Inner, KeyRing, Shared};
use super::key::RingKey;
use super::keys::Schedule;
use crate::core::settings::{Time, options, setters};
use crate::core::{
    Clock, Error, PartClock, SystemClock, debug_fields, ensure, name::check_store_name,
};
use crate::jose::Algorithm;
use crate::store::{Change, SealingKeys, Store, Watcher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// The default name of a ring in its store.
const NAME: &str = "keys";

options! {
    /// The options of a key ring.
    RingOptions {
        /// Name of the ring in the store. Default: its name in this file.
        name: Option<String> = None,
        /// Replaces the current key after it has signed for this time. Default: never.
        rotate_every: Option<Time> = None,
        /// How long a key is published before it signs. Default: 1 hour.
        publish_ahead: Time = Time(Duration::from_secs(3600)),
        /// How long a key's tokens stay valid after the next key starts to sign. Default: 24 hours.
        overlap: Time = Time(Duration::from_secs(24 * 3600)),
        /// Longest delay until another process's change is noticed, 10 ms to 1 hour. Default: 5 s.
        refresh_interval: Time = Time(Duration::from_secs(5)),
    }
}

/// A builder of a [`KeyRing`].
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
    store: Option<(Arc<dyn Store>, SealingKeys)>,
    clock: Arc<dyn Clock>,
    pub(crate) options: RingOptions,
}

impl KeyRing {
    /// Returns a builder of a ring whose new keys use this algorithm.
    ///
    /// Keys with other algorithms may be added.
    pub fn builder(algorithm: Algorithm) -> KeyRingBuilder {
        KeyRingBuilder {
            algorithm,
            seeds: Vec::new(),
            store: None,
            clock: Arc::new(SystemClock),
            options: RingOptions::default(),
        }
    }
}

impl KeyRingBuilder {
    setters! {
        /// Adds an initial key, used instead of a generated one. Call again to add another.
        ///
        /// A ring that already exists in the store keeps its own keys; use [`KeyRing::import`] to
        /// add one.
        pub fn key(key: impl Into<RingKey>) { self.seeds.push(key.into()) }

        /// Replaces the current key after it has signed for this time. Default: never.
        ///
        /// Must be at least 1 s and longer than [`publish_ahead`](Self::publish_ahead). Rotation
        /// runs within a request that issues tokens or publishes keys; generating an RSA key delays
        /// that request by some tenths of a second.
        pub fn rotate_every(age: Duration) { self.options.rotate_every = Some(Time(age)) }

        /// Sets how long a key is published before it signs. Default: 1 hour.
        ///
        /// Choose a time longer than other services cache the published keys.
        pub fn publish_ahead(ahead: Duration) { self.options.publish_ahead = Time(ahead) }

        /// Sets how long a key's tokens stay valid after the next key starts to sign.
        ///
        /// Must be at least 1 s, and at least the longest lifetime of a token plus the leeway of
        /// its verifiers. Default: 24 hours.
        pub fn overlap(overlap: Duration) { self.options.overlap = Time(overlap) }

        /// Keeps the ring in a store, encrypted with these keys.
        ///
        /// Processes with the same store, sealing keys and settings share the ring. Call
        /// [`KeyRing::keys`] when the application starts, so that a wrong sealing key fails the
        /// start and not the first request.
        pub fn store(store: impl Store, sealing: SealingKeys) {
            self.store = Some((Arc::new(store), sealing))
        }

        /// Sets the ring's name, which separates rings in one store. Default: `keys`.
        ///
        /// 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
        pub fn name(name: impl Into<String>) { self.options.name = Some(name.into()) }

        /// Sets the longest delay until another process's change is noticed.
        ///
        /// Default: 5 s. Range: 10 ms to 1 hour. A store that [notifies](Store::watch) of changes
        /// is faster. While the store is unavailable, the delay may be longer.
        pub fn refresh_interval(interval: Duration) {
            self.options.refresh_interval = Time(interval)
        }

        /// Replaces the clock. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the ring. Without a store it starts now; in a store, on first use.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for durations out of range and
    /// expired keys; [`ErrorKind::InvalidKey`](crate::ErrorKind::InvalidKey) if no key is current.
    pub fn build(self) -> Result<KeyRing, Error> {
        let RingOptions { name, rotate_every, publish_ahead, overlap, refresh_interval } =
            &self.options;
        let name = name.as_deref().unwrap_or(NAME);
        let second = Duration::from_secs(1);
        ensure(
            overlap.0 >= second,
            "the overlap of old and new keys is under a second: give .overlap(…) the longest \
             lifetime of a token",
        )?;
        ensure(
            rotate_every.is_none_or(|Time(age)| age >= second && age > publish_ahead.0),
            "keys would be replaced before verifiers know them: .rotate_every(…) must be longer \
             than .publish_ahead(…)",
        )?;
        ensure(
            (Duration::from_millis(10)..=Duration::from_secs(3600)).contains(&refresh_interval.0),
            "the refresh interval must be between 10 ms and an hour",
        )?;
        check_store_name(name)?;
        let schedule = Schedule {
            algorithm: self.algorithm,
            rotate_every: rotate_every.map(|Time(age)| age.as_secs()),
            publish_ahead: publish_ahead.0.as_secs(),
            overlap: overlap.0.as_secs(),
        };
        let changes = Arc::new(AtomicU64::new(0));
        let freshness = Freshness::new(refresh_interval.0, changes.clone());
        let shared = self.store.map(|(store, sealing)| {
            let place = format!("keyring/{name}");
            let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = {
                let place = place.clone();
                Arc::new(move |change| {
                    if !matches!(change, Change::Key(key) if key != place) {
                        changes.fetch_add(1, Ordering::AcqRel);
                    }
                })
            };
            // If the store cannot be watched, only the refresh interval applies.
            store.watch(Watcher::new(&told));
            Shared { store, sealing, place, _told: told }
        });
        let ring = Inner {
            schedule,
            clock: PartClock::new(self.clock),
            seeds: self.seeds,
            shared,
            live: RwLock::new(None),
            generation: AtomicU64::new(0),
            next_change: AtomicU64::new(u64::MAX),
            installed_at: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            turn: Mutex::default(),
            freshness,
        };
        match ring.shared {
            // Validate the keys now instead of at the first use of the store.
            Some(_) if !ring.seeds.is_empty() => drop(ring.begin()?),
            Some(_) => {}
            None => ring.install(Some((ring.begin()?, None))),
        }
        Ok(KeyRing(Arc::new(ring)))
    }
}

debug_fields!(KeyRingBuilder, self, algorithm = self.algorithm, name = self.options.name);
