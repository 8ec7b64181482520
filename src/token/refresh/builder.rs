//! Refresh token builder.

use super::family::Lifetimes;
use super::tokens::{OnReuse, RefreshState, RefreshTokens, ReuseReport};
use crate::core::clock::{Clock, SystemClock};
use crate::core::debug::debug_fields;
use crate::core::error::Error;
use crate::core::telemetry::{Counter, Metric};
use crate::store::Store;
use crate::token::list::check_name;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
const DEFAULT_GRACE: Duration = Duration::from_secs(5);
const MAX_GRACE: Duration = Duration::from_secs(60);

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
    name: String,
    lifetimes: Lifetimes,
    on_reuse: Option<OnReuse<T>>,
    clock: Arc<dyn Clock>,
}

impl<T> RefreshTokensBuilder<T> {
    pub(super) fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            name: "tokens".to_owned(),
            lifetimes: Lifetimes { lifetime: DEFAULT_LIFETIME, idle: None, grace: DEFAULT_GRACE },
            on_reuse: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the name that separates kinds of refresh tokens in one store. Default: `tokens`.
    ///
    /// 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how long after the login its last refresh token expires.
    ///
    /// Default: 30 days, at least 1 s.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.lifetime = lifetime;
        self
    }

    /// Sets how long a token may stay unused, at most the [`lifetime`](Self::lifetime).
    ///
    /// Default: the lifetime.
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.idle = Some(lifetime);
        self
    }

    /// Sets the grace period in which a used token gets the same new token again.
    ///
    /// It serves concurrent requests and lost responses. Default: 5 s, at most 60 s. With zero, the
    /// second use of a token revokes its family, even if it is concurrent.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.lifetimes.grace = grace;
        self
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

    /// Replaces the clock, whose wall time ends tokens. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the refresh tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<RefreshTokens<T>, Error> {
        check_name(&self.name)?;
        let shortest = self.lifetimes.idle.unwrap_or(self.lifetimes.lifetime);
        let refuse = |message: &'static str| Err(Error::configuration(message));
        if shortest.min(self.lifetimes.lifetime) < Duration::from_secs(1) {
            return refuse("a refresh token's lifetime is under a second");
        }
        if shortest > self.lifetimes.lifetime {
            return refuse(
                "the idle lifetime of refresh tokens is over their lifetime: shorten it, or remove \
                 .idle_lifetime(…)",
            );
        }
        if self.lifetimes.grace > MAX_GRACE {
            return refuse(
                "the grace period of refresh tokens is over 60 s, and a stolen token could be used \
                 unnoticed for that long: shorten .grace(…)",
            );
        }
        Ok(RefreshTokens(Arc::new(RefreshState {
            store: self.store,
            prefix: format!("refresh/{}/", self.name),
            lifetimes: self.lifetimes,
            on_reuse: self.on_reuse,
            clock: self.clock,
            reuses: Counter::new(Metric::RefreshTokenReuse),
        })))
    }
}

debug_fields!(RefreshTokensBuilder<T>, self, name = self.name);
