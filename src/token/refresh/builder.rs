//! Sets refresh tokens up.

use super::family::Terms;
use super::tokens::{OnReuse, RefreshTokens, Reuse};
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

/// Sets [`RefreshTokens`] up.
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
            terms: Terms {
                lifetime: DEFAULT_LIFETIME,
                idle: None,
                grace: DEFAULT_GRACE,
            },
            on_reuse: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Their name in the store, where that holds several kinds; `tokens` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How long after the login the last token that follows from it ends; 30 days unless set.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.terms.lifetime = lifetime;
        self
    }

    /// How long a token may lie unused; as long as it lives unless set.
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.terms.idle = Some(lifetime);
        self
    }

    /// How long a token that was just used is answered once more, with the same new token: for
    /// requests at the same time, and answers that got lost. 5 s unless set, a minute at most.
    ///
    /// Zero: the second use of a token ends its family, were it at the same time.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.terms.grace = grace;
        self
    }

    /// Runs for each family that is ended because an old token of it came again: somebody has a
    /// token that is not theirs. Once, or more often where the store fails meanwhile. It also
    /// counts in the metric `jamguard_refresh_token_reuses_total`.
    ///
    /// It holds up the answer: leave what takes time to a task of its own.
    pub fn on_reuse(mut self, hook: impl Fn(&Reuse<'_, T>) + Send + Sync + 'static) -> Self {
        self.on_reuse = Some(Box::new(hook));
        self
    }

    /// By whose wall time tokens end; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds it.
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
                "the idle lifetime of refresh tokens is over their lifetime: shorten it, or leave \
                 .idle_lifetime(…) out",
            );
        }
        if self.terms.grace > MAX_GRACE {
            return refuse(
                "the grace of refresh tokens is over a minute, and so long a stolen one could be \
                 used unnoticed",
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
        f.debug_struct("RefreshTokensBuilder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
