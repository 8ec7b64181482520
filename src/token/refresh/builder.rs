//! Refresh token builder.

use super::family::Terms;
use super::tokens::{OnReuse, RefreshTokens, ReuseReport};
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::store::Store;
use crate::token::list::check_name;
use std::fmt;
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
    terms: Terms,
    on_reuse: Option<OnReuse<T>>,
    clock: Arc<dyn Clock>,
}

impl<T> RefreshTokensBuilder<T> {
    pub(super) fn new(store: impl Store) -> Self {
        Self {
            store: Arc::new(store),
            name: "tokens".to_owned(),
            terms: Terms { lifetime: DEFAULT_LIFETIME, idle: None, grace: DEFAULT_GRACE },
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
        self.terms.lifetime = lifetime;
        self
    }

    /// Sets how long a token may stay unused, at most the [`lifetime`](Self::lifetime).
    ///
    /// Default: the lifetime.
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.terms.idle = Some(lifetime);
        self
    }

    /// Sets the grace period in which a used token gets the same new token again.
    ///
    /// It serves concurrent requests and lost responses. Default: 5 s, at most 60 s. With zero, the
    /// second use of a token revokes its family, even if it is concurrent.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.terms.grace = grace;
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
        let shortest = self.terms.idle.unwrap_or(self.terms.lifetime);
        let refuse = |message: &'static str| Err(Error::configuration(message));
        if shortest.min(self.terms.lifetime) < Duration::from_secs(1) {
            return refuse("a refresh token's lifetime is under a second");
        }
        if shortest > self.terms.lifetime {
            return refuse(
                "the idle lifetime of refresh tokens is over their lifetime: shorten it, or remove \
                 .idle_lifetime(…)",
            );
        }
        if self.terms.grace > MAX_GRACE {
            return refuse(
                "the grace period of refresh tokens is over 60 s, and a stolen token could be used \
                 unnoticed for that long: shorten .grace(…)",
            );
        }
        Ok(RefreshTokens::new(
            self.store,
            format!("refresh/{}/", self.name),
            self.terms,
            self.on_reuse,
            self.clock,
        ))
    }
}

impl<T> fmt::Debug for RefreshTokensBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokensBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
