//! Sets a list up.

use super::limits::Limits;
use super::token_list::{Kind, Settings, TokenList};
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::store::Store;
use crate::token::builder::{DEFAULT_LEEWAY, MAX_LEEWAY};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The longest that an issuer's tokens live unless it is told otherwise.
const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);
const MAX_NAME: usize = 64;

/// Sets a [`TokenList`] up.
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
    leeway: Duration,
    max_lifetime: Duration,
    fail_open: bool,
}

impl TokenListBuilder {
    pub(super) fn new(kind: Kind, store: impl Store) -> Self {
        Self {
            kind,
            store: Arc::new(store),
            name: "tokens".to_owned(),
            clock: Arc::new(SystemClock),
            leeway: DEFAULT_LEEWAY,
            max_lifetime: DEFAULT_MAX_LIFETIME,
            fail_open: false,
        }
    }

    /// The list's name in the store, where that holds several; `tokens` unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// By whose wall time entries end with their tokens; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long after its `exp` a token's entry stays: at least as long as any verifier with this
    /// list still accepts the token; 60 s unless set, an hour at most. A verifier of a longer
    /// leeway refuses the list when it is built.
    ///
    /// Where several machines write to the list, their clocks may differ by what this is above the
    /// verifiers' leeway.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest time from `iat` to `exp` of any token: so long
    /// [`revoke_subject`](TokenList::revoke_subject) has to be remembered. 366 days unless set;
    /// `Duration::MAX`: for ever.
    ///
    /// A token that lives longer is refused, because it could outlive its revocation.
    pub fn max_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Accepts tokens unchecked while the store cannot be asked, revoked ones too. Each counts in
    /// the metric `jamguard_unchecked_tokens_total`.
    pub fn danger_fail_open(mut self) -> Self {
        self.fail_open = true;
        self
    }

    /// Builds the list, and has it told of the store's changes.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<TokenList, Error> {
        check_name(&self.name)?;
        if self.leeway > MAX_LEEWAY {
            return Err(Error::configuration(
                "the list's leeway is over an hour, which is the most that a verifier may have",
            ));
        }
        if self.max_lifetime < Duration::from_secs(1) {
            return Err(Error::configuration(
                "the longest token lifetime is under a second: give .max_token_lifetime(…) the \
                 longest time from iat to exp of any token",
            ));
        }
        Ok(TokenList::new(Settings {
            kind: self.kind,
            prefix: format!("{}/{}/", self.kind.as_str(), self.name),
            store: self.store,
            clock: self.clock,
            limits: Limits::new(self.leeway, self.max_lifetime, self.fail_open),
        }))
    }
}

/// Checks the name of a part of a store.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::configuration(
        "a name in a store must have 1 to 64 letters, digits, '-', '_' or '.': it becomes part of \
         its keys",
    ))
}

impl fmt::Debug for TokenListBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenListBuilder")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
