//! Limits of a list that can change while it is in use.

use crate::core::lock::{read, write};
use crate::core::{Error, ensure};
use crate::token::rules::Rules;
use std::{sync::RwLock, time::Duration};

/// The limits, and what the verifiers that use the list require of them.
pub(super) struct Limits(pub(super) RwLock<(Values, Required)>);

#[derive(Clone, Copy)]
pub(super) struct Values {
    /// How long an entry outlives its token's `exp`.
    pub(super) leeway: Duration,
    /// The longest token lifetime; `Duration::MAX` means no limit.
    pub(super) max_lifetime: Duration,
    pub(super) fail_open: bool,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Required {
    /// The longest leeway of a verifier, in seconds.
    leeway: u64,
    /// Whether a verifier accepts tokens without `exp`.
    without_exp: bool,
}

impl Limits {
    pub(super) fn new(values: Values) -> Self {
        Self(RwLock::new((values, Required::default())))
    }

    pub(super) fn get(&self) -> Values {
        read(&self.0).0
    }

    /// Checks that the limits fit a verifier with these rules, and keeps what it requires.
    pub(super) fn check_verifier(&self, rules: &Rules) -> Result<(), Error> {
        let (values, required) = &mut *write(&self.0);
        let all = Required {
            leeway: required.leeway.max(rules.leeway),
            without_exp: required.without_exp || !rules.require_exp,
        };
        values.check(all)?;
        *required = all;
        Ok(())
    }
}

impl Values {
    /// Checks that entries outlive the tokens that the verifiers accept.
    pub(super) fn check(&self, required: Required) -> Result<(), Error> {
        ensure(
            self.leeway.as_secs() >= required.leeway,
            "the list's leeway is shorter than the verifier's, so an entry would end before its \
             token: give the list's .leeway(…) the verifier's",
        )?;
        ensure(
            !required.without_exp || self.max_lifetime == Duration::MAX,
            "a list cannot be combined with .danger_accept_missing_exp(): tokens without exp \
             outlive the revocation of their subject; give the list \
             .max_token_lifetime(Duration::MAX)",
        )
    }
}
