//! Builds a remote key set, and refuses times that cannot work.

use super::fetch::{Fetch, HttpFetch};
use super::location::Location;
use super::remote::RemoteKeySet;
use super::state::Remote;
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

/// Sets a [`RemoteKeySet`] up.
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

    /// Fetches in your own way instead of over the built-in HTTP client.
    pub fn fetcher(mut self, fetcher: impl Fetch) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// The clocks; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Deadline of one fetch; 5 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Bounds for the issuer's `Cache-Control: max-age`; a minute to a day unless set.
    pub fn age_bounds(mut self, least: Duration, most: Duration) -> Self {
        self.settings.min_age = least;
        self.settings.max_age = most;
        self
    }

    /// How long keys are good for where the issuer does not say; ten minutes unless set.
    pub fn default_age(mut self, age: Duration) -> Self {
        self.settings.default_age = age;
        self
    }

    /// How long after their expiry keys still serve while the issuer cannot be reached; an hour
    /// unless set.
    pub fn max_stale(mut self, max_stale: Duration) -> Self {
        self.settings.max_stale = max_stale;
        self
    }

    /// Minimum time between two fetches that tokens cause, by naming an unknown key or by a signature
    /// that does not match a known one. Default: 30 s. After a fetch that failed, the back-off
    /// decides for unknown keys.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.settings.cooldown = cooldown;
        self
    }

    /// Builds the key set; nothing is fetched yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a URL that is neither https nor loopback, or times that
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
        Ok(RemoteKeySet::new(Remote::new(
            self.location,
            fetcher,
            self.clock,
            settings,
        )))
    }
}

impl fmt::Debug for RemoteKeySetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySetBuilder")
            .field("place", &self.location.place())
            .finish_non_exhaustive()
    }
}
