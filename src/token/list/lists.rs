//! The lists of a verifier.

use super::token_list::{Kind, TokenList};
use crate::core::{Clock, Error, ensure};
use crate::token::{rules::Rules, verified::Verified};
use std::sync::Arc;

/// A set of lists; a token must pass all of them.
#[derive(Clone, Default)]
pub(crate) struct Lists(Arc<[TokenList]>);

impl Lists {
    pub(crate) fn new(lists: impl IntoIterator<Item = TokenList>) -> Self {
        Self(lists.into_iter().collect())
    }

    /// Returns these lists and more.
    pub(crate) fn and(&self, more: &[TokenList]) -> Self {
        Self::new(self.0.iter().chain(more).cloned())
    }

    pub(crate) fn follow_clock(&self, clock: &Arc<dyn Clock>) {
        self.0.iter().for_each(|list| list.list.clock.follow(clock));
    }

    /// Checks the token if that needs no waiting.
    #[inline]
    pub(crate) fn recall(&self, token: &Verified) -> Option<Result<(), Error>> {
        for list in self.0.iter() {
            match list.recall(token) {
                Some(Ok(())) => {}
                answer => return answer,
            }
        }
        Some(Ok(()))
    }

    /// Checks the token, asking the stores if necessary.
    pub(crate) async fn ask(&self, token: &Verified) -> Result<(), Error> {
        for list in self.0.iter() {
            list.ask(token).await?;
        }
        Ok(())
    }
}

impl TokenList {
    /// Checks that the list has this kind and fits a verifier with these rules.
    pub(crate) fn check_use(&self, kind: Kind, rules: &Rules) -> Result<(), Error> {
        ensure(
            self.list.kind == kind,
            match kind {
                Kind::Deny => {
                    "an allow list given to .deny_list(…): use .allow_list(…), or \
                     TokenList::deny(…)"
                }
                Kind::Allow => {
                    "a deny list given to .allow_list(…): use .deny_list(…), or \
                     TokenList::allow(…)"
                }
            },
        )?;
        ensure(
            rules.check_exp,
            "a list cannot be combined with .danger_accept_expired(): its entries end with \
             their tokens, which would be accepted again",
        )?;
        self.limits().check_verifier(rules)
    }
}

/// Changes of the limits by a reload of the configuration file.
#[cfg(feature = "config")]
impl TokenList {
    /// Checks that another list's limits fit the verifiers that use this one.
    pub(crate) fn check_limits(&self, newer: &Self) -> Result<(), Error> {
        let required = crate::core::lock::read(&self.limits().0).1;
        newer.limits().get().check(required)
    }

    /// Takes another list's limits for all later checks.
    pub(crate) fn set_limits(&self, newer: &Self) {
        crate::core::lock::write(&self.limits().0).0 = newer.limits().get();
        // Tokens that passed under the old limits may not pass under the new ones.
        self.changes.learn(crate::store::Change::All);
    }
}
