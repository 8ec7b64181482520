//! Cached keys of an issuer and the fetches that replace them.

use super::builder::KeySetOptions;
use super::fetch::Fetch;
use super::location::{Aged, Failure, Location, at};
use super::schedule::{Flights, Outcome, interrupted};
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry::{self, Counter, Metric};
use crate::jose::KeySet;
use crate::token::keys::Snapshot;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

pub(super) struct Remote {
    pub(super) location: Location,
    fetcher: Arc<dyn Fetch>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: KeySetOptions,
    keys: RwLock<Option<Snapshot>>,
    /// Generation of `keys`, readable without their lock.
    generation: AtomicU64,
    /// Monotonic milliseconds: time of the next background refresh.
    ///
    /// During a fetch: the time at which the fetch is abandoned.
    refresh_at: AtomicU64,
    /// Monotonic milliseconds: the keys are too stale to use from this time on.
    usable_until: AtomicU64,
    flights: Mutex<Flights>,
    pub(super) fetches: Counter,
    failures: Counter,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Remote {
    pub(super) fn new(
        location: Location,
        fetcher: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
        options: KeySetOptions,
    ) -> Self {
        Self {
            location,
            fetcher,
            clock,
            options,
            keys: RwLock::new(None),
            generation: AtomicU64::new(0),
            refresh_at: AtomicU64::new(0),
            usable_until: AtomicU64::new(0),
            flights: Mutex::default(),
            fetches: Counter::new(Metric::KeySetFetch),
            failures: Counter::new(Metric::KeySetFetchFailed),
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn flights(&self) -> MutexGuard<'_, Flights> {
        // The lock is never held across a call of foreign code, so poisoning is harmless.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keys(&self) -> Option<Snapshot> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn usable_at(&self, now: Duration) -> bool {
        millis(now) < self.usable_until.load(Ordering::Acquire)
    }

    pub(super) fn refresh_due(&self, now: Duration) -> bool {
        millis(now) >= self.refresh_at.load(Ordering::Acquire)
    }

    /// Returns the rest of the back-off after failures.
    pub(super) fn backoff_left(&self, flights: &Flights, now: Duration) -> Option<Duration> {
        flights.backoff_left(now, self.usable_at(now))
    }

    /// Returns the longest time that a request waits for a fetch.
    ///
    /// A fetch ends within its timeout, except when its runtime is stalled.
    pub(super) fn patience(&self) -> Duration {
        self.options.timeout.0 + Duration::from_secs(1)
    }

    /// Registers a fetch that outlives the request. Returns `None` outside a tokio runtime.
    pub(super) fn prepare(
        self: &Arc<Self>,
        flights: &mut Flights,
        now: Duration,
    ) -> Option<Takeoff> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let overdue_at = now + self.patience();
        self.refresh_at.store(millis(overdue_at), Ordering::Release);
        let (done, wait) = watch::channel(None);
        let flight = flights.depart(wait.clone(), overdue_at);
        Some(Takeoff {
            runtime,
            landing: Landing { remote: self.clone(), flight, done: Some(done) },
            wait,
        })
    }

    async fn fetch(&self) -> Result<Aged, Failure> {
        self.location.fetch(&*self.fetcher).await
    }

    /// Applies the result of a fetch: new keys replace the old, a failure keeps them.
    fn settle(&self, flight: u64, fetched: Result<Aged, Failure>) -> Outcome {
        let now = self.clock.monotonic();
        let mut flights = self.flights();
        if !flights.end(flight) {
            // Abandoned in favour of another fetch, which may have brought newer keys.
            return Err(interrupted());
        }
        let Failure { what, error } = match fetched {
            Ok((new, max_age)) => {
                let before = self.generation();
                let keys = self.replace(new);
                let changed = before > 0 && keys.generation > before;
                let options = &self.options;
                let age = max_age
                    .unwrap_or(options.default_age.0)
                    .clamp(options.min_age.0, options.max_age.0);
                self.usable_until.store(millis(now + age + options.max_stale.0), Ordering::Release);
                self.refresh_at.store(millis(now + age.mul_f32(0.8)), Ordering::Release);
                flights.succeeded(now, changed);
                return Ok(keys);
            }
            Err(failure) => failure,
        };
        let message = format!("{what}: {error}");
        flights.failed(now, message.clone());
        let pause = self.backoff_left(&flights, now).unwrap_or_default();
        self.refresh_at.store(millis(now + pause), Ordering::Release);
        drop(flights);
        self.failures.add();
        telemetry::warn(what, &error);
        Err(Error::new(ErrorKind::Unavailable, message).with_retry_after(pause).with_source(error))
    }

    /// Stores the new keys. Keeps the snapshot and its generation if the keys are the same.
    fn replace(&self, new: KeySet) -> Snapshot {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        match &*keys {
            Some(old) if old.keys.same_keys(&new) => old.clone(),
            _ => {
                let generation = self.generation.load(Ordering::Acquire) + 1;
                let new = Snapshot { keys: Arc::new(new), generation };
                *keys = Some(new.clone());
                // Stored after the keys: a thread that sees the generation finds the keys.
                self.generation.store(generation, Ordering::Release);
                new
            }
        }
    }

    fn abort(&self, flight: u64) {
        let now = self.clock.monotonic();
        let mut flights = self.flights();
        if flights.end(flight) {
            flights.aborted(now);
            let pause = self.backoff_left(&flights, now).unwrap_or_default();
            self.refresh_at.store(millis(now + pause), Ordering::Release);
        }
        drop(flights);
        telemetry::warn("the fetch of a key set was interrupted", &"no result");
    }
}

/// A fetch that is registered but not spawned yet.
///
/// It is spawned after the lock on the flights is released: a runtime that is shutting down drops
/// the task at once, and its drop takes that lock.
pub(super) struct Takeoff {
    runtime: tokio::runtime::Handle,
    landing: Landing,
    wait: watch::Receiver<Option<Outcome>>,
}

impl Takeoff {
    pub(super) fn go(self) -> watch::Receiver<Option<Outcome>> {
        let landing = self.landing;
        landing.remote.fetches.add();
        self.runtime.spawn(async move {
            let remote = &landing.remote;
            let fetched = tokio::time::timeout(remote.options.timeout.0, remote.fetch()).await;
            let fetched = fetched.unwrap_or_else(|_| {
                let late = Error::new(ErrorKind::Timeout, "the key set did not arrive in time");
                Err(Failure::fetching(at(remote.location.place(), late)))
            });
            landing.land(fetched);
        });
        self.wait
    }
}

/// A guard that ends a fetch in every case, also when its task is dropped or panics.
struct Landing {
    remote: Arc<Remote>,
    flight: u64,
    /// `None` once the result is delivered.
    done: Option<watch::Sender<Option<Outcome>>>,
}

impl Landing {
    fn land(mut self, fetched: Result<Aged, Failure>) {
        let outcome = self.remote.settle(self.flight, fetched);
        if let Some(done) = self.done.take() {
            done.send_replace(Some(outcome));
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // Waiting requests are notified last, when the next fetch can start.
        if let Some(_done) = self.done.take() {
            self.remote.abort(self.flight);
        }
    }
}
