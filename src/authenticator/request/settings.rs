//! What requests read of the authenticator's settings.

use crate::authenticator::cookies::Attributes;
use crate::authenticator::handle::Authenticator;
use crate::authenticator::origins::OriginCheck;
use crate::core::{AuthResponse, Error};

impl Authenticator {
    /// Returns the request headers that may hold credentials.
    #[cfg(feature = "tower")]
    pub(crate) fn credential_headers(&self) -> impl Iterator<Item = &str> {
        self.0.sources.iter().filter_map(|source| source.vary())
    }

    /// Returns the response to an error, after the application's hook, and logs the error.
    pub(crate) fn challenge(&self, error: &Error) -> AuthResponse {
        self.context().challenge(error)
    }

    /// Returns the origin check.
    pub(crate) fn origins(&self) -> &OriginCheck {
        &self.0.origins
    }

    /// Whether the authenticator has sessions.
    #[cfg(any(feature = "tower", feature = "client"))]
    pub(crate) fn has_sessions(&self) -> bool {
        self.0.sessions.is_some()
    }

    /// Whether the response to an admitted request may carry a session or a renewed token.
    #[cfg(feature = "tower-http")]
    pub(super) fn changes_responses(&self) -> bool {
        #[cfg(feature = "client")]
        if self.0.refresh.is_some() {
            return true;
        }
        self.has_sessions()
    }

    /// Whether an invalid cookie refuses the request even where login is optional.
    pub(super) fn is_strict(&self) -> bool {
        self.0.strict_cookies
    }

    /// Returns the `Set-Cookie` value that removes a dead credential.
    pub(super) fn removal(&self, name: &str) -> String {
        match &self.0.cookies {
            Some(cookies) if cookies.id_name() == name => cookies.remove_id(),
            _ => Attributes::default().remove(name),
        }
    }
}
