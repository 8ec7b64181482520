//! JAM apps and the silent refresh of their ID tokens: the builder's settings.

use super::builder::AuthenticatorBuilder;
use crate::core::Error;
use crate::jam::{app::JamApp, client::JamClient};
use std::time::Duration;

/// The builder's settings of silent refresh.
#[derive(Default)]
pub(super) struct SilentRefresh {
    pub(super) client: Option<JamClient>,
    pub(super) grace: Option<Duration>,
}

impl SilentRefresh {
    /// Returns a [`Configuration`](ErrorKind::Configuration) error for a setting without effect.
    pub(super) fn check(&self, cookies: bool, sessions: bool) -> Result<(), Error> {
        if self.client.is_some() && !cookies && !sessions {
            return Err(Error::configuration(
                "silent refresh works on login cookies and sessions: call \
                 .cookies(LoginCookies::new()) or .sessions(…) too",
            ));
        }
        if self.grace.is_some() && (self.client.is_none() || !sessions) {
            return Err(Error::configuration(
                "outage_grace is for sessions that silent refresh renews: call .sessions(…) and \
                 .silent_refresh(…) too",
            ));
        }
        Ok(())
    }
}

impl AuthenticatorBuilder {
    /// Accepts the ID tokens of a JAM app. Can be called several times.
    pub fn jam(mut self, app: JamApp) -> Self {
        self.verifiers.push(app.verifier());
        self
    }

    /// Renews ID tokens with the refresh token of their login. Default: off.
    ///
    /// A token is renewed once, even for concurrent requests.
    ///
    /// - An expired token in a cookie is renewed during the request; needs
    ///   [`cookies`](Self::cookies).
    /// - The token of a JAM login's session is renewed in the background during the last fifth of
    ///   its lifetime, at most 5 minutes; a request waits only if the token has expired. If JAM
    ///   refuses, the session ends; `outage_grace` limits how long it continues while JAM is
    ///   unreachable.
    pub fn silent_refresh(mut self, client: JamClient) -> Self {
        self.silent_refresh.client = Some(client);
        self
    }

    /// Sets how long a JAM login's session continues during an outage of JAM. Default: 1 hour.
    ///
    /// Measured from the expiry of its ID token; the session keeps its claims meanwhile. After that
    /// its requests are answered 503, and the cookie is kept: the session may still be valid.
    pub fn outage_grace(mut self, grace: Duration) -> Self {
        self.silent_refresh.grace = Some(grace);
        self
    }
}
