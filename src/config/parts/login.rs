//! Settings of the browser login by magic link.

use super::feature::{Build, Feature};
use super::location::Spot;
use super::registry::Parts;
use crate::authenticator::Authenticator;
use crate::config::document::{Problem, Section};
use crate::core::debug_fields;
use crate::jam::client::JamClient;
use crate::login::{JamLogin, JamLoginBuilder, Redirect, handlers::JamLoginOptions};

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// Handlers of the browser login by magic link.
        login: Option<Section<JamLoginOptions, LoginSettings>>,
    }

    /// Handlers of the magic link's redirect and of logout.
    struct LoginSettings {
        /// Name of the app. Required with several apps.
        app: Option<String>,
    }
}

/// A factory of login builders, because the application may add its own handler.
pub(in crate::config) struct LoginParts {
    options: JamLoginOptions,
    client: JamClient,
}

debug_fields!(LoginParts, self, client = self.client);

impl Feature for Keys {
    type Built = Option<LoginParts>;
}

impl Build<&Parts> for Keys {
    fn build(&self, parts: &Parts, spot: &Spot<'_>) -> Result<Self::Built, Problem> {
        let Some(Section(options, settings)) = &self.login else {
            return Ok(None);
        };
        let spot = spot.key("login");
        let mut apps = parts.apps.values();
        let app = match (&settings.app, apps.next(), apps.next()) {
            (Some(name), ..) => spot.named("app", "app", name, &parts.apps)?,
            (None, Some(only), None) => only.clone(),
            _ => return Err(spot.wrong("no single app: name one with 'app'")),
        };
        let login = LoginParts { options: options.clone(), client: app.client };
        if let Some(auth) = &parts.authenticator {
            // Built with a placeholder: the application may still set its own handler.
            let tried = login.begin(auth).on_login(|_| async { Ok(Redirect::to("/")) });
            spot.built(tried.build())?;
        }
        Ok(Some(login))
    }
}

impl LoginParts {
    pub(in crate::config) fn begin(&self, auth: &Authenticator) -> JamLoginBuilder {
        let mut login = JamLogin::builder(auth, self.client.clone());
        login.options = self.options.clone();
        login
    }
}
