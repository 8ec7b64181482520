//! Refresh token builder.

use super::family::Terms;
use super::tokens::{OnReuse, RefreshState, RefreshTokens, ReuseReport};
use crate::core::settings::{Time, options, setters};
use crate::core::{
    Clock, Error, SystemClock, debug_fields, ensure, name::check_store_name, telemetry::Counter,
};
use crate::store::Store;
use std::{sync::Arc, time::Duration};

const MAX_GRACE: Duration = Duration::from_secs(60);

options! {
    /// The options of refresh tokens.
    RefreshOptions {
        /// Their name in the store. Default: `tokens`.
        name: String = "tokens".to_owned(),
        /// Time from the login until its last refresh token expires. Default: 30 days, at least 1 s.
        lifetime: Time = Time(Duration::from_secs(30 * 24 * 3600)),
        /// How long a token may stay unused, at most `lifetime`. Default: `lifetime`.
        idle_lifetime: Option<Time> = None,
        /// Period in which a used token gets the same new token again. Default: 5 s, at most 60 s.
        grace: Time = Time(Duration::from_secs(5)),
    }
}

/// A builder of [`RefreshTokens`].
///
/// # Example
/// ```
/// use jamguard::{RefreshTokens, store::MemoryStore};
/// use std::time::Duration;
///
/// const DAY: Duration = Duration::from_secs(24 * 3600);
/// let refresh: RefreshTokens = RefreshTokens::builder(MemoryStore::new())
///     .lifetime(90 * DAY)
///     .idle_lifetime(14 * DAY)
///     .on_reuse(|reuse| eprintln!("a refresh token of {} was stolen", reuse.subject))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct RefreshTokensBuilder<T = ()> {
    store: Arc<dyn Store>,
    on_reuse: Option<OnReuse<T>>,
    clock: Arc<dyn Clock>,
    pub(crate) options: RefreshOptions,
}

impl<T> RefreshTokens<T> {
    /// Returns a builder of refresh tokens in a store.
    pub fn builder(store: impl Store) -> RefreshTokensBuilder<T> {
        RefreshTokensBuilder {
            store: Arc::new(store),
            on_reuse: None,
            clock: Arc::new(SystemClock),
            options: RefreshOptions::default(),
        }
    }
}

impl<T> RefreshTokensBuilder<T> {
    setters! {
        /// Sets the name that separates kinds of refresh tokens in one store. Default: `tokens`.
        ///
        /// 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
        pub fn name(name: impl Into<String>) { self.options.name = name.into() }

        /// Sets how long after the login its last refresh token expires.
        ///
        /// Default: 30 days, at least 1 s.
        pub fn lifetime(lifetime: Duration) { self.options.lifetime = Time(lifetime) }

        /// Sets how long a token may stay unused, at most the [`lifetime`](Self::lifetime).
        ///
        /// Default: the lifetime.
        pub fn idle_lifetime(lifetime: Duration) {
            self.options.idle_lifetime = Some(Time(lifetime))
        }

        /// Sets the grace period in which a used token gets the same new token again.
        ///
        /// It serves concurrent requests and lost responses. Default: 5 s, at most 60 s. With zero,
        /// the second use of a token revokes its family, even if it is concurrent.
        pub fn grace(grace: Duration) { self.options.grace = Time(grace) }
    }

    /// Sets a hook that runs when reuse of an old token revokes its family.
    ///
    /// Reuse means that a token was probably stolen. The hook runs once per family, or more often
    /// if the store fails meanwhile. Reuse is also counted in the metric
    /// `jamguard_refresh_token_reuses_total`.
    ///
    /// The response waits for the hook: spawn a task for slow work.
    pub fn on_reuse(mut self, hook: impl Fn(&ReuseReport<'_, T>) + Send + Sync + 'static) -> Self {
        self.on_reuse = Some(Box::new(hook));
        self
    }

    setters! {
        /// Replaces the clock, whose wall time ends tokens. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the refresh tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<RefreshTokens<T>, Error> {
        let options = self.options;
        check_store_name(&options.name)?;
        let terms = Terms {
            lifetime: options.lifetime.0,
            idle: options.idle_lifetime.map(|Time(idle)| idle),
            grace: options.grace.0,
        };
        let shortest = terms.idle.unwrap_or(terms.lifetime);
        ensure(
            shortest.min(terms.lifetime) >= Duration::from_secs(1),
            "a refresh token's lifetime is under a second",
        )?;
        ensure(
            shortest <= terms.lifetime,
            "the idle lifetime of refresh tokens is over their lifetime: shorten it, or remove \
             .idle_lifetime(…)",
        )?;
        ensure(
            terms.grace <= MAX_GRACE,
            "the grace period of refresh tokens is over 60 s, and a stolen token could be used \
             unnoticed for that long: shorten .grace(…)",
        )?;
        Ok(RefreshTokens(Arc::new(RefreshState {
            store: self.store,
            prefix: format!("refresh/{}/", options.name),
            terms,
            on_reuse: self.on_reuse,
            clock: self.clock,
            reuses: Counter::new("jamguard_refresh_token_reuses_total"),
        })))
    }
}

debug_fields!(RefreshTokensBuilder<T>, self, name = self.options.name);
