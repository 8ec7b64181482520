//! Settings of the silent refresh of ID tokens.

use crate::core::Error;
use crate::core::settings::{Time, options};
use crate::jam::client::JamClient;

options! {
    /// The options of silent refresh.
    SilentRefreshOptions {
        /// How long a JAM login's session continues while JAM is unreachable. Default: 1 hour.
        outage_grace: Option<Time> = None,
    }
}

/// The builder's settings of silent refresh.
#[derive(Default)]
pub(crate) struct SilentRefresh {
    pub(super) client: Option<JamClient>,
    pub(crate) options: SilentRefreshOptions,
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
        if self.options.outage_grace.is_some() && (self.client.is_none() || !sessions) {
            return Err(Error::configuration(
                "outage_grace is for sessions that silent refresh renews: call .sessions(…) and \
                 .silent_refresh(…) too",
            ));
        }
        Ok(())
    }
}
