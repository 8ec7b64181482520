//! The origin of a remote key set: its fetches, generations and cooldown.

use super::fetch::{Fetcher, at};
use super::location::{Aged, Failure, Location};
use crate::core::refreshing::{Fresh, Source};
use crate::core::settings::{Time, options};
use crate::core::telemetry::{self, Counter};
use crate::core::{Clock, Error, ErrorKind, PartClock, lock};
use crate::token::keys::Snapshot;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

options! {
    /// How published keys are fetched and cached.
    KeySetOptions {
        /// Deadline of one fetch. Default: 5 s, at most 60 s.
        timeout: Time = Time(Duration::from_secs(5)),
        /// Lower bound of the issuer's `max-age`. Default: 1 minute, at least 1 s.
        min_age: Time = Time(Duration::from_secs(60)),
        /// Upper bound of the issuer's `max-age`. Default: 24 hours, at most 7 days.
        max_age: Time = Time(Duration::from_secs(24 * 3600)),
        /// Lifetime of keys whose issuer sends no `max-age`. Default: 10 minutes, at most 7 days.
        default_age: Time = Time(Duration::from_secs(600)),
        /// How long expired keys stay in use during an outage. Default: 1 hour, at most 7 days.
        max_stale: Time = Time(Duration::from_secs(3600)),
        /// Minimum time between fetches for unknown or replaced keys. Default: 30 s, at most 7 days.
        cooldown: Time = Time(Duration::from_secs(30)),
    }
}

pub(super) struct Origin {
    pub(super) location: Box<dyn Location>,
    pub(super) fetcher: Fetcher,
    pub(super) clock: Arc<PartClock>,
    pub(super) options: KeySetOptions,
    /// Generation of the current keys, readable without a lock.
    pub(super) generation: AtomicU64,
    /// Locked after the state of the keys, if both are.
    pub(super) cooldown: Mutex<Cooldown>,
    pub(super) fetches: Counter,
    pub(super) failures: Counter,
}

impl Origin {
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn cooldown(&self) -> MutexGuard<'_, Cooldown> {
        lock(&self.cooldown)
    }

    /// Fetches the keys within the timeout.
    async fn fetched(&self) -> Result<Aged, Failure> {
        let fetch = self.location.fetch(&self.fetcher, self.clock.now());
        let fetched = tokio::time::timeout(self.options.timeout.0, fetch).await;
        fetched.unwrap_or_else(|_| {
            let late = Error::new(ErrorKind::Timeout, "the key set did not arrive in time");
            Err(Failure::fetching(at(self.location.place(), late)))
        })
    }
}

impl Source for Origin {
    type Value = Snapshot;
    const NAME: &'static str = "the key set";
    const MAX_PAUSE: Duration = Duration::from_secs(60);

    fn fetch(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<Fresh<Snapshot>, Error>> + Send + 'static {
        self.fetches.add();
        async move {
            let begun = self.clock.monotonic();
            let (keys, max_age) = self.fetched().await.map_err(|Failure { what, error }| {
                telemetry::warn(what, &error);
                Error::new(ErrorKind::Unavailable, format!("{what}: {error}")).with_source(error)
            })?;
            let options = &self.options;
            let age = max_age.unwrap_or(options.default_age.0);
            let age = age.clamp(options.min_age.0, options.max_age.0);
            // The age counts from the arrival of the keys.
            let took = self.clock.monotonic().saturating_sub(begun);
            Ok(Fresh {
                value: Snapshot { keys: Arc::new(keys), generation: 0 },
                renew_after: took + age.mul_f32(0.8),
                usable_for: took + age + options.max_stale.0,
            })
        }
    }

    /// A fetch ends within its timeout, except when its runtime is stalled.
    fn patience(&self) -> Duration {
        self.options.timeout.0 + Duration::from_secs(1)
    }

    /// Keeps the snapshot and its generation if the keys are the same.
    fn merge(&self, known: Option<&Snapshot>, new: Snapshot, now: Duration) -> Snapshot {
        let same = known.filter(|known| known.keys.same_keys(&new.keys));
        let mut cooldown = self.cooldown();
        cooldown.rotated |= known.is_some() && same.is_none() && cooldown.is_on(now);
        cooldown.fetched_at = Some(now);
        if let Some(same) = same {
            return same.clone();
        }
        let generation = self.generation() + 1;
        // The keys are still locked: a thread that sees the generation finds the new ones.
        self.generation.store(generation, Ordering::Release);
        Snapshot { generation, ..new }
    }

    fn failed(&self, error: Error, pause: Duration) -> Error {
        self.failures.add();
        error.with_retry_after(pause)
    }

    fn refused(&self, error: &Error, left: Duration) -> Error {
        Error::new(ErrorKind::Unavailable, format!("{error} (a moment ago)")).with_retry_after(left)
    }
}

/// The minimum time between fetches that tokens trigger. Times are monotonic.
#[derive(Default)]
pub(super) struct Cooldown {
    until: Duration,
    fetched_at: Option<Duration>,
    /// Whether the keys changed within this cooldown.
    rotated: bool,
}

impl Cooldown {
    pub(super) fn begin(&mut self, until: Duration) {
        self.until = until;
        self.rotated = false;
    }

    pub(super) fn is_on(&self, now: Duration) -> bool {
        now < self.until
    }

    /// Returns whether a key is unknown although the keys changed within this cooldown.
    ///
    /// True once per cooldown, so that invented key ids do not flood the log.
    pub(super) fn second_rotation(&mut self) -> bool {
        std::mem::take(&mut self.rotated)
    }

    /// Describes when the keys were fetched and when an unknown key may trigger a fetch.
    pub(super) fn age_note(&self, now: Duration) -> String {
        let fetched = match self.fetched_at {
            Some(then) => {
                format!("the key set was fetched {} s ago", now.saturating_sub(then).as_secs())
            }
            None => "the key set was not fetched yet".to_owned(),
        };
        // Rounded up, so that the cooldown is over after the stated time.
        let left = self.until.saturating_sub(now).as_millis().div_ceil(1000);
        format!(
            "{fetched}, and an unknown key causes the next fetch in {left} s at the earliest (.cooldown(…))"
        )
    }
}
