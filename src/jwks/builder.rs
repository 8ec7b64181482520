//! Builder of a remote key set, with validation of its durations.

use super::discovery::Discovery;
use super::fetch::{Fetch, Fetcher};
use super::location::{Location, Published};
pub(crate) use super::origin::KeySetOptions;
use super::origin::Origin;
use super::remote::RemoteKeySet;
use crate::core::settings::setters;
use crate::core::{
    Clock, Error, PartClock, SystemClock, debug_fields, ensure,
    network::{NetworkOptions, network_methods},
    refreshing::Refreshing,
    settings::Time,
    telemetry::Counter,
};
use std::path::PathBuf;
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
    discover_at: Option<String>,
    fetch: Option<Arc<dyn Fetch>>,
    token_file: Option<PathBuf>,
    /// The fetcher of another part, with its network.
    shared: Option<Fetcher>,
    clock: Arc<dyn Clock>,
    pub(crate) network: NetworkOptions,
    pub(crate) options: KeySetOptions,
}

impl RemoteKeySet {
    /// Returns a builder of the key set at `url`, which is https, or http on loopback.
    pub fn builder(url: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::new(Published::Url(url.into()))
    }

    /// Returns a builder of the key set that an issuer's metadata names.
    ///
    /// The metadata is the OpenID Connect discovery document, `{issuer}/.well-known/openid-configuration`,
    /// or, if there is none, the document of RFC 8414 section 3.1: for `https://host/path` at
    /// `https://host/.well-known/oauth-authorization-server/path`. It must name the same issuer
    /// (OpenID Connect Discovery 1.0 section 4.3, RFC 8414 section 3.3).
    pub fn discover(issuer: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::of_issuer(Discovery::of(issuer))
    }
}

impl RemoteKeySetBuilder {
    pub(crate) fn new(location: impl Location) -> Self {
        Self {
            location: Box::new(location),
            discover_at: None,
            fetch: None,
            token_file: None,
            shared: None,
            clock: Arc::new(SystemClock),
            network: NetworkOptions::default(),
            options: KeySetOptions::default(),
        }
    }

    pub(crate) fn of_issuer(discovery: Discovery) -> Self {
        Self::new(Published::Issuer(discovery))
    }

    setters! {
        /// Reaches the issuer at this URL instead of its own: its metadata, and URLs below the
        /// issuer.
        ///
        /// For networks in which the issuer has another name than outside. The issuer's own name
        /// stays: the metadata must contain it.
        ///
        /// ```
        /// # use jamguard::jwks::RemoteKeySet;
        /// let keys = RemoteKeySet::discover("https://login.example/realms/shop")
        ///     .discover_at("http://keycloak:8080/realms/shop")
        ///     .danger_plain_http_hosts(["keycloak"])
        ///     .build()?;
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        pub fn discover_at(url: impl Into<String>) { self.discover_at = Some(url.into()) }
    }

    network_methods!();

    setters! {
        /// Fetches with a custom fetcher instead of the built-in HTTP client.
        pub fn fetcher(fetcher: impl Fetch) { self.fetch = Some(Arc::new(fetcher)) }

        /// Sends the bearer token in a file with each fetch, for key sets that are not public.
        ///
        /// The file is read for each fetch, because such tokens are rotated, as those of Kubernetes
        /// are. Only for [`RemoteKeySet::builder`]: the token must not go where an issuer's
        /// metadata leads.
        pub fn bearer_token_file(path: impl Into<PathBuf>) { self.token_file = Some(path.into()) }

        /// Fetches with the fetcher of another part, in its network.
        #[cfg(feature = "oauth2")]
        pub(crate) fn share(fetcher: Fetcher) { self.shared = Some(fetcher) }

        /// Replaces the clock. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }

        /// Sets the deadline of one fetch. Default: 5 s. Range: over 0 to 60 s.
        pub fn timeout(timeout: Duration) { self.options.timeout = Time(timeout) }
    }

    /// Bounds the issuer's `Cache-Control: max-age`.
    ///
    /// Default: 60 s to 24 hours. Range: 1 s to 7 days.
    pub fn age_bounds(mut self, least: Duration, most: Duration) -> Self {
        self.options.min_age = Time(least);
        self.options.max_age = Time(most);
        self
    }

    setters! {
        /// Sets the lifetime of keys whose issuer sends no `max-age`.
        ///
        /// Default: 10 minutes, at most 7 days. The [bounds](Self::age_bounds) apply to it too.
        pub fn default_age(age: Duration) { self.options.default_age = Time(age) }

        /// Sets how long expired keys remain in use while the issuer is unreachable.
        ///
        /// Default: 1 hour, at most 7 days.
        pub fn max_stale(max_stale: Duration) { self.options.max_stale = Time(max_stale) }

        /// Sets the minimum interval between fetches that tokens trigger.
        ///
        /// A token triggers a fetch with an unknown `kid`, or with a signature that does not match
        /// the key it names. Default: 30 s, at most 7 days. After a failed fetch, the back-off
        /// applies to unknown keys instead.
        pub fn cooldown(cooldown: Duration) { self.options.cooldown = Time(cooldown) }
    }

    /// Builds the key set. Fetches nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a URL that is neither
    /// https nor loopback nor of a [permitted host](Self::danger_plain_http_hosts), a certificate
    /// file that cannot be used, or a duration out of range.
    pub fn build(mut self) -> Result<RemoteKeySet, Error> {
        let options = self.options;
        if let Some(url) = self.discover_at.take() {
            self.location.reach_at(url)?;
        }
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
        let fetcher = match (self.shared, self.token_file) {
            (Some(shared), _) => shared,
            (None, Some(file)) => {
                ensure(
                    self.fetch.is_none() && !self.location.is_discovered(),
                    "bearer_token_file(…) is for the built-in HTTP client and a key set at a URL: \
                     remove .fetcher(…), and name the URL instead of the issuer",
                )?;
                Fetcher::with_token_file(file, options.timeout.0, &self.network)?
            }
            (None, None) => Fetcher::of(self.fetch, options.timeout.0, &self.network)?,
        };
        self.location.check(fetcher.urls())?;
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
