//! Builder of a remote key set, with validation of its durations.

use super::fetch::{Fetch, HttpFetch};
use super::location::{Location, Published};
pub(crate) use super::origin::KeySetOptions;
use super::origin::Origin;
use super::remote::RemoteKeySet;
use crate::core::{
    Clock, Error, PartClock, SystemClock, debug_fields, ensure, http::HttpClient,
    refreshing::Refreshing, settings::Time, telemetry::Counter,
};
use std::sync::{Arc, Mutex};
use std::{sync::atomic::AtomicU64, time::Duration};

/// A builder of a [`RemoteKeySet`].
///
/// # Example
/// ```
/// use jamguard::jwks::RemoteKeySet;
/// use std::time::Duration;
///
/// let keys = RemoteKeySet::discover("https://issuer.example")
///     .timeout(Duration::from_secs(2))
///     .max_stale(Duration::from_secs(1800))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct RemoteKeySetBuilder {
    location: Box<dyn Location>,
    fetcher: Option<Arc<dyn Fetch>>,
    clock: Arc<dyn Clock>,
    pub(crate) options: KeySetOptions,
}

impl RemoteKeySet {
    /// Returns a builder of the key set at `url`, which is https, or http on loopback.
    pub fn builder(url: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Published::Url(url.into()))
    }

    /// Returns a builder of an OpenID Connect issuer's key set.
    ///
    /// The discovery document names the key set's URL, and must name the same issuer (OpenID
    /// Connect Discovery 1.0 section 4.3).
    pub fn discover(issuer: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Published::Issuer(issuer.into(), Vec::new()))
    }
}

impl RemoteKeySetBuilder {
    pub(crate) fn new(location: impl Location) -> Self {
        Self {
            location: Box::new(location),
            fetcher: None,
            clock: Arc::new(SystemClock),
            options: KeySetOptions::default(),
        }
    }

    /// Fetches with a custom fetcher instead of the built-in HTTP client.
    pub fn fetcher(mut self, fetcher: impl Fetch) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// Replaces the clock. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets the deadline of one fetch. Default: 5 s. Range: over 0 to 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Time(timeout);
        self
    }

    /// Bounds the issuer's `Cache-Control: max-age`.
    ///
    /// Default: 60 s to 24 hours. Range: 1 s to 7 days.
    pub fn age_bounds(mut self, least: Duration, most: Duration) -> Self {
        self.options.min_age = Time(least);
        self.options.max_age = Time(most);
        self
    }

    /// Sets the lifetime of keys whose issuer sends no `max-age`.
    ///
    /// Default: 10 minutes, at most 7 days. The [bounds](Self::age_bounds) apply to it too.
    pub fn default_age(mut self, age: Duration) -> Self {
        self.options.default_age = Time(age);
        self
    }

    /// Sets how long expired keys remain in use while the issuer is unreachable.
    ///
    /// Default: 1 hour, at most 7 days.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.options.max_stale = Time(max_stale);
        self
    }

    /// Sets the minimum interval between fetches that tokens trigger.
    ///
    /// A token triggers a fetch with an unknown `kid`, or with a signature that does not match the
    /// key it names. Default: 30 s, at most 7 days. After a failed fetch, the back-off applies to
    /// unknown keys instead.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.options.cooldown = Time(cooldown);
        self
    }

    /// Builds the key set. Fetches nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a URL that is neither
    /// https nor loopback, or a duration out of range.
    pub fn build(self) -> Result<RemoteKeySet, Error> {
        let options = self.options;
        self.location.check()?;
        ensure(
            !options.timeout.0.is_zero() && options.timeout.0 <= Duration::from_secs(60),
            "the deadline of a fetch must be over 0 and at most 60 s",
        )?;
        ensure(
            options.min_age.0 >= Duration::from_secs(1) && options.min_age.0 <= options.max_age.0,
            "the minimum age of a key set must be at least 1 s and at most the maximum age",
        )?;
        let longest = Duration::from_secs(7 * 24 * 3600);
        let ages = [options.max_age, options.default_age, options.max_stale, options.cooldown];
        ensure(
            ages.iter().all(|Time(age)| *age <= longest),
            "an age, max_stale or cooldown is over 7 days: withdrawn keys would stay that long",
        )?;
        let fetcher = match self.fetcher {
            Some(fetcher) => fetcher,
            None => Arc::new(HttpFetch(HttpClient::new(options.timeout.0)?)),
        };
        let clock = PartClock::new(self.clock);
        let origin = Origin {
            location: self.location,
            fetcher,
            clock: clock.clone(),
            options,
            generation: AtomicU64::new(0),
            cooldown: Mutex::default(),
            fetches: Counter::new("jamguard_key_set_fetches_total"),
            failures: Counter::new("jamguard_key_set_fetch_failures_total"),
        };
        Ok(RemoteKeySet(Refreshing::new(origin, clock)))
    }
}

debug_fields!(RemoteKeySetBuilder, self, place = self.location.place());
