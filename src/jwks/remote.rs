//! A key set that lives with its issuer.

use super::fetch::{Fetch, Fetched, HttpFetch};
use super::flight::{Flights, Outcome, join, unavailable};
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::{Error, ErrorKind};
use crate::core::http::checked_url;
use crate::core::telemetry::{self, Counter, Metric};
use crate::jose::KeySet;
use crate::token::keys::{BoxFuture, KeySource, Keys};
use serde::Deserialize;
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
    keys: RwLock<Option<Arc<KeySet>>>,
    generation: AtomicU64,
    /// Monotonic milliseconds: when to refresh in the background, [`NEVER`] while that goes on.
    refresh_at: AtomicU64,
    /// Monotonic milliseconds: from when on the keys are too stale to use.
    usable_until: AtomicU64,
    flights: Mutex<Flights>,
    fetches: Counter,
    failures: Counter,
}

const NEVER: u64 = u64::MAX;

enum Location {
    Url(String),
    /// OpenID Connect Discovery 1.0: the issuer, and its `jwks_uri` once known.
    Issuer(String, Mutex<Option<String>>),
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
        RemoteKeySetBuilder::new(Location::Issuer(issuer.into(), Mutex::new(None)))
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

    /// The least time between two fetches that unknown keys cause; 30 s unless set.
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
        let (Location::Url(place) | Location::Issuer(place, _)) = &self.location;
        checked_url(place)?;
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
            refresh_at: AtomicU64::new(NEVER),
            usable_until: AtomicU64::new(0),
            flights: Mutex::default(),
            fetches: Counter::new(Metric::KeySetFetch),
            failures: Counter::new(Metric::KeySetFetchFailed),
        })))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER)
}

impl Remote {
    fn flights(&self) -> MutexGuard<'_, Flights> {
        // The lock is never held across a call of foreign code, so poison means nothing here.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn usable_at(&self, now: Duration) -> bool {
        millis(now) < self.usable_until.load(Ordering::Acquire)
    }

    /// Prepares a fetch that outlives whoever asked for it. `None` outside a tokio runtime.
    fn prepare(self: &Arc<Self>, flights: &mut Flights) -> Option<Takeoff> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        self.refresh_at.store(NEVER, Ordering::Release);
        self.fetches.add();
        let (done, wait) = watch::channel(None);
        flights.current = Some(wait.clone());
        let landing = Landing(Some(self.clone()));
        Some(Takeoff {
            runtime,
            landing,
            done,
            wait,
        })
    }

    async fn fetch(&self) -> Result<(KeySet, Option<Duration>), Error> {
        let text = |fetched: Fetched| {
            String::from_utf8(fetched.body)
                .map_err(|_| Error::new(ErrorKind::UnexpectedBody, "the answer is not UTF-8"))
        };
        let url = match &self.location {
            Location::Url(url) => url.clone(),
            Location::Issuer(issuer, known) => {
                let known = || known.lock().unwrap_or_else(PoisonError::into_inner);
                let found = known().clone();
                match found {
                    Some(url) => url,
                    None => {
                        let place = discovery_url(issuer);
                        let document = text(self.fetcher.fetch(&place).await?)?;
                        let url = jwks_uri(issuer, &document)?;
                        known().clone_from(&Some(url.clone()));
                        url
                    }
                }
            }
        };
        let fetched = self.fetcher.fetch(&url).await.inspect_err(|_| {
            // The keys may have moved: ask again next time.
            if let Location::Issuer(_, known) = &self.location {
                *known.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        })?;
        let max_age = fetched.max_age;
        let keys = KeySet::from_json(&text(fetched)?)?;
        Ok((keys, max_age))
    }

    /// Takes a fetch's result over: a good set replaces the old, a failure leaves it.
    fn settle(&self, fetched: Result<(KeySet, Option<Duration>), Error>) -> Outcome {
        let now = self.clock.monotonic();
        let settings = &self.settings;
        let outcome = fetched.map(|(new, max_age)| {
            let age = max_age
                .unwrap_or(settings.default_age)
                .clamp(settings.min_age, settings.max_age);
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            let current = match &*keys {
                Some(old) if old.same_keys(&new) => old.clone(),
                _ => {
                    let new = Arc::new(new);
                    *keys = Some(new.clone());
                    self.generation.fetch_add(1, Ordering::AcqRel);
                    new
                }
            };
            drop(keys);
            self.usable_until
                .store(millis(now + age + settings.max_stale), Ordering::Release);
            self.refresh_at
                .store(millis(now + age.mul_f32(0.8)), Ordering::Release);
            current
        });
        let mut flights = self.flights();
        flights.current = None;
        match outcome {
            Ok(keys) => {
                flights.succeeded();
                Ok(keys)
            }
            Err(error) => {
                self.failures.add();
                telemetry::warn("a key set could not be fetched", &error);
                let pause = flights.failed(now, self.usable_at(now));
                self.refresh_at
                    .store(millis(now + pause), Ordering::Release);
                Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("the key set could not be fetched: {error}"),
                )
                .with_retry_after(pause)
                .with_source(error))
            }
        }
    }

    fn abort(&self) {
        let now = self.clock.monotonic();
        telemetry::warn("the fetch of a key set was interrupted", &"no result");
        let mut flights = self.flights();
        flights.current = None;
        let pause = flights.aborted(now, self.usable_at(now));
        self.refresh_at
            .store(millis(now + pause), Ordering::Release);
    }
}

/// A fetch that is announced and not yet under way.
///
/// Spawning comes after the lock on the flights is released: a runtime that is shutting down drops
/// the task at once, and its end takes that lock.
struct Takeoff {
    runtime: tokio::runtime::Handle,
    landing: Landing,
    done: watch::Sender<Option<Outcome>>,
    wait: watch::Receiver<Option<Outcome>>,
}

impl Takeoff {
    fn go(self) -> watch::Receiver<Option<Outcome>> {
        let Self {
            runtime,
            landing,
            done,
            wait,
        } = self;
        runtime.spawn(async move {
            let remote = landing.remote();
            let timeout = remote.settings.timeout;
            let fetched = tokio::time::timeout(timeout, remote.fetch()).await;
            let outcome = landing.land(fetched.unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Timeout,
                    "the key set did not arrive in time",
                ))
            }));
            done.send_replace(Some(outcome));
        });
        wait
    }
}

/// Makes sure that a fetch ends one way or the other, also when its task is dropped or panics.
struct Landing(Option<Arc<Remote>>);

impl Landing {
    #[expect(clippy::expect_used)]
    fn remote(&self) -> Arc<Remote> {
        // Only `land` takes it, and `land` takes `self`.
        self.0.clone().expect("not landed yet")
    }

    fn land(mut self, fetched: Result<(KeySet, Option<Duration>), Error>) -> Outcome {
        match self.0.take() {
            Some(remote) => remote.settle(fetched),
            None => Err(unavailable("the fetch ended twice")),
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some(remote) = self.0.take() {
            remote.abort();
        }
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
        if millis(now) >= remote.refresh_at.load(Ordering::Acquire) {
            let mut flights = remote.flights();
            let due = flights.current.is_none() && flights.backoff_left(now).is_none();
            let takeoff = due.then(|| remote.prepare(&mut flights)).flatten();
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
        let remote = &self.0;
        let now = remote.clock.monotonic();
        let mut flights = remote.flights();
        if let (Some(keys), true) = (remote.keys(), remote.usable_at(now)) {
            return Box::pin(std::future::ready(Ok(keys)));
        }
        if let Some(current) = &flights.current {
            return join(current.clone());
        }
        if let Some(left) = flights.backoff_left(now) {
            let error = unavailable("the key set could not be fetched a moment ago");
            return Box::pin(std::future::ready(Err(error.with_retry_after(left))));
        }
        let takeoff = remote.prepare(&mut flights);
        drop(flights);
        match takeoff {
            Some(takeoff) => join(takeoff.go()),
            None => Box::pin(std::future::ready(Err(outside_runtime()))),
        }
    }

    fn refresh(&self, seen: u64) -> Option<BoxFuture<Outcome>> {
        let remote = &self.0;
        let now = remote.clock.monotonic();
        let mut flights = remote.flights();
        if let Some(keys) = remote.keys()
            && self.generation() != seen
        {
            return Some(Box::pin(std::future::ready(Ok(keys))));
        }
        if let Some(current) = &flights.current {
            return Some(join(current.clone()));
        }
        if flights.in_cooldown(now) || flights.backoff_left(now).is_some() {
            // Whether the token is good cannot be said while the issuer does not answer.
            return flights.failing().then(|| -> BoxFuture<Outcome> {
                let error = unavailable("the key set could not be refreshed a moment ago");
                Box::pin(std::future::ready(Err(error)))
            });
        }
        let takeoff = remote.prepare(&mut flights)?;
        flights.begin_cooldown(now + remote.settings.cooldown);
        drop(flights);
        Some(join(takeoff.go()))
    }
}

fn outside_runtime() -> Error {
    unavailable("keys can only be fetched inside a tokio runtime")
}

/// OpenID Connect Discovery 1.0 section 4.
fn discovery_url(issuer: &str) -> String {
    format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    )
}

/// The document must speak for this very issuer, and name a place fit to fetch keys from.
fn jwks_uri(issuer: &str, document: &str) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
        jwks_uri: String,
    }
    let found: Discovery = serde_json::from_str(document).map_err(|_| {
        Error::new(
            ErrorKind::UnexpectedBody,
            "the discovery document is not JSON with issuer and jwks_uri",
        )
    })?;
    if found.issuer != issuer {
        return Err(Error::new(
            ErrorKind::UnexpectedBody,
            "the discovery document names another issuer",
        ));
    }
    checked_url(&found.jwks_uri)?;
    Ok(found.jwks_uri)
}

impl fmt::Debug for RemoteKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Location::Url(place) | Location::Issuer(place, _)) = &self.0.location;
        f.debug_struct("RemoteKeySet")
            .field("place", place)
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RemoteKeySetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Location::Url(place) | Location::Issuer(place, _)) = &self.location;
        f.debug_struct("RemoteKeySetBuilder")
            .field("place", place)
            .finish_non_exhaustive()
    }
}
