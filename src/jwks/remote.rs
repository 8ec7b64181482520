//! A key set that lives with its issuer.

use super::fetch::{Fetch, HttpFetch};
use super::flight::{Asked, Flights, Outcome, interrupted, unavailable};
use super::location::Location;
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry::{self, Counter, Metric};
use crate::jose::KeySet;
use crate::token::keys::{BoxFuture, KeySource, Keys, Snapshot};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// The keys of an issuer, kept current. Cheap to clone; clones share one cache.
///
/// Fetched when first needed. Refreshed in the background ahead of expiry, and at once when a
/// token names a key that is not there. A refresh replaces the set; a failed one keeps the old for
/// `max_stale`. See the [module](crate::jwks) for an example.
#[derive(Clone)]
pub struct RemoteKeySet(Arc<Remote>);

struct Remote {
    location: Location,
    fetcher: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    keys: RwLock<Option<Snapshot>>,
    /// That of `keys`, to be read without their lock.
    generation: AtomicU64,
    /// Monotonic milliseconds: when to refresh in the background; while that goes on, when to
    /// give it up.
    refresh_at: AtomicU64,
    /// Monotonic milliseconds: from when on the keys are too stale to use.
    usable_until: AtomicU64,
    flights: Mutex<Flights>,
    fetches: Counter,
    failures: Counter,
}

struct Settings {
    timeout: Duration,
    min_age: Duration,
    max_age: Duration,
    default_age: Duration,
    max_stale: Duration,
    cooldown: Duration,
}

/// Sets a [`RemoteKeySet`] up.
///
/// # Example
/// See the [module](crate::jwks).
pub struct RemoteKeySetBuilder {
    location: Location,
    fetcher: Option<Arc<dyn Fetch>>,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

impl RemoteKeySet {
    /// Begins a key set that is published at `url`: https, or http on loopback.
    pub fn builder(url: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Url(url.into()))
    }

    /// Begins the key set of an OpenID Connect issuer, whose discovery document names its place
    /// and must name the issuer itself (OpenID Connect Discovery 1.0 section 4.3).
    pub fn discover(issuer: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Location::Issuer(issuer.into()))
    }

    /// Fetches the keys now unless usable ones are there, for example at start-up.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where they cannot be had.
    pub async fn load(&self) -> Result<(), Error> {
        KeySource::load(self).await.map(drop)
    }

    /// How many fetches were started so far.
    pub fn fetches(&self) -> u64 {
        self.0.fetches.total()
    }
}

impl RemoteKeySetBuilder {
    fn new(location: Location) -> Self {
        Self {
            location,
            fetcher: None,
            clock: Arc::new(SystemClock),
            settings: Settings {
                timeout: Duration::from_secs(5),
                min_age: Duration::from_secs(60),
                max_age: Duration::from_secs(24 * 3600),
                default_age: Duration::from_secs(600),
                max_stale: Duration::from_secs(3600),
                cooldown: Duration::from_secs(30),
            },
        }
    }

    /// Fetches in your own way instead of over the built-in HTTP client.
    #[must_use]
    pub fn fetcher(mut self, fetcher: impl Fetch) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// The clocks; the system's unless set.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Deadline of one fetch; 5 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Bounds for the issuer's `Cache-Control: max-age`; a minute to a day unless set.
    #[must_use]
    pub fn age_bounds(mut self, least: Duration, most: Duration) -> Self {
        self.settings.min_age = least;
        self.settings.max_age = most;
        self
    }

    /// How long keys are good for where the issuer does not say; ten minutes unless set.
    #[must_use]
    pub fn default_age(mut self, age: Duration) -> Self {
        self.settings.default_age = age;
        self
    }

    /// How long after their expiry keys still serve while the issuer cannot be reached; an hour
    /// unless set.
    #[must_use]
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.settings.max_stale = max_stale;
        self
    }

    /// The least time between two fetches that unknown keys cause; 30 s unless set. After one
    /// that failed, the back-off decides.
    #[must_use]
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.settings.cooldown = cooldown;
        self
    }

    /// Builds the key set; nothing is fetched yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for a URL that is neither https nor loopback, or times that
    /// cannot work.
    pub fn build(self) -> Result<RemoteKeySet, Error> {
        let settings = self.settings;
        self.location.check()?;
        if settings.timeout.is_zero() || settings.timeout > Duration::from_secs(60) {
            return Err(Error::configuration(
                "the deadline of a fetch must be over 0 and at most 60 s",
            ));
        }
        if settings.min_age < Duration::from_secs(1) || settings.min_age > settings.max_age {
            return Err(Error::configuration(
                "the least age of a key set must be 1 s or more, and not over the greatest",
            ));
        }
        let longest = Duration::from_secs(7 * 24 * 3600);
        if [
            settings.max_age,
            settings.default_age,
            settings.max_stale,
            settings.cooldown,
        ]
        .iter()
        .any(|time| *time > longest)
        {
            return Err(Error::configuration(
                "an age, max_stale or cooldown is over a week: a withdrawn key would live as long",
            ));
        }
        let fetcher = match self.fetcher {
            Some(fetcher) => fetcher,
            None => Arc::new(HttpFetch::new(settings.timeout)?),
        };
        Ok(RemoteKeySet(Arc::new(Remote {
            location: self.location,
            fetcher,
            clock: self.clock,
            settings,
            keys: RwLock::new(None),
            generation: AtomicU64::new(0),
            refresh_at: AtomicU64::new(0),
            usable_until: AtomicU64::new(0),
            flights: Mutex::default(),
            fetches: Counter::new(Metric::KeySetFetch),
            failures: Counter::new(Metric::KeySetFetchFailed),
        })))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Remote {
    fn flights(&self) -> MutexGuard<'_, Flights> {
        // The lock is never held across a call of foreign code, so poison means nothing here.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> Option<Snapshot> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn usable_at(&self, now: Duration) -> bool {
        millis(now) < self.usable_until.load(Ordering::Acquire)
    }

    fn refresh_due(&self, now: Duration) -> bool {
        millis(now) >= self.refresh_at.load(Ordering::Acquire)
    }

    /// How long the back-off after failures still lasts.
    fn backoff_left(&self, flights: &Flights, now: Duration) -> Option<Duration> {
        flights.backoff_left(now, self.usable_at(now))
    }

    /// How long whoever waits for a fetch waits at most. A fetch ends within its timeout, unless
    /// the runtime that it is on stands still.
    fn patience(&self) -> Duration {
        self.settings.timeout + Duration::from_secs(1)
    }

    /// Announces a fetch that outlives whoever asked for it. `None` outside a tokio runtime.
    fn prepare(self: &Arc<Self>, flights: &mut Flights, now: Duration) -> Option<Takeoff> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let overdue_at = now + self.patience();
        self.refresh_at.store(millis(overdue_at), Ordering::Release);
        let (done, wait) = watch::channel(None);
        let flight = flights.depart(wait.clone(), overdue_at);
        Some(Takeoff {
            runtime,
            landing: Landing {
                remote: self.clone(),
                flight,
                done: Some(done),
            },
            wait,
        })
    }

    async fn fetch(&self) -> Result<(KeySet, Option<Duration>), Error> {
        let fetched = self.location.fetch(&*self.fetcher).await?;
        let max_age = fetched.max_age;
        Ok((KeySet::from_json(&fetched.into_text()?)?, max_age))
    }

    /// Takes a fetch's result over: a good set replaces the old, a failure leaves it.
    fn settle(&self, flight: u64, fetched: Result<(KeySet, Option<Duration>), Error>) -> Outcome {
        let now = self.clock.monotonic();
        let mut flights = self.flights();
        if !flights.end(flight) {
            // Given up for another, which may have brought newer keys.
            return Err(interrupted());
        }
        let error = match fetched {
            Ok((new, max_age)) => {
                let keys = self.replace(new);
                let settings = &self.settings;
                let age = max_age
                    .unwrap_or(settings.default_age)
                    .clamp(settings.min_age, settings.max_age);
                self.usable_until
                    .store(millis(now + age + settings.max_stale), Ordering::Release);
                self.refresh_at
                    .store(millis(now + age.mul_f32(0.8)), Ordering::Release);
                flights.succeeded();
                return Ok(keys);
            }
            Err(error) => error,
        };
        flights.failed(now);
        let pause = self.backoff_left(&flights, now).unwrap_or_default();
        self.refresh_at
            .store(millis(now + pause), Ordering::Release);
        drop(flights);
        self.failures.add();
        telemetry::warn("a key set could not be fetched", &error);
        Err(Error::new(
            ErrorKind::Unavailable,
            format!("the key set could not be fetched: {error}"),
        )
        .with_retry_after(pause)
        .with_source(error))
    }

    /// The keys from now on: the same as before, where nothing changed.
    fn replace(&self, new: KeySet) -> Snapshot {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        match &*keys {
            Some(old) if old.keys.same_keys(&new) => old.clone(),
            _ => {
                let generation = self.generation.load(Ordering::Acquire) + 1;
                let new = Snapshot {
                    keys: Arc::new(new),
                    generation,
                };
                *keys = Some(new.clone());
                // After the keys: who sees the number finds them.
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
            self.refresh_at
                .store(millis(now + pause), Ordering::Release);
        }
        drop(flights);
        telemetry::warn("the fetch of a key set was interrupted", &"no result");
    }
}

/// A fetch that is announced and not yet under way.
///
/// Spawning comes after the lock on the flights is released: a runtime that is shutting down drops
/// the task at once, and its end takes that lock.
struct Takeoff {
    runtime: tokio::runtime::Handle,
    landing: Landing,
    wait: watch::Receiver<Option<Outcome>>,
}

impl Takeoff {
    fn go(self) -> watch::Receiver<Option<Outcome>> {
        let landing = self.landing;
        landing.remote.fetches.add();
        self.runtime.spawn(async move {
            let remote = &landing.remote;
            let fetched = tokio::time::timeout(remote.settings.timeout, remote.fetch()).await;
            landing.land(fetched.unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Timeout,
                    "the key set did not arrive in time",
                ))
            }));
        });
        self.wait
    }
}

/// Makes sure that a fetch ends one way or the other, also when its task is dropped or panics.
struct Landing {
    remote: Arc<Remote>,
    flight: u64,
    /// `None` once landed.
    done: Option<watch::Sender<Option<Outcome>>>,
}

impl Landing {
    fn land(mut self, fetched: Result<(KeySet, Option<Duration>), Error>) {
        let outcome = self.remote.settle(self.flight, fetched);
        if let Some(done) = self.done.take() {
            done.send_replace(Some(outcome));
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // Those who wait learn of it last, when the next fetch can start.
        if let Some(_done) = self.done.take() {
            self.remote.abort(self.flight);
        }
    }
}

impl RemoteKeySet {
    /// What there is, or the fetch to wait for.
    fn ask(&self) -> Asked {
        let remote = &self.0;
        let now = remote.clock.monotonic();
        let mut flights = remote.flights();
        if let (Some(keys), true) = (remote.keys(), remote.usable_at(now)) {
            return Asked::Answer(Ok(keys));
        }
        if let Some(current) = flights.current(now) {
            return Asked::Wait(current);
        }
        if let Some(left) = remote.backoff_left(&flights, now) {
            let error = unavailable("the key set could not be fetched a moment ago");
            return Asked::Answer(Err(error.with_retry_after(left)));
        }
        let takeoff = remote.prepare(&mut flights, now);
        drop(flights);
        match takeoff {
            Some(takeoff) => Asked::Wait(takeoff.go()),
            None => Asked::Answer(Err(outside_runtime())),
        }
    }

    /// As [`ask`](Self::ask), for keys newer than those of generation `seen`.
    fn ask_newer(&self, seen: u64) -> Option<Asked> {
        let remote = &self.0;
        let now = remote.clock.monotonic();
        let mut flights = remote.flights();
        if let Some(keys) = remote.keys().filter(|keys| keys.generation != seen) {
            return Some(Asked::Answer(Ok(keys)));
        }
        if let Some(current) = flights.current(now) {
            return Some(Asked::Wait(current));
        }
        if let Some(left) = remote.backoff_left(&flights, now) {
            // Whether the token is good cannot be said while the issuer does not answer.
            let error = unavailable("the key set could not be refreshed a moment ago");
            return Some(Asked::Answer(Err(error.with_retry_after(left))));
        }
        // What failed said nothing about the key, so it does not count for the cooldown.
        if flights.in_cooldown(now) && !flights.failing() {
            return None;
        }
        let takeoff = remote.prepare(&mut flights, now)?;
        flights.begin_cooldown(now + remote.settings.cooldown);
        drop(flights);
        Some(Asked::Wait(takeoff.go()))
    }

    /// Waits. Where a fetch broke off, asks `again`: once, as what broke it may last.
    fn outcome(
        &self,
        asked: Asked,
        again: impl FnOnce(&Self) -> Option<Asked> + Send + 'static,
    ) -> BoxFuture<Outcome> {
        let set = self.clone();
        Box::pin(async move {
            let patience = set.0.patience();
            let mut outcome = asked.outcome(patience).await;
            if outcome.is_none()
                && let Some(asked) = again(&set)
            {
                outcome = asked.outcome(patience).await;
            }
            let fetched = outcome.unwrap_or_else(|| Err(interrupted()))?;
            // Whoever is late to look takes what is there by now: a key may be gone since.
            Ok(set.0.keys().unwrap_or(fetched))
        })
    }
}

impl KeySource for RemoteKeySet {
    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    fn usable(&self) -> bool {
        let remote = &self.0;
        let now = remote.clock.monotonic();
        if !remote.usable_at(now) {
            return false;
        }
        if remote.refresh_due(now) {
            let mut flights = remote.flights();
            // Asked again: another request may have been first, and its fetch already back.
            let due = remote.refresh_due(now);
            let takeoff = due.then(|| remote.prepare(&mut flights, now)).flatten();
            drop(flights);
            if let Some(takeoff) = takeoff {
                takeoff.go();
            }
        }
        true
    }

    fn current(&self) -> Keys {
        match self.0.keys() {
            Some(keys) if self.usable() => Keys::Ready(keys),
            _ => Keys::Waiting,
        }
    }

    fn load(&self) -> BoxFuture<Outcome> {
        self.outcome(self.ask(), |keys| Some(keys.ask()))
    }

    fn refresh(&self, seen: u64) -> Option<BoxFuture<Outcome>> {
        let asked = self.ask_newer(seen)?;
        Some(self.outcome(asked, move |keys| keys.ask_newer(seen)))
    }
}

fn outside_runtime() -> Error {
    unavailable("keys can only be fetched inside a tokio runtime")
}

impl fmt::Debug for RemoteKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySet")
            .field("place", &self.0.location.place())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RemoteKeySetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySetBuilder")
            .field("place", &self.location.place())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::Fetched;
    use std::future::Future;
    use std::pin::Pin;

    struct Fixed;

    impl Fetch for Fixed {
        fn fetch<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<Fetched, Error>> + Send + 'a>> {
            let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
            Box::pin(async move { Ok(Fetched::new(set.into())) })
        }
    }

    /// A request that looked at the old keys just before newer ones came needs no fetch.
    #[tokio::test]
    async fn newer_keys_that_are_here_are_not_fetched_again() -> Result<(), Error> {
        let keys = RemoteKeySet::builder("https://issuer.example/keys")
            .fetcher(Fixed)
            .build()?;
        let first = KeySource::load(&keys).await?.generation;
        for _ in 0..3 {
            let newer = keys.refresh(first - 1).ok_or_else(interrupted)?;
            assert_eq!(newer.await?.generation, first);
            assert_eq!(keys.fetches(), 1);
        }
        let same = keys.refresh(first).ok_or_else(interrupted)?;
        assert_eq!(same.await?.generation, first);
        assert_eq!(keys.fetches(), 2);
        assert!(keys.refresh(first).is_none(), "the cooldown");
        Ok(())
    }
}
