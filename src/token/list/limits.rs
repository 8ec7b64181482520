//! Limits of a list that can change while it is in use.

use super::token_list::TokenList;
use crate::core::error::Error;
use crate::core::lock::{read, write};
#[cfg(feature = "config")]
use crate::store::Change;
use crate::token::rules::Rules;
use std::sync::RwLock;
use std::time::Duration;

pub(crate) struct Limits(RwLock<Values>);

#[derive(Clone, Copy)]
pub(super) struct Values {
    /// How long an entry outlives its token's `exp`.
    pub(super) leeway: Duration,
    /// The longest token lifetime; `Duration::MAX` means no limit.
    pub(super) max_lifetime: Duration,
    pub(super) fail_open: bool,
    /// The longest leeway of a verifier that uses the list, in seconds.
    used_leeway: u64,
    /// Whether a verifier that uses the list accepts tokens without `exp`.
    used_without_exp: bool,
}

impl Limits {
    pub(super) fn new(leeway: Duration, max_lifetime: Duration, fail_open: bool) -> Self {
        let (used_leeway, used_without_exp) = (0, false);
        Self(RwLock::new(Values { leeway, max_lifetime, fail_open, used_leeway, used_without_exp }))
    }

    pub(super) fn get(&self) -> Values {
        *read(&self.0)
    }

    /// Checks that the limits fit a verifier with these rules, and keeps what it requires.
    pub(super) fn check_verifier(&self, rules: &Rules) -> Result<(), Error> {
        let mut values = write(&self.0);
        let used = Values {
            used_leeway: values.used_leeway.max(rules.leeway),
            used_without_exp: values.used_without_exp || !rules.require_exp,
            ..*values
        };
        used.check()?;
        *values = used;
        Ok(())
    }
}

impl Values {
    /// Checks that entries outlive the tokens that the verifiers accept.
    fn check(&self) -> Result<(), Error> {
        if self.leeway.as_secs() < self.used_leeway {
            return Err(Error::configuration(
                "the list's leeway is shorter than the verifier's, so an entry would end before \
                 its token: give the list's .leeway(…) the verifier's",
            ));
        }
        if self.used_without_exp && self.max_lifetime != Duration::MAX {
            return Err(Error::configuration(
                "a list cannot be combined with .danger_accept_missing_exp(): tokens without exp \
                 outlive the revocation of their subject; give the list \
                 .max_token_lifetime(Duration::MAX)",
            ));
        }
        Ok(())
    }

    #[cfg(feature = "config")]
    fn with_limits_of(self, newer: Self) -> Self {
        let Self { leeway, max_lifetime, fail_open, .. } = newer;
        Self { leeway, max_lifetime, fail_open, ..self }
    }
}

impl TokenList {
    pub(crate) fn limits(&self) -> &Limits {
        &self.list.settings.limits
    }

    /// Checks that other limits fit the verifiers that use the list.
    #[cfg(feature = "config")]
    pub(crate) fn check_limits(&self, newer: &Limits) -> Result<(), Error> {
        self.limits().get().with_limits_of(newer.get()).check()
    }

    /// Replaces the limits for all later checks.
    #[cfg(feature = "config")]
    pub(crate) fn set_limits(&self, newer: &Limits) {
        let newer = newer.get();
        let mut values = write(&self.limits().0);
        *values = values.with_limits_of(newer);
        drop(values);
        // Tokens that passed under the old limits may not pass under the new ones.
        self.changes.learn(Change::All);
    }
}
