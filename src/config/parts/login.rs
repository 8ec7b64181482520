//! Settings of the browser login by magic link.

use super::apps::App;
use super::location::Spot;
use super::scalars::Given;
use super::settings::{Parts, not_configured};
use crate::authenticator::Authenticator;
use crate::config::document::Problem;
use crate::config::jamguard::Jamguard;
use crate::core::error::Error;
use crate::jam::client::JamClient;
use crate::login::{JamLogin, JamLoginBuilder};

settings! {
    /// Handlers of the magic link's redirect and of logout.
    pub(in crate::config) struct LoginSettings {
        /// Name of the app. Required with several apps.
        app: Option<String>,
        /// Path of this site to which browsers go after login and logout. Default: `/`.
        home: Option<String>,
        /// Where a login is kept. Default: a session if there are sessions, or else cookies.
        keep: Option<Keep>,
    }

    enum Keep {
        Session,
        Cookies,
    }
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
            (Some(name), _) => spot.named("app", "app", name, &parts.apps)?,
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
        let login = JamLogin::builder(auth, self.client.clone())
            .given(&self.settings.home, JamLoginBuilder::home);
        match &self.settings.keep {
            Some(Keep::Session) => login.into_session(),
            Some(Keep::Cookies) => login.into_cookies(),
            None => login,
        }
    }
}

impl Jamguard {
    /// Returns a builder of the login handlers for browsers, to which you may add your own handler.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the file has none.
    pub fn login(&self) -> Result<JamLoginBuilder, Error> {
        match &self.parts().login {
            Some(login) => Ok(login.begin(self.authenticator()?)),
            None => Err(not_configured("login", "login")),
        }
    }
}
