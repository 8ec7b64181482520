//! Builder of a remote key set, with validation of its durations.

use super::fetch::{Fetch, HttpFetch};
use super::location::Location;
use super::origin::Origin;
use super::remote::RemoteKeySet;
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Settings {
    pub(super) timeout: Duration,
    pub(super) min_age: Duration,
    pub(super) max_age: Duration,
    pub(super) default_age: Duration,
    pub(super) max_stale: Duration,
    pub(super) cooldown: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            min_age: Duration::from_secs(60),
            max_age: Duration::from_secs(24 * 3600),
            default_age: Duration::from_secs(600),
            max_stale: Duration::from_secs(3600),
            cooldown: Duration::from_secs(30),
        }
    }
}

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
    location: Location,
    fetcher: Option<Arc<dyn Fetch>>,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

impl RemoteKeySetBuilder {
    pub(super) fn new(location: Location) -> Self {
        Self {
            location,
            fetcher: None,
            clock: Arc::new(SystemClock),
            settings: Settings::default(),
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
        self.settings.timeout = timeout;
        self
    }

    /// Bounds the issuer's `Cache-Control: max-age`.
    ///
    /// Default: 60 s to 24 hours. Range: 1 s to 7 days.
    pub fn age_bounds(mut self, least: Duration, most: Duration) -> Self {
        self.settings.min_age = least;
        self.settings.max_age = most;
        self
    }

    /// Sets the lifetime of keys whose issuer sends no `max-age`.
    ///
    /// Default: 10 minutes, at most 7 days. The [bounds](Self::age_bounds) apply to it too.
    pub fn default_age(mut self, age: Duration) -> Self {
        self.settings.default_age = age;
        self
    }

    /// Sets how long expired keys remain in use while the issuer is unreachable.
    ///
    /// Default: 1 hour, at most 7 days.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.settings.max_stale = max_stale;
        self
    }

    /// Sets the minimum interval between fetches that tokens trigger.
    ///
    /// A token triggers a fetch with an unknown `kid`, or with a signature that does not match the
    /// key it names. Default: 30 s, at most 7 days. After a failed fetch, the back-off applies to
    /// unknown keys instead.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.settings.cooldown = cooldown;
        self
    }

    /// Builds the key set. Fetches nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a URL that is neither
    /// https nor loopback, or a duration out of range.
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
                "the minimum age of a key set must be at least 1 s and at most the maximum age",
            ));
        }
        let longest = Duration::from_secs(7 * 24 * 3600);
        if [settings.max_age, settings.default_age, settings.max_stale, settings.cooldown]
            .iter()
            .any(|time| *time > longest)
        {
            return Err(Error::configuration(
                "an age, max_stale or cooldown is over 7 days: withdrawn keys would stay that long",
            ));
        }
        let fetcher = match self.fetcher {
            Some(fetcher) => fetcher,
            None => Arc::new(HttpFetch::new(settings.timeout)?),
        };
        let origin = Origin::new(self.location, fetcher, self.clock.clone(), settings);
        Ok(RemoteKeySet::new(origin, self.clock))
    }
}

impl fmt::Debug for RemoteKeySetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySetBuilder")
            .field("place", &self.location.place())
            .finish_non_exhaustive()
    }
}
