//! The builder's methods for JAM apps and the silent refresh of their ID tokens.

use super::accepted::AcceptedTokens;
use super::builder::AuthenticatorBuilder;
use crate::core::settings::Time;
use crate::jam::{app::JamApp, client::JamClient};
use std::time::Duration;

impl AuthenticatorBuilder {
    /// Accepts the ID tokens of a JAM app. Can be called several times.
    pub fn jam(mut self, app: JamApp) -> Self {
        self.accepted.push(app.verifier().map(AcceptedTokens::from));
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
        self.silent_refresh.options.outage_grace = Some(Time(grace));
        self
    }
}
