//! Token list builder.

use super::changes::Changes;
use super::limits::{Limits, Values};
use super::token_list::{Kind, ListState, TokenList};
use crate::core::settings::{Time, TimeOrUnlimited, options, setters};
use crate::core::{
    Clock, Error, PartClock, SystemClock, debug_fields, ensure, name::check_store_name,
    telemetry::Counter,
};
use crate::store::{Change, Store, Watcher};
use crate::token::rules::{DEFAULT_LEEWAY, MAX_LEEWAY};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{sync::Arc, time::Duration};

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

impl TokenList {
    /// Returns a builder of a deny list.
    ///
    /// Its tokens are rejected as [`Revoked`](crate::ErrorKind::Revoked).
    pub fn deny(store: impl Store) -> TokenListBuilder {
        TokenListBuilder::new(Kind::Deny, store)
    }

    /// Returns a builder of an allow list.
    ///
    /// All other tokens are rejected as [`NotListed`](crate::ErrorKind::NotListed).
    pub fn allow(store: impl Store) -> TokenListBuilder {
        TokenListBuilder::new(Kind::Allow, store)
    }
}

impl TokenListBuilder {
    fn new(kind: Kind, store: impl Store) -> Self {
        Self {
            kind,
            store: Arc::new(store),
            name: "tokens".to_owned(),
            clock: Arc::new(SystemClock),
            options: ListOptions::default(),
        }
    }

    setters! {
        /// Sets the list's name, which separates lists in one store. Default: `tokens`.
        ///
        /// 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
        pub fn name(name: impl Into<String>) { self.name = name.into() }

        /// Replaces the clock, whose wall time ends entries. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }

        /// Sets how long an entry outlives its token's `exp`. Default: 60 s, at most 1 hour.
        ///
        /// It must be at least the leeway of every verifier with this list, which otherwise fails
        /// to build. If several machines write to the list, their clocks may differ by the excess
        /// over the verifiers' leeway.
        pub fn leeway(leeway: Duration) { self.options.leeway = Time(leeway) }

        /// Sets the longest accepted time from `iat` to `exp` of a token.
        ///
        /// [`revoke_subject`](TokenList::revoke_subject) is remembered for this time, so a token
        /// that lives longer is rejected: it could outlive its revocation. Default: 366 days, at
        /// least 1 s; `Duration::MAX` means no limit.
        pub fn max_token_lifetime(lifetime: Duration) {
            self.options.max_token_lifetime = TimeOrUnlimited(lifetime)
        }

        /// Accepts tokens unchecked while the store is unavailable, including revoked ones.
        ///
        /// Each is counted in the metric `jamguard_unchecked_tokens_total`.
        pub fn danger_fail_open() { self.options.danger_fail_open = true }
    }

    /// Builds the list and subscribes it to the store's changes.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<TokenList, Error> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        check_store_name(&self.name)?;
        let ListOptions { leeway, max_token_lifetime, danger_fail_open } = self.options;
        ensure(
            leeway.0 <= MAX_LEEWAY,
            "the list's leeway is over an hour, which is the most that a verifier may have",
        )?;
        ensure(
            max_token_lifetime.0 >= Duration::from_secs(1),
            "the longest token lifetime is under a second: give .max_token_lifetime(…) the longest \
             time from iat to exp of any token",
        )?;
        let prefix = format!("{}/{}/", self.kind.as_str(), self.name);
        let changes = Arc::new(Changes::new());
        let watcher: Arc<dyn Fn(Change<'_>) + Send + Sync> = {
            let (changes, prefix) = (changes.clone(), prefix.clone());
            Arc::new(move |change| match change {
                Change::Key(key) => {
                    if let Some(key) = key.strip_prefix(&*prefix) {
                        changes.learn(Change::Key(key));
                    }
                }
                change => changes.learn(change),
            })
        };
        // If the store cannot be watched, no result is ever remembered.
        self.store.watch(Watcher::new(&watcher));
        let list = Arc::new(ListState {
            kind: self.kind,
            prefix,
            store: self.store,
            clock: PartClock::new(self.clock),
            limits: Limits::new(Values {
                leeway: leeway.0,
                max_lifetime: max_token_lifetime.0,
                fail_open: danger_fail_open,
            }),
            unchecked: Counter::new("jamguard_unchecked_tokens_total"),
            failing: AtomicBool::new(false),
            _watcher: watcher,
        });
        Ok(TokenList { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), changes, list })
    }
}

debug_fields!(TokenListBuilder, self, kind = self.kind, name = self.name);
