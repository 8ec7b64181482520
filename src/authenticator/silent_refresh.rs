//! Settings of the silent refresh of ID tokens.

use crate::core::Error;
use crate::jam::client::JamClient;
use std::time::Duration;

/// The builder's settings of silent refresh.
#[derive(Default)]
pub(super) struct SilentRefresh {
    pub(super) client: Option<JamClient>,
    pub(super) grace: Option<Duration>,
}

impl SilentRefresh {
    /// Returns a [`Configuration`](crate::ErrorKind::Configuration) error for a setting without effect.
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
