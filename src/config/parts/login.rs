//! Settings of the browser login by magic link.

use super::apps::App;
use super::location::Spot;
use super::settings::Parts;
use super::stores::unknown;
use crate::authenticator::Authenticator;
use crate::config::document::Problem;
use crate::jam::client::JamClient;
use crate::login::{JamLogin, JamLoginBuilder};
use serde::Deserialize;

/// Handlers of the magic link's redirect and of logout.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LoginSettings {
    /// Name of the app. Required with several apps.
    app: Option<String>,
    /// Path of this site to which browsers go after login and logout. Default: `/`.
    home: Option<String>,
    /// Where a login is kept. Default: a session if there are sessions, or else cookies.
    keep: Option<Keep>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Keep {
    Session,
    Cookies,
}

/// A factory of login builders, because the application may add its own handler.
pub(in crate::config) struct LoginParts {
    settings: LoginSettings,
    client: JamClient,
}

impl LoginSettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        parts: &Parts,
    ) -> Result<LoginParts, Problem> {
        let app = match (&self.app, parts.apps.len()) {
            (Some(name), _) => {
                let place = spot.key("app");
                let app = parts.apps.get(name);
                app.ok_or_else(|| unknown("app", name, parts.apps.keys(), &place))?
            }
            (None, 1) => parts.only_app().map_err(|error| spot.refused(error))?,
            (None, _) => return Err(spot.wrong("no single app: name one with 'app'")),
        };
        let App { client, .. } = app;
        let login = LoginParts { settings: self.clone(), client: client.clone() };
        if let Some(auth) = &parts.authenticator {
            // Built with a placeholder: the application may still set its own handler.
            let tried =
                login.begin(auth).on_login(|_| async { Ok(crate::login::Redirect::to("/")) });
            tried.build().map_err(|error| spot.refused(error))?;
        }
        Ok(login)
    }
}

impl LoginParts {
    pub(in crate::config) fn begin(&self, auth: &Authenticator) -> JamLoginBuilder {
        let mut login = JamLogin::builder(auth, self.client.clone());
        if let Some(home) = &self.settings.home {
            login = login.home(home);
        }
        match self.settings.keep {
            Some(Keep::Session) => login.into_session(),
            Some(Keep::Cookies) => login.into_cookies(),
            None => login,
        }
    }
}
