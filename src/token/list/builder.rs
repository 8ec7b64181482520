//! Token list builder.

use super::limits::Limits;
use super::token_list::{Kind, Settings, TokenList};
use crate::core::clock::{Clock, PartClock, SystemClock};
use crate::core::error::Error;
use crate::core::name::check_store_name;
use crate::core::settings::{Time, TimeOrUnlimited, options};
use crate::store::Store;
use crate::token::rules::{DEFAULT_LEEWAY, MAX_LEEWAY};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

options! {
    /// The options of a list.
    ListOptions {
        /// How long an entry outlives its token's `exp`. Default: 60 s, at most 1 hour.
        leeway: Time = Time(DEFAULT_LEEWAY),
        /// Longest accepted time from `iat` to `exp` of a token. Default: 366 days, at least 1 s.
        max_token_lifetime: TimeOrUnlimited = TimeOrUnlimited(Duration::from_secs(366 * 24 * 3600)),
        /// Accepts tokens unchecked while the store is unavailable, including revoked ones.
        danger_fail_open: bool = false,
    }
}

/// A builder of a [`TokenList`].
///
/// # Example
/// ```
/// use jamguard::{TokenList, store::MemoryStore};
/// use std::time::Duration;
///
/// let denied = TokenList::deny(MemoryStore::new())
///     .name("api")
///     .max_token_lifetime(Duration::from_secs(3600))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct TokenListBuilder {
    kind: Kind,
    store: Arc<dyn Store>,
    name: String,
    clock: Arc<dyn Clock>,
    pub(crate) options: ListOptions,
}

impl TokenListBuilder {
    pub(super) fn new(kind: Kind, store: impl Store) -> Self {
        Self {
            kind,
            store: Arc::new(store),
            name: "tokens".to_owned(),
            clock: Arc::new(SystemClock),
            options: ListOptions::default(),
        }
    }

    /// Sets the list's name, which separates lists in one store. Default: `tokens`.
    ///
    /// 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the clock, whose wall time ends entries. Default: the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets how long an entry outlives its token's `exp`. Default: 60 s, at most 1 hour.
    ///
    /// It must be at least the leeway of every verifier with this list, which otherwise fails to
    /// build. If several machines write to the list, their clocks may differ by the excess over the
    /// verifiers' leeway.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.options.leeway = Time(leeway);
        self
    }

    /// Sets the longest accepted time from `iat` to `exp` of a token.
    ///
    /// [`revoke_subject`](TokenList::revoke_subject) is remembered for this time, so a token that
    /// lives longer is rejected: it could outlive its revocation. Default: 366 days, at least 1 s;
    /// `Duration::MAX` means no limit.
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.options.max_token_lifetime = TimeOrUnlimited(lifetime);
        self
    }

    /// Accepts tokens unchecked while the store is unavailable, including revoked ones.
    ///
    /// Each is counted in the metric `jamguard_unchecked_tokens_total`.
    pub fn danger_fail_open(mut self) -> Self {
        self.options.danger_fail_open = true;
        self
    }

    /// Builds the list and subscribes it to the store's changes.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<TokenList, Error> {
        check_store_name(&self.name)?;
        let ListOptions { leeway, max_token_lifetime, danger_fail_open } = self.options;
        if leeway.0 > MAX_LEEWAY {
            return Err(Error::configuration(
                "the list's leeway is over an hour, which is the most that a verifier may have",
            ));
        }
        if max_token_lifetime.0 < Duration::from_secs(1) {
            return Err(Error::configuration(
                "the longest token lifetime is under a second: give .max_token_lifetime(…) the \
                 longest time from iat to exp of any token",
            ));
        }
        Ok(TokenList::new(Settings {
            kind: self.kind,
            prefix: format!("{}/{}/", self.kind.as_str(), self.name),
            store: self.store,
            clock: PartClock::new(self.clock),
            limits: Limits::new(leeway.0, max_token_lifetime.0, danger_fail_open),
        }))
    }
}

impl fmt::Debug for TokenListBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenListBuilder")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
