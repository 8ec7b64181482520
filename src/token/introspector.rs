//! Introspectors: the interface between verification and introspection (RFC 7662).

use crate::core::{BoxFuture, Clock, Error};
use std::{sync::Arc, time::Duration};

/// Members that name the kind of the token: of RFC 7662, Ory Hydra and Keycloak.
pub(crate) const KIND_MEMBERS: [&str; 3] = ["token_type", "token_use", "typ"];

/// The authorization server's answer about an active token.
pub(crate) struct Active {
    /// The members of the answer: one strict JSON object.
    pub(crate) claims: Arc<str>,
    /// How long the answer may be used from now on.
    pub(crate) usable_for: Duration,
}

/// A server that knows whether a token is active.
pub(crate) trait Introspector: Send + Sync + 'static {
    /// Returns the issuer of answers without `iss`, which is optional there (RFC 7662 section 2.2).
    fn issuer(&self) -> Option<&str>;

    /// Returns the server's name: its issuer or the URL of its endpoint.
    fn place(&self) -> &str;

    /// Asks about a token, which is visible ASCII.
    ///
    /// # Errors
    /// [`ErrorKind::Inactive`] or [`ErrorKind::WrongType`] if the token must be rejected; the other
    /// kinds say nothing about it.
    fn ask(&self, token: &str) -> BoxFuture<Result<Active, Error>>;

    /// Answers later questions about the token from a new call.
    fn forget(&self, token: &str);

    /// Answers later questions about any token from new calls.
    fn forget_all(&self);

    /// Replaces the clock.
    fn follow_clock(&self, clock: &Arc<dyn Clock>);
}
