//! Limits of a list that can change while it is in use.

use super::token_list::TokenList;
use crate::core::error::Error;
#[cfg(feature = "config")]
use crate::store::Change;
use crate::token::rules::Rules;
use std::sync::PoisonError;
use std::time::Duration;

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// How long an entry outlives its token's `exp`.
    pub(super) leeway: Duration,
    /// The longest token lifetime; `Duration::MAX` means no limit.
    pub(super) max_lifetime: Duration,
    pub(super) fail_open: bool,
}

/// What the verifiers that use a list require of its limits.
#[derive(Clone, Copy, Default)]
pub(super) struct Required {
    /// The longest leeway of a verifier, in seconds.
    leeway: u64,
    /// Whether a verifier accepts tokens without `exp`.
    accepts_missing_exp: bool,
}

impl Limits {
    /// Checks that entries outlive the tokens that the verifiers accept.
    fn check(&self, required: Required) -> Result<(), Error> {
        if self.leeway.as_secs() < required.leeway {
            return Err(Error::configuration(
                "the list's leeway is shorter than the verifier's, so an entry would end before \
                 its token: give the list's .leeway(…) the verifier's",
            ));
        }
        if required.accepts_missing_exp && self.max_lifetime != Duration::MAX {
            return Err(Error::configuration(
                "a list cannot be combined with .danger_accept_missing_exp(): tokens without exp \
                 outlive the revocation of their subject; give the list \
                 .max_token_lifetime(Duration::MAX)",
            ));
        }
        Ok(())
    }
}

impl TokenList {
    pub(crate) fn limits(&self) -> Limits {
        // Poisoning is ignored: nothing panics while the lock is held.
        self.list.limits.read().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Checks that the limits fit a verifier with these rules, and records what it requires.
    pub(super) fn check_verifier(&self, rules: &Rules) -> Result<(), Error> {
        let (leeway, accepts_missing_exp) = (rules.leeway, !rules.require_exp);
        let mut locked = self.list.limits.write().unwrap_or_else(PoisonError::into_inner);
        let (limits, required) = &mut *locked;
        limits.check(Required { leeway, accepts_missing_exp })?;
        required.leeway = required.leeway.max(leeway);
        required.accepts_missing_exp |= accepts_missing_exp;
        Ok(())
    }
}

#[cfg(feature = "config")]
impl TokenList {
    /// Checks that other limits fit all verifiers that use the list.
    pub(crate) fn check_limits(&self, newer: Limits) -> Result<(), Error> {
        newer.check(self.list.limits.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Replaces the limits for all later checks.
    pub(crate) fn set_limits(&self, newer: Limits) {
        self.list.limits.write().unwrap_or_else(PoisonError::into_inner).0 = newer;
        // Tokens that passed under the old limits may not pass under the new ones.
        self.changes.learn(Change::All);
    }
}
