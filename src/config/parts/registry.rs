//! The parts that other sections refer to by name.

use super::apps;
use super::feature::BuiltOf;
use super::key_rings::Rings;
use super::lists::Lists;
use super::stores::Stores;
use crate::authenticator::{Authenticator, accepted::AcceptedTokens};
use crate::session::Sessions;
use crate::token::{issuer::Issuer, protected_resource::ProtectedResource};
use std::collections::BTreeMap;

/// The name of the issuer of the section `jwt` among all issuers.
pub(in crate::config) const JWT: &str = "jwt";

/// The parts that other sections refer to.
#[derive(Default)]
pub(in crate::config) struct Parts {
    pub(in crate::config) stores: Stores,
    pub(in crate::config) rings: Rings,
    pub(in crate::config) lists: Lists,
    pub(in crate::config) issuers: BTreeMap<String, Issuer>,
    pub(in crate::config) verifiers: BTreeMap<String, AcceptedTokens>,
    pub(in crate::config) resource: Option<ProtectedResource>,
    pub(in crate::config) apps: BuiltOf<apps::Keys>,
    pub(in crate::config) sessions: Option<Sessions>,
    pub(in crate::config) authenticator: Option<Authenticator>,
}

impl Parts {
    /// Returns whether an authenticator has anything to verify credentials with.
    pub(super) fn can_verify(&self) -> bool {
        self.sessions.is_some()
            || !self.issuers.is_empty()
            || !self.verifiers.is_empty()
            || !self.apps.is_empty()
    }
}
